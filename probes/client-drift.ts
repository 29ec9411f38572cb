import { ProbeFailure } from './contract.ts';
import type { Probe } from './contract.ts';
import { at, expectStatus, onlyInJobs } from './expect.ts';
import { withMasAdmin } from './mas-admin.ts';
import type { MasAdmin } from './mas-admin.ts';

/** What MAS holds is what the stack declares: no client missing, none left over, every redirect as written. */
export const clientDrift: Probe = {
  id: 'P07',
  title: 'clients of MAS',
  classes: ['steady'],
  phases: ['delegated'],
  async run(context) {
    if (context.direct === undefined) return onlyInJobs("MAS's admin API");
    const found = await withMasAdmin(context, staticClients);
    const declared = new Map(context.facts.clients.map((client) => [client.clientId, client]));
    const missing = [...declared.values()].filter((client) => !found.has(client.clientId)).map((client) => client.name);
    const extra = [...found.keys()].filter((id) => !declared.has(id));
    const changed = [...declared.values()].filter((client) => found.has(client.clientId) && sorted(found.get(client.clientId) ?? []) !== sorted(client.redirectUris)).map((client) => client.name);
    if (missing.length + extra.length + changed.length > 0) {
      throw new ProbeFailure(`MAS lacks ${named(missing)}, has ${named(extra)} too many and other redirects for ${named(changed)}; expected the ${declared.size} clients of the stack`);
    }
    return `${declared.size} clients as declared`;
  },
};

/** @returns redirect URIs by client id. */
async function staticClients(admin: MasAdmin): Promise<ReadonlyMap<string, readonly string[]>> {
  const found = new Map<string, readonly string[]>();
  let next: string | undefined = 'oauth2-clients?filter[client-kind]=static&page[first]=100';
  while (next !== undefined) {
    const answer = await admin('GET', next);
    expectStatus(answer, 200, "MAS's list of clients");
    for (const entry of listAt(answer.json(), 'data')) {
      found.set(String(at(entry, 'id')), listAt(at(entry, 'attributes'), 'redirect_uris').map(String));
    }
    const link = at(answer.json(), 'links', 'next');
    next = typeof link === 'string' ? link.replace(/^.*\/api\/admin\/v1\//, '') : undefined;
  }
  return found;
}

function listAt(value: unknown, name: string): readonly unknown[] {
  const found = at(value, name);
  if (!Array.isArray(found)) throw new ProbeFailure(`MAS's answer has no list of ${name}`);
  return found;
}

/** MAS normalises URLs, e.g. adds the slash of an empty path. */
function sorted(uris: readonly string[]): string {
  return uris.map((uri) => (URL.canParse(uri) ? new URL(uri).href : uri)).sort().join(' ');
}

function named(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.join(', ');
}
