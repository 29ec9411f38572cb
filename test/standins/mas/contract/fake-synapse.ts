import { createServer } from 'node:http';
import { SECRET, SERVER_NAME } from './configuration.ts';

/** A labelled fake of Synapse's `/_synapse/mas` endpoints (synapse/rest/synapse/mas/): it keeps users and devices in memory and remembers each call. */
export interface FakeSynapse {
  readonly url: string;
  readonly calls: { readonly path: string; readonly body: Record<string, unknown> }[];
  readonly users: Map<string, { devices: Set<string>; locked: boolean }>;
  /** While true, every call is answered 500. */
  failing: boolean;
  stop(): Promise<void>;
}

export async function startFakeSynapse(): Promise<FakeSynapse> {
  const calls: FakeSynapse['calls'] = [];
  const users: FakeSynapse['users'] = new Map();
  const state = { failing: false };
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => { text += chunk.toString(); });
    request.on('end', () => {
      const url = new URL(request.url ?? '/', 'http://fake');
      const body = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>;
      const reply = (status: number, answer: unknown): void => {
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(JSON.stringify(answer));
      };
      const name = url.pathname.replace('/_synapse/mas/', '');
      if (request.headers.authorization !== `Bearer ${SECRET}`) { reply(403, { errcode: 'M_FORBIDDEN', error: 'This endpoint must only be called by MAS' }); return; }
      calls.push({ path: name, body: { ...Object.fromEntries(url.searchParams), ...body } });
      if (state.failing) { reply(500, { errcode: 'M_UNKNOWN', error: 'failing on purpose' }); return; }
      const localpart = String(body['localpart'] ?? url.searchParams.get('localpart') ?? '');
      const user = users.get(localpart);
      const device = String(body['device_id'] ?? '');
      switch (name) {
        case 'provision_user': users.set(localpart, { devices: user?.devices ?? new Set(), locked: body['locked'] === true }); reply(user === undefined ? 201 : 200, {}); return;
        case 'is_localpart_available': reply(...(user === undefined ? [200, {}] : [400, { errcode: 'M_USER_IN_USE', error: 'taken' }]) as [number, object]); return;
        case 'query_user': reply(...(user === undefined ? [404, { errcode: 'M_NOT_FOUND', error: 'User not found' }]
          : [200, { user_id: `@${localpart}:${SERVER_NAME}`, display_name: null, avatar_url: null, is_suspended: false, is_deactivated: false }]) as [number, object]); return;
        case 'upsert_device': user?.devices.add(device); reply(user === undefined ? 404 : 201, {}); return;
        case 'delete_device': user?.devices.delete(device); reply(200, {}); return;
        case 'sync_devices': if (user !== undefined) user.devices = new Set((body['devices'] as string[] | undefined) ?? []); reply(200, {}); return;
        default: reply(200, {});
      }
    });
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  server.unref();
  const address = server.address();
  return {
    url: `http://127.0.0.1:${String(typeof address === 'object' && address !== null ? address.port : 0)}/`, calls, users,
    get failing() { return state.failing; },
    set failing(value) { state.failing = value; },
    async stop() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => { server.close(() => { resolve(); }); });
    },
  };
}
