/** Scopes that MAS knows in a stable and an unstable spelling (crates/handlers/src/oauth2/introspection.rs, crates/data-model/src/compat/device.rs). */
export const STABLE_API = 'urn:matrix:client:api:*';
export const UNSTABLE_API = 'urn:matrix:org.matrix.msc2967.client:api:*';
export const STABLE_DEVICE = 'urn:matrix:client:device:';
export const UNSTABLE_DEVICE = 'urn:matrix:org.matrix.msc2967.client:device:';
export const SYNAPSE_ADMIN = 'urn:synapse:admin:*';

/** Splits at single spaces and removes doubles; the set is in byte order, as MAS's BTreeSet prints it. Undefined when a token is empty or has an illegal character. */
export function parseScope(text: string): string[] | undefined {
  const tokens = text.split(' ');
  if (tokens.some((token) => !/^[\x21\x23-\x5b\x5d-\x7e]+$/.test(token))) return undefined;
  return [...new Set(tokens)].sort();
}

/** The device named by a scope token. */
export function deviceOf(token: string): string | undefined {
  for (const prefix of [STABLE_DEVICE, UNSTABLE_DEVICE]) {
    if (token.startsWith(prefix)) return token.slice(prefix.length);
  }
  return undefined;
}

/** Both spellings of a device; undefined when the id cannot stand in a scope. */
export function deviceScopes(device: string): string[] | undefined {
  return parseScope(`${STABLE_DEVICE}${device}`)?.length === 1 && !device.includes(' ') ? [`${STABLE_DEVICE}${device}`, `${UNSTABLE_DEVICE}${device}`] : undefined;
}

/** Adds the other spelling of each token, so that old and new homeservers understand. */
export function withBothSpellings(tokens: readonly string[]): string[] {
  const all = new Set(tokens);
  for (const token of tokens) {
    if (token === STABLE_API) all.add(UNSTABLE_API);
    if (token === UNSTABLE_API) all.add(STABLE_API);
    const device = deviceOf(token);
    for (const spelling of device === undefined ? [] : deviceScopes(device) ?? []) all.add(spelling);
  }
  return [...all].sort();
}
