import type pg from 'pg';
import { ulidOf, uuidOf } from '../../db/ids.ts';
import { Refusal } from '../client-auth.ts';
import { one, type Context } from '../context.ts';
import { json, ulidProblem, type Reply, type Request } from '../wire.ts';
import { adminError, callerOf } from './caller.ts';

type Row = Readonly<Record<string, unknown>>;

/** A filter of a list: an SQL condition, with `$` where the value goes; undefined for a value that it does not know. */
type Filter = (value: string) => { readonly sql: string; readonly value?: unknown } | undefined;

/** One kind of thing in the admin API (crates/handlers/src/admin/model.rs). */
export interface Resource {
  readonly kind: string;
  /** Last part of the path, `users`. */
  readonly path: string;
  /** What follows FROM; the id column must be unambiguous. */
  readonly from: string;
  readonly columns: string;
  readonly id: string;
  readonly attributes: (row: Row) => Record<string, unknown>;
  readonly filters: Readonly<Record<string, Filter>>;
  /** The title when there is none with this id. */
  readonly notFound: (ulid: string) => string;
}

const ulid = (value: unknown): string | null => (typeof value === 'string' ? ulidOf(value) : null);

function byId(column: string): Filter {
  return (value) => (uuidOf(value) === undefined ? undefined : { sql: `${column} = $`, value: uuidOf(value) });
}

function truth(column: string): Filter {
  return (value) => (value === 'true' || value === 'false' ? { sql: `${column} = $`, value: value === 'true' } : undefined);
}

function conditionOf(words: Readonly<Record<string, string>>): Filter {
  return (value) => (words[value] === undefined ? undefined : { sql: words[value] });
}

const byUser = byId('user_id');
const finished = conditionOf({ active: 'finished_at is null', finished: 'finished_at is not null' });

