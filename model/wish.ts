import type { Model } from './model.ts';
import type { Wish } from './moves.ts';

/** @returns what the operator's side says to the decision. A mirror adopts its data and needs no rehearsal. */
export function wishOf(model: Model, modelDigest: string, rehearsalDigest: string): Wish {
  const { stack, phase, serverName, adopt, migration, mirror, acceptLoss } = model;
  return { stack, phase, serverName, modelDigest, rehearsalDigest, adopt: adopt !== undefined || mirror !== undefined, evidenceMaxAge: migration.evidenceMaxAge,
    requireRehearsal: migration.requireRehearsal && mirror === undefined, ...(acceptLoss === undefined ? {} : { acceptLoss }) };
}
