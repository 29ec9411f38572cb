/** MAS's admin API with the stack's own client. It listens inside the stack; the edge serves it only where the operator's MAS does. */
import type { ProbeContext, ProbeResponse } from './contract.ts';
import { expectStatus, textAt } from './expect.ts';
import { directFetch } from './fetch.ts';

export type MasAdmin = (method: 'GET' | 'POST', path: string, body?: object) => Promise<ProbeResponse>;

/**
 * @returns a function that asks `/api/admin/v1/<path>`. Its token lives five minutes, so it is made for each use.
 * @throws ProbeFailure when MAS does not give the client a token.
 */
export async function masAdmin({ fetch, facts, secrets, direct }: ProbeContext): Promise<MasAdmin> {
  const asked = await fetch(`${facts.urls.issuer}oauth2/token`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded', Authorization: `Basic ${Buffer.from(`${facts.adminClientId}:${encodeURIComponent(secrets.masAdminClient)}`).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'urn:mas:admin' }).toString(),
  });
  expectStatus(asked, 200, "token for the stack's own client");
  const token = textAt(asked.json(), 'access_token');
  const base = direct === undefined ? `${facts.urls.issuer}api/admin/v1/` : `${direct.masInternal}/api/admin/v1/`;
  const send = direct === undefined ? fetch : directFetch;
  return (method, path, body) => send(`${base}${path}`, { method,
    headers: { Authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
}
