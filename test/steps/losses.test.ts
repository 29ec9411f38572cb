/** Expected losses by class, on a real PostgreSQL with the columns of Synapse 1.163 that syn2mas reads. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { parity } from '../../probes/parity.ts';
import { liveOldTokens } from '../../probes/old-token.ts';
import type { ProbeContext } from '../../probes/contract.ts';
import { classifiedTokens, expectedLosses, lossClasses, lossReasons } from '../../steps/losses.ts';
import { fakeStack } from '../probes/fake-stack.ts';
import { startCluster, type Cluster } from '../standins/mas/contract/cluster.ts';

const synapseTables = `
CREATE TABLE users (name text PRIMARY KEY, appservice_id text, is_guest smallint NOT NULL DEFAULT 0, deactivated smallint NOT NULL DEFAULT 0, locked boolean);
CREATE TABLE devices (user_id text, device_id text, hidden boolean DEFAULT false, PRIMARY KEY (user_id, device_id));
CREATE TABLE refresh_tokens (id bigint PRIMARY KEY, user_id text, device_id text, token text, next_token_id bigint);
CREATE TABLE access_tokens (id bigint PRIMARY KEY, user_id text, device_id text, token text, puppets_user_id text, valid_until_ms bigint, last_validated bigint, refresh_token_id bigint, used boolean);
CREATE TABLE user_threepids (user_id text, medium text, address text)`;
const masTables = `
CREATE TABLE users (username text);
CREATE TABLE user_emails (email text);
CREATE TABLE compat_sessions (compat_session_id int PRIMARY KEY, device_id text);
CREATE TABLE compat_access_tokens (compat_access_token_id int PRIMARY KEY, compat_session_id int, access_token text);
CREATE TABLE compat_refresh_tokens (compat_refresh_token_id int PRIMARY KEY, compat_access_token_id int, refresh_token text)`;

const people = `
INSERT INTO users (name, appservice_id, is_guest, deactivated, locked) VALUES
  ('@ann:fake.test', NULL, 0, 0, false), ('@lou:fake.test', NULL, 0, 0, true), ('@gone:fake.test', NULL, 0, 1, false), ('@1:fake.test', NULL, 1, 0, false), ('@bridge_x:fake.test', 'bridge', 0, 0, NULL);
INSERT INTO devices (user_id, device_id) VALUES ('@ann:fake.test', 'PHONE'), ('@ann:fake.test', 'LAPTOP'), ('@lou:fake.test', 'PHONE'), ('@1:fake.test', 'guest_device'), ('@bridge_x:fake.test', 'B')`;
/** id, user, device, puppet, valid_until_ms, refresh token, used */
type Token = readonly [user: string, device: string | null, more?: { readonly puppets?: string; readonly validUntil?: number; readonly refresh?: number; readonly used?: boolean }];

const past = 1_000;
const future = Date.now() + 3_600_000;

