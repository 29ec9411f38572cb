/** Exit codes of `matrix-stack`, the same for every verb. Scripts may rely on them. */
export const exitCodes = {
  ok: 0,
  /** Something was tried and went wrong, or a probe failed. */
  failed: 1,
  /** The command line could not be understood. */
  usage: 2,
  /** Nothing was done, because it must not be: the message says what to type. */
  refused: 3,
  /** A move was begun and has neither ended nor been undone. */
  unfinished: 4,
} as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Ends a verb with a sentence for the operator and an exit code; anything else thrown is a defect and shown with its stack. */
export class VerbError extends Error {
  override readonly name = 'VerbError';
  readonly code: ExitCode;
  constructor(code: ExitCode, message: string) {
    super(message);
    this.code = code;
  }
}
