/** A stack as its own program sees it, read outside the engine. */
import { SettingsError } from '../model/issues.ts';
import type { Model } from '../model/model.ts';
import type { LedgerReading } from '../model/moves.ts';
import { parseSettings } from '../model/parse.ts';
import type { RunnerSecrets, StackFacts } from '../steps/contract.ts';
import { LedgerUnreadable, readLedgerOf } from '../steps/ledger-read.ts';
import { modelDigest, renderAll } from '../templates/all.ts';
import { factsOf } from '../templates/facts.ts';
import type { RenderedVolume } from '../templates/file.ts';
import { fileNamesOf } from '../components/matrix-stack.ts';
import versions from '../versions.json' with { type: 'json' };
import { exitCodes, VerbError } from './exit-codes.ts';
import { pulumiOk } from './pulumi.ts';

export interface LoadedStack {
  readonly model: Model;
  readonly secret: (name: string) => string;
  readonly volumes: readonly RenderedVolume[];
  readonly facts: StackFacts;
  /** What jobs get as `/secrets/runner.json`. */
  readonly runnerSecrets: RunnerSecrets;
}

interface ConfigValue {
  readonly value?: string;
  readonly objectValue?: unknown;
}

/** @throws VerbError with the settings' issues, or pulumi's words when there is no such stack. */
export async function loadStack(stack: string): Promise<LoadedStack> {
  const config = JSON.parse(await pulumiOk(['config', '--stack', stack, '--show-secrets', '--json'])) as { [key: string]: ConfigValue };
  const all = Object.fromEntries(Object.entries(config).filter(([key]) => key.startsWith('matrix:')).map(([key, { value, objectValue }]) => [key.slice('matrix:'.length), objectValue ?? value]));
  const { secrets: values = {}, ...settings } = all;
  const secrets = new Map(Object.entries(values as { [name: string]: string }));
  const secret = (name: string): string => secrets.get(name) ?? '';
  const model = checked(() => parseSettings({ stack, settings, secretNames: new Set(secrets.keys()), versions }));
  const volumes = renderAll(model, secret);
  const digest = modelDigest(volumes, model, secret('digestKey'));
  const ca = model.tls.mode === 'selfSigned' ? secret('tlsCaCertificate') : null;
  const runner = volumes.find((volume) => volume.owner === 'runner-secrets')?.files.find((file) => file.path === 'runner.json');
  return { model, secret, volumes, facts: factsOf(model, fileNamesOf(model, volumes, secret('digestKey')), digest, ca), runnerSecrets: JSON.parse(runner?.content ?? '{}') as RunnerSecrets };
}

/** The one read of the ledger. @throws VerbError when nobody answers. */
export async function ledgerOf({ model, secret }: LoadedStack): Promise<LedgerReading> {
  try {
    return await readLedgerOf(model, secret(model.postgres.mode === 'external' ? model.postgres.adminPassword.secret : 'postgresPassword'));
  } catch (error) {
    if (error instanceof LedgerUnreadable) throw new VerbError(exitCodes.failed, error.message);
    throw error;
  }
}

function checked<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof SettingsError) throw new VerbError(exitCodes.refused, error.message);
    throw error;
  }
}