/** The resources that the stand-in has. Filters left out are ignored here and refused nowhere. */
export const RESOURCES = {
  users: {
    kind: 'user', path: 'users', from: 'users', columns: '*', id: 'user_id', notFound: (id) => `User ID ${id} not found`,
    attributes: (row) => ({ username: row['username'], created_at: row['created_at'], locked_at: row['locked_at'], deactivated_at: row['deactivated_at'], admin: row['can_request_admin'], legacy_guest: row['is_guest'] }),
    filters: {
      admin: truth('can_request_admin'), 'legacy-guest': truth('is_guest'), search: (value) => ({ sql: "username ilike '%' || $ || '%'", value }),
      status: conditionOf({ active: 'locked_at is null and deactivated_at is null', locked: 'locked_at is not null', deactivated: 'deactivated_at is not null' }),
    },
  },
  'user-emails': {
    kind: 'user-email', path: 'user-emails', from: 'user_emails', columns: '*', id: 'user_email_id', notFound: (id) => `User email ID ${id} not found`,
    attributes: (row) => ({ created_at: row['created_at'], user_id: ulid(row['user_id']), email: row['email'] }),
    filters: { user: byUser, email: (value) => ({ sql: 'lower(email) = lower($)', value }) },
  },
  'compat-sessions': {
    kind: 'compat-session', path: 'compat-sessions', id: 'compat_session_id', notFound: (id) => `Compatibility session ID ${id} not found`,
    from: 'compat_sessions', columns: '*, (select redirect_uri from compat_sso_logins l where l.compat_session_id = compat_sessions.compat_session_id limit 1) as redirect_uri',
    attributes: (row) => ({ user_id: ulid(row['user_id']), device_id: row['device_id'], user_session_id: ulid(row['user_session_id']), redirect_uri: row['redirect_uri'], created_at: row['created_at'],
      user_agent: row['user_agent'], last_active_at: row['last_active_at'], last_active_ip: row['last_active_ip'], finished_at: row['finished_at'], human_name: row['human_name'] }),
    filters: { user: byUser, status: finished },
  },
  'oauth2-sessions': {
    kind: 'oauth2-session', path: 'oauth2-sessions', from: 'oauth2_sessions', columns: '*', id: 'oauth2_session_id', notFound: (id) => `OAuth 2.0 session ID ${id} not found`,
    attributes: (row) => ({ created_at: row['created_at'], finished_at: row['finished_at'], user_id: ulid(row['user_id']), user_session_id: ulid(row['user_session_id']), client_id: ulid(row['oauth2_client_id']),
      scope: (row['scope_list'] as string[]).toSorted().join(' '), user_agent: row['user_agent'], last_active_at: row['last_active_at'], last_active_ip: row['last_active_ip'], human_name: row['human_name'] }),
    filters: { user: byUser, status: finished, client: byId('oauth2_client_id'), scope: (value) => ({ sql: '$ = any(scope_list)', value }) },
  },
  'user-sessions': {
    kind: 'user-session', path: 'user-sessions', from: 'user_sessions', columns: '*', id: 'user_session_id', notFound: (id) => `User session ID ${id} not found`,
    attributes: (row) => ({ created_at: row['created_at'], finished_at: row['finished_at'], user_id: ulid(row['user_id']), user_agent: row['user_agent'], last_active_at: row['last_active_at'], last_active_ip: row['last_active_ip'] }),
    filters: { user: byUser, status: finished },
  },
  'oauth2-clients': {
    kind: 'oauth2-client', path: 'oauth2-clients', from: 'oauth2_clients', columns: '*', id: 'oauth2_client_id', notFound: (id) => `OAuth 2.0 client ID ${id} not found`,
    attributes: (row) => ({ client_id: ulid(row['oauth2_client_id']), client_name: row['client_name'], client_uri: row['client_uri'], logo_uri: row['logo_uri'], redirect_uris: row['redirect_uris'],
      grant_types: [['authorization_code', 'grant_type_authorization_code'], ['refresh_token', 'grant_type_refresh_token'], ['client_credentials', 'grant_type_client_credentials'],
        ['urn:ietf:params:oauth:grant-type:device_code', 'grant_type_device_code']].filter(([, column]) => row[column ?? ''] === true).map(([name]) => name), is_static: row['is_static'] }),
    filters: {
      'client-kind': conditionOf({ static: 'is_static', dynamic: 'not is_static' }), 'client-name': (value) => ({ sql: "client_name ilike '%' || $ || '%'", value }),
      'client-uri': (value) => ({ sql: "client_uri ilike '%' || $ || '%'", value }),
      'has-active-sessions': (value) => ({ sql: `${value === 'true' ? '' : 'not '}exists (select 1 from oauth2_sessions s where s.oauth2_client_id = oauth2_clients.oauth2_client_id and s.finished_at is null)` }),
    },
  },
  'personal-sessions': {
    kind: 'personal-session', path: 'personal-sessions', id: 'personal_session_id', notFound: () => 'Personal session not found',
    from: 'personal_sessions', columns: '*, (select expires_at from personal_access_tokens t where t.personal_session_id = personal_sessions.personal_session_id and t.revoked_at is null) as expires_at',
    attributes: (row) => ({ created_at: row['created_at'], revoked_at: row['revoked_at'], owner_user_id: ulid(row['owner_user_id']), owner_client_id: ulid(row['owner_oauth2_client_id']), actor_user_id: ulid(row['actor_user_id']),
      human_name: row['human_name'], scope: (row['scope_list'] as string[]).toSorted().join(' '), last_active_at: row['last_active_at'], last_active_ip: row['last_active_ip'], expires_at: row['expires_at'] }),
    filters: {
      owner_user: byId('owner_user_id'), owner_client: byId('owner_oauth2_client_id'),
      actor_user: byId('actor_user_id'), scope: (value) => ({ sql: '$ = any(scope_list)', value }),
      status: conditionOf({ active: 'revoked_at is null', revoked: 'revoked_at is not null' }),
    },
  },
} as const satisfies Record<string, Resource>;

export const ROOT = '/api/admin/v1';

/** One thing as the API shows it. */
export function shown(resource: Resource, row: Row, cursor = false): Record<string, unknown> {
  const id = ulidOf(String(row[resource.id]));
  return { type: resource.kind, id, attributes: resource.attributes(row), links: { self: `${ROOT}/${resource.path}/${id}` }, ...(cursor ? { meta: { page: { cursor: id } } } : {}) };
}

/** An answer with one thing; `self` is the path that was called when it is not the thing's own. */
export function single(status: number, resource: Resource, row: Row, self?: string, extra: Record<string, unknown> = {}): Reply {
  const data = shown(resource, row);
  const own = `${ROOT}/${resource.path}/${String(data['id'])}`;
  return json(status, { data: { ...data, attributes: { ...data['attributes'] as object, ...extra } }, links: { self: self ?? own } });
}

/** The id in the path, refused when it is no ULID. */
export function pathId(request: Request): string {
  const id = uuidOf(request.params['id'] ?? '');
  if (id === undefined) throw new Refusal(adminError(400, 'Invalid ULID in path', ulidProblem(request.params['id'] ?? '')));
  return id;
}

/** The row with the id in the path, or 404. */
export async function find(on: pg.ClientBase | pg.Pool, resource: Resource, id: string): Promise<Row> {
  const row = await one<pg.QueryResultRow>(on, `select ${resource.columns} from ${resource.from} where ${resource.id} = $1`, [id]);
  if (row === undefined) throw new Refusal(adminError(404, resource.notFound(ulidOf(id))));
  return row;
}