describe('expected losses', () => {
  let cluster: Cluster;
  before(async () => { cluster = await startCluster(); });
  after(() => cluster.stop());

  let made = 0;
  async function synapse(tokens: readonly Token[], more = ''): Promise<string> {
    const name = `synapse${made++}`;
    await cluster.createDatabase(name);
    await cluster.query(name, `${synapseTables}; ${people}; ${more}`);
    for (const [index, [user, device, { puppets, validUntil, refresh, used } = {}]] of tokens.entries()) {
      await cluster.query(name, 'INSERT INTO access_tokens VALUES ($1, $2, $3, $4, $5, $6, NULL, $7, $8)', [index + 1, `@${user}:fake.test`, device, `token-${index + 1}`, puppets ?? null, validUntil ?? null, refresh ?? null, used ?? true]);
    }
    return name;
  }
  const lossesOf = async (database: string): Promise<[string, number, readonly string[]][]> => (await expectedLosses((text) => cluster.query(database, text))).map((loss) => [loss.class, loss.count, loss.users]);

  const cases: readonly { readonly what: string; readonly tokens: readonly Token[]; readonly more?: string; readonly losses: readonly (readonly [string, number, readonly string[]])[] }[] = [
    { what: 'are none for sessions with and without a device', tokens: [['ann', 'PHONE'], ['ann', null], ['ann', 'LAPTOP', { validUntil: future }]], losses: [] },
    { what: 'name locked people', tokens: [['lou', 'PHONE']], losses: [['locked', 1, ['lou']]] },
    { what: 'name deactivated people with sessions left over', tokens: [['gone', null]], losses: [['deactivated', 1, ['gone']]] },
    { what: 'name guests', tokens: [['1', 'guest_device']], losses: [['guests', 1, ['1']]] },
    { what: "name logins of a bridge's users", tokens: [['bridge_x', 'B']], losses: [['appserviceLogins', 1, ['bridge_x']]] },
    { what: 'name tokens by which an administrator acts as somebody', tokens: [['ann', 'PHONE', { puppets: '@lou:fake.test' }]], losses: [['adminPuppets', 1, ['ann']]] },
    { what: 'name tokens without their device', tokens: [['ann', 'LOST']], losses: [['missingDevices', 1, ['ann']]] },
    { what: 'name expired tokens', tokens: [['ann', 'PHONE', { validUntil: past }]], losses: [['expired', 1, ['ann']]] },
    { what: 'are none for an expired token that can be refreshed', tokens: [['ann', 'PHONE', { validUntil: past, refresh: 1 }]], more: "INSERT INTO refresh_tokens VALUES (1, '@ann:fake.test', 'PHONE', 'r1', NULL)", losses: [] },
    { what: 'name a refreshed token whose successor is in use', tokens: [['ann', 'PHONE', { refresh: 1 }], ['ann', 'PHONE', { refresh: 2, used: true }]],
      more: "INSERT INTO refresh_tokens VALUES (1, '@ann:fake.test', 'PHONE', 'r1', 2), (2, '@ann:fake.test', 'PHONE', 'r2', NULL)", losses: [['usedUp', 1, ['ann']]] },
    { what: 'are none for a refreshed token whose successor was never used', tokens: [['ann', 'PHONE', { refresh: 1 }], ['ann', 'PHONE', { refresh: 2, used: false }]],
      more: "INSERT INTO refresh_tokens VALUES (1, '@ann:fake.test', 'PHONE', 'r1', 2), (2, '@ann:fake.test', 'PHONE', 'r2', NULL)", losses: [] },
    { what: 'name contacts that are no e-mail address', tokens: [], more: "INSERT INTO user_threepids VALUES ('@ann:fake.test', 'msisdn', '491234'), ('@ann:fake.test', 'email', 'a@example.org')", losses: [['otherContacts', 1, ['ann']]] },
    { what: 'count each token once, by the first rule that fits', tokens: [['gone', 'LOST', { validUntil: past }], ['lou', 'PHONE', { validUntil: past }]], losses: [['deactivated', 1, ['gone']], ['expired', 1, ['lou']]] },
  ];
  for (const { what, tokens, more, losses } of cases) {
    it(what, async () => { assert.deepEqual(await lossesOf(await synapse(tokens, more)), losses); });
  }

  it('show twenty people at most and count all', async () => {
    const database = await synapse(Array.from({ length: 25 }, (_, index): Token => [`p${String(index).padStart(2, '0')}`, 'LOST']),
      "INSERT INTO users (name) SELECT '@p' || to_char(n, 'FM00') || ':fake.test' FROM generate_series(0, 24) n");
    const [loss] = await lossesOf(database);
    assert.deepEqual([loss?.[0], loss?.[1], loss?.[2].length, loss?.[2][0]], ['missingDevices', 25, 20, 'p00']);
  });

  it('have a reason for each class', () => {
    assert.deepEqual(Object.keys(lossReasons).sort(), [...lossClasses].sort());
  });

  it('leave every other token alone', async () => {
    const database = await synapse([['ann', 'PHONE'], ['ann', 'LOST'], ['lou', 'PHONE'], ['bridge_x', 'B']]);
    const rows = await cluster.query<{ id: string; class: string | null }>(database, `SELECT id, class FROM (${classifiedTokens}) tokens ORDER BY id`);
    assert.deepEqual(rows.map((row) => row.class), [null, 'missingDevices', 'locked', 'appserviceLogins']);
  });

  describe('and the probes of both databases', () => {
    async function sides(masPeople: readonly string[], masTokens: readonly string[]): Promise<ProbeContext['sql']> {
      const from = await synapse([['ann', 'PHONE'], ['ann', 'LOST'], ['lou', 'PHONE'], ['gone', null], ['ann', null]], "INSERT INTO user_threepids VALUES ('@ann:fake.test', 'email', 'a@example.org')");
      const to = `mas${made}`;
      await cluster.createDatabase(to);
      await cluster.query(to, `${masTables}; INSERT INTO user_emails VALUES ('a@example.org'); INSERT INTO compat_sessions VALUES (1, 'PHONE'), (2, NULL)`);
      for (const name of masPeople) await cluster.query(to, 'INSERT INTO users VALUES ($1)', [name]);
      for (const [index, token] of masTokens.entries()) await cluster.query(to, 'INSERT INTO compat_access_tokens VALUES ($1, 1, $2)', [index, token]);
      return { synapse: (text, values) => cluster.query(from, text, values === undefined ? undefined : [...values]), mas: (text, values) => cluster.query(to, text, values === undefined ? undefined : [...values]) };
    }
    const run = async (sql: ProbeContext['sql']): Promise<string> => {
      const stack = await fakeStack('delegated');
      try {
        return await parity.run({ ...stack.context, ...(sql === undefined ? {} : { sql }) });
      } finally {
        await stack.close();
      }
    };

    it('find everybody and every session but the losses', async () => {
      assert.equal(await run(await sides(['1', 'ann', 'gone', 'lou'], ['token-1', 'token-3', 'mct_new'])), '4 people, 1 e-mail addresses, 2 access tokens and 0 refreshable sessions on both sides');
    });

    it('miss a session of Synapse even where MAS has as many of its own', async () => {
      await assert.rejects(run(await sides(['1', 'ann', 'gone', 'lou'], ['token-1', 'mct_new'])), /MAS has 1 access tokens of Synapse; expected 2/);
    });

    it('name who is on one side only', async () => {
      await assert.rejects(run(await sides(['1', 'ann', 'gone', 'eve'], [])), /Only Synapse has lou; only MAS has eve/);
    });

    it('take the probe person\'s session first, and nobody\'s that ends in the move', async () => {
      const database = await synapse([['lou', 'PHONE'], ['gone', null], ['ann', 'LOST'], ['ann', 'PHONE', { validUntil: past }], ['ann', 'LAPTOP'], ['matrix-stack-probe-x-b', 'KEPT']],
        "INSERT INTO users (name) VALUES ('@matrix-stack-probe-x-b:fake.test'); INSERT INTO devices (user_id, device_id) VALUES ('@matrix-stack-probe-x-b:fake.test', 'KEPT')");
      const rows = await cluster.query<{ token: string; ours: boolean }>(database, liveOldTokens, ['@matrix-stack-probe-%', 3]);
      assert.deepEqual(rows.map(({ token, ours }) => [token, ours]), [['token-6', true], ['token-5', false]]);
    });
  });
});
