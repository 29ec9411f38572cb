/** Composition root: config -> model -> files -> the one read of the ledger -> decision -> components -> outputs. */
import * as pulumi from '@pulumi/pulumi';
import { Claim } from './components/claim.ts';
import { DockerHost } from './components/docker-host.ts';
import { fileNamesOf, MatrixStack } from './components/matrix-stack.ts';
import { readConfig } from './config.ts';
import { unpinnedWarnings } from './model/images.ts';
import { decide } from './model/moves.ts';
import { endingOf, Refusal } from './ending.ts';
import { parseSettings } from './model/parse.ts';
import { wishOf } from './model/wish.ts';
import { stackOutputs } from './components/outputs.ts';
import { readDecidedLedger, readLedgerOf } from './steps/ledger-read.ts';
import { modelDigest, rehearsalDigest, renderAll } from './templates/all.ts';
import { factsOf } from './templates/facts.ts';
import versions from './versions.json' with { type: 'json' };

async function build(): Promise<pulumi.Inputs> {
  const { stack, settings, secrets } = readConfig();
  const model = parseSettings({ stack, settings, secretNames: new Set(secrets.keys()), versions });
  const secret = (name: string): string => secrets.get(name) ?? '';
  const volumes = renderAll(model, secret);
  const digest = modelDigest(volumes, model, secret('digestKey'));
  const fileNames = fileNamesOf(model, volumes, secret('digestKey'));
  const reading = await readDecidedLedger(() => readLedgerOf(model, secret(model.postgres.mode === 'external' ? model.postgres.adminPassword.secret : 'postgresPassword')),
    (model.migration.switchTimeout + 60) * 1000, (sentence) => void pulumi.log.info(sentence));
  const decision = decide(reading, wishOf(model, digest, rehearsalDigest(model)));
  if (decision.kind === 'refused') throw new Refusal(decision.message);
  await pulumi.log.info(decision.sentence);
  for (const warning of unpinnedWarnings(model)) await pulumi.log.warn(warning);
  const ca = model.tls.mode === 'selfSigned' ? secret('tlsCaCertificate') : null;
  const host = new DockerHost('docker-host', { host: model.dockerHost });
  const { unfinished } = reading;
  const claim = new Claim('claim', { stack, dockerHost: model.dockerHost, recover: model.recover,
    unfinished: unfinished === null ? null : `move ${unfinished.epoch} (${unfinished.move}) that ${unfinished.holder} started at ${unfinished.since} is not finished`,
    move: decision.kind === 'move' && decision.from !== 'empty' ? `move ${decision.epoch} (${decision.move})` : null });
  const matrix = new MatrixStack(stack, { model, volumes, fileNames, facts: factsOf(model, fileNames, digest, ca), decision }, { providers: { docker: host.provider }, dependsOn: [claim] });
  return stackOutputs(model, digest, matrix.recorded);
}

/** The program: what the language host, or the operator's command attached to the engine, runs. @returns the stack's outputs. */
export default async function program(): Promise<pulumi.Inputs> {
  try {
    return await build();
  } catch (error) {
    throw endingOf(error);
  }
}
