/** MAS's admin API with the stack's own client. It listens inside the stack; the edge serves it only where the operator's MAS does. */
import type { ProbeContext, ProbeResponse } from './contract.ts';
import { expectStatus, textAt } from './expect.ts';
import { directFetch } from './fetch.ts';

/** Asks `/api/admin/v1/<path>`. */
export type MasAdmin = (method: 'GET' | 'POST', path: string, body?: object) => Promise<ProbeResponse>;

/**
 * Runs `work` with a token of its own and revokes it afterwards, so that MAS does not collect sessions.
 * @throws ProbeFailure when MAS does not give the client a token.
 */
export async function withMasAdmin<T>({ fetch, facts, secrets, direct }: ProbeContext, work: (admin: MasAdmin) => Promise<T>): Promise<T> {
  const client = Buffer.from(`${facts.adminClientId}:${encodeURIComponent(secrets.masAdminClient)}`).toString('base64');
  const ask = (path: string, fields: { readonly [name: string]: string }): Promise<ProbeResponse> => fetch(`${facts.urls.issuer}oauth2/${path}`, { method: 'POST',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded', Authorization: `Basic ${client}` }, body: new URLSearchParams(fields).toString() });
  const asked = await ask('token', { grant_type: 'client_credentials', scope: 'urn:mas:admin' });
  expectStatus(asked, 200, "token for the stack's own client");
  const token = textAt(asked.json(), 'access_token');
  const base = direct === undefined ? facts.urls.issuer : `${direct.masInternal}/`;
  const send = direct === undefined ? fetch : directFetch;
  try {
    return await work((method, path, body) => send(`${base}api/admin/v1/${path}`, { method,
      headers: { Authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) }));
  } finally {
    await ask('revoke', { token });
  }
}
