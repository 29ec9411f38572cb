import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { masOwned, synapseOwned } from '../../model/overrides.ts';
import { linesOf, parsed } from './settings.ts';

/** @returns a map with `value` at a dotted path. */
function at(path: string, value: unknown): object {
  return path.split('.').reduceRight<unknown>((inner, key) => ({ [key]: inner }), value) as object;
}

describe("an operator's key that the stack owns is refused and the setting to use is named", () => {
  for (const [path, use] of Object.entries(synapseOwned)) {
    it(`homeserver.yaml ${path}`, () => {
      const lines = linesOf({ synapseSettings: at(path, 12) });
      assert.ok(lines.some((line) => line.startsWith(`synapseSettings.${path}: this key follows from other settings (got `) && line.endsWith(`; ${use}`)), lines.join('\n'));
    });
  }
  for (const [path, use] of Object.entries(masOwned)) {
    it(`config.yaml ${path}`, () => {
      const lines = linesOf({ masSettings: at(path, { x: 1 }) });
      assert.ok(lines.some((line) => line.startsWith(`masSettings.${path}: this key follows from other settings (got a map); `) && line.endsWith(use)), lines.join('\n'));
    });
  }
});

describe('other keys of the same sections stay the operator\'s', () => {
  it('in homeserver.yaml', () => {
    const synapseSettings = { database: { args: { cp_max: 20 }, statement_timeout: 60000 }, password_config: { policy: { enabled: true } }, rc_login: { address: { per_second: 5 } } };
    assert.deepEqual(parsed({ phase: 'delegated', synapseSettings }).synapseSettings, synapseSettings);
  });
  it('in config.yaml', () => {
    const masSettings = { passwords: { minimum_complexity: 4 }, policy: { data: { registration: { banned_usernames: { literals: ['root'] } } } }, rate_limiting: { login: { per_ip: { burst: 100, per_second: 10 } } } };
    assert.deepEqual(parsed({ masSettings }).masSettings, masSettings);
  });
});

describe('a section that is no map', () => {
  it('would hide what the stack owns, and is refused', () => {
    assert.deepEqual(linesOf({ synapseSettings: { password_config: true } }), ['synapseSettings.password_config: a map is expected here (got true); write a map or remove the key']);
  });
});