/** `GET /…/{id}`. */
export function getter(resource: Resource): (context: Context, request: Request) => Promise<Reply> {
  return async (context, request) => {
    await callerOf(context, request);
    return single(200, resource, await find(context.pool, resource, pathId(request)));
  };
}

interface Page { readonly before?: string; readonly after?: string; readonly count: number; readonly backward: boolean; readonly include: 'true' | 'false' | 'only' }

function readPage(parameters: URLSearchParams): Page {
  const [first, last] = [parameters.get('page[first]'), parameters.get('page[last]')];
  if (first !== null && last !== null) throw new Refusal(adminError(400, 'Cannot specify both `page[first]` and `page[last]` parameters'));
  const count = Number(first ?? last ?? 10);
  const include = parameters.get('count') ?? 'true';
  if (!Number.isInteger(count) || count < 1 || (include !== 'true' && include !== 'false' && include !== 'only')) throw new Refusal(adminError(400, 'Invalid pagination parameters'));
  for (const edge of ['page[before]', 'page[after]']) {
    const value = parameters.get(edge);
    if (value !== null && uuidOf(value) === undefined) throw new Refusal(adminError(400, 'Invalid pagination parameters'));
  }
  return { before: parameters.get('page[before]') ?? undefined, after: parameters.get('page[after]') ?? undefined, count, backward: last !== null, include };
}

function link(base: string, page: { before?: string; after?: string; count: number; backward: boolean }): string {
  const [path = '', query = ''] = base.split('?');
  const parts = [query, page.before === undefined ? '' : `page[before]=${page.before}`, page.after === undefined ? '' : `page[after]=${page.after}`, `page[${page.backward ? 'last' : 'first'}]=${String(page.count)}`];
  return `${path}?${parts.filter((part) => part !== '').join('&')}`;
}

/** `GET /…`: ten at a time in the order of their ids, counted unless told not to (crates/handlers/src/admin/params.rs). */
export function lister(resource: Resource): (context: Context, request: Request) => Promise<Reply> {
  return async (context, request) => {
    await callerOf(context, request);
    const parameters = request.url.searchParams;
    const page = readPage(parameters);
    const values: unknown[] = [];
    const conditions = ['true'];
    const kept: string[] = [];
    for (const [name, filter] of Object.entries(resource.filters)) {
      for (const value of parameters.getAll(`filter[${name}]`)) {
        const condition = filter(value);
        if (condition === undefined) throw new Refusal(adminError(400, 'Invalid filter parameters'));
        if (name === 'user' && await one(context.pool, 'select 1 from users where user_id = $1', [uuidOf(value)]) === undefined) throw new Refusal(adminError(404, `User ID ${value} not found`));
        if (condition.value !== undefined || condition.sql.includes('$')) values.push(condition.value ?? null);
        conditions.push(`(${condition.sql.replace('$', `$${String(values.length)}`)})`);
        kept.push(`filter[${name}]=${value}`);
      }
    }
    if (page.include !== 'true') kept.push(`count=${page.include}`);
    const base = `${ROOT}/${resource.path}${kept.length === 0 ? '' : `?${kept.join('&')}`}`;
    const where = conditions.join(' and ');
    const count = page.include === 'false' ? undefined
      : (await one<{ count: number }>(context.pool, `select count(*) from ${resource.from} where ${where}`, values))?.count ?? 0;
    if (page.include === 'only') return json(200, { meta: { count }, links: { self: base } });
    const bounds = [...conditions];
    for (const [operator, edge] of [['>', page.after], ['<', page.before]] as const) {
      if (edge === undefined) continue;
      values.push(uuidOf(edge));
      bounds.push(`${resource.id} ${operator} $${String(values.length)}`);
    }
    const { rows } = await context.pool.query<pg.QueryResultRow>(`select ${resource.columns} from ${resource.from} where ${bounds.join(' and ')} order by ${resource.id} ${page.backward ? 'desc' : 'asc'} limit ${String(page.count + 1)}`, values);
    const more = rows.length > page.count;
    const kept10 = rows.slice(0, page.count);
    if (page.backward) kept10.reverse();
    const data = kept10.map((row) => shown(resource, row, true));
    const edgeOf = (row: Record<string, unknown> | undefined): string => String(row?.['id']);
    const around = { before: page.before, after: page.after, count: page.count, backward: page.backward };
    return json(200, {
      ...(count === undefined ? {} : { meta: { count } }), data,
      links: {
        self: link(base, around), first: link(base, { count: page.count, backward: false }), last: link(base, { count: page.count, backward: true }),
        ...(more && !page.backward ? { next: link(base, { after: edgeOf(data.at(-1)), count: page.count, backward: false }) } : {}),
        ...(more && page.backward ? { prev: link(base, { before: edgeOf(data[0]), count: page.count, backward: true }) } : {}),
      },
    });
  };
}
