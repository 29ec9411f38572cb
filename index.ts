/** Composition root: config -> model -> files -> the one read of the ledger -> decision -> components -> outputs. */
import * as pulumi from '@pulumi/pulumi';
import { DockerHost } from './components/docker-host.ts';
import { fileNamesOf, MatrixStack } from './components/matrix-stack.ts';
import { readConfig } from './config.ts';
import { SettingsError } from './model/issues.ts';
import { decide } from './model/moves.ts';
import { parseSettings } from './model/parse.ts';
import { wishOf } from './model/wish.ts';
import { stackOutputs } from './components/outputs.ts';
import { LedgerUnreadable, readLedgerOf } from './steps/ledger-read.ts';
import { modelDigest, rehearsalDigest, renderAll } from './templates/all.ts';
import { factsOf } from './templates/facts.ts';
import versions from './versions.json' with { type: 'json' };

/** Errors whose message is written for the operator and needs no stack trace. */
const spoken = [SettingsError, LedgerUnreadable];

async function build(): Promise<pulumi.Inputs> {
  const { stack, settings, secrets } = readConfig();
  const model = parseSettings({ stack, settings, secretNames: new Set(secrets.keys()), versions });
  const secret = (name: string): string => secrets.get(name) ?? '';
  const volumes = renderAll(model, secret);
  const digest = modelDigest(volumes, model, secret('digestKey'));
  const fileNames = fileNamesOf(model, volumes, secret('digestKey'));
  const reading = await readLedgerOf(model, secret(model.postgres.mode === 'external' ? model.postgres.adminPassword.secret : 'postgresPassword'));
  const decision = decide(reading, wishOf(model, digest, rehearsalDigest(model)));
  if (decision.kind === 'refused') throw new pulumi.RunError(decision.message);
  await pulumi.log.info(decision.sentence);
  const ca = model.tls.mode === 'selfSigned' ? secret('tlsCaCertificate') : null;
  const host = new DockerHost('docker-host', { host: model.dockerHost });
  const matrix = new MatrixStack(stack, { model, volumes, fileNames, facts: factsOf(model, fileNames, digest, ca), decision }, { providers: { docker: host.provider } });
  return stackOutputs(model, digest, matrix.recorded);
}

/** The program: what the language host, or the operator's command attached to the engine, runs. @returns the stack's outputs. */
export default async function program(): Promise<pulumi.Inputs> {
  try {
    return await build();
  } catch (error) {
    if (error instanceof Error && spoken.some((kind) => error instanceof kind)) throw new pulumi.RunError(error.message);
    throw error;
  }
}
