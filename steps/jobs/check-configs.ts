/** Every rendered configuration is read by the program that will run on it, before anything stops. */
import type { Job } from '../context.ts';
import { StepError } from '../contract.ts';
import { oneShot } from '../docker-api.ts';
import { masConfigCheck, synapseConfigCheck } from '../tools.ts';

/** Synapse's sentence is the last of its stderr; its log lines before it are not the reason. */
const reason = (text: string): string => text.trim().split('\n').filter((line) => line.trim() !== '').slice(-4).join(' ').slice(0, 600);

export const checkConfigs: Job = async ({ facts, log }) => {
  const checks = [
    ...(['legacy', 'delegated'] as const).filter((side) => facts.files[`synapse-${side}`] !== undefined)
      .map((side) => ({ what: `homeserver.yaml (${side})`, tool: synapseConfigCheck(facts, side) })),
    ...(facts.files['mas'] === undefined ? [] : [{ what: 'MAS config.yaml', tool: masConfigCheck(facts) }]),
  ];
  const refused: string[] = [];
  await Promise.all(checks.map(async ({ what, tool }) => {
    const result = await oneShot(tool, 60_000);
    if (result.exitCode === 0) log(`${what}: accepted`);
    else refused.push(`${what} was refused (exit code ${result.exitCode}): ${reason(result.stderr || result.stdout)}`);
  }));
  if (refused.length > 0) throw new StepError(`${refused.join('\n')}\nNothing was changed. Correct the settings and run pulumi up again.`);
  return { summary: `Configurations accepted: ${checks.map((check) => check.what).join(', ')}.` };
};
