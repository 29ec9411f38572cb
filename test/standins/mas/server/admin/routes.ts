import type { Context } from '../context.ts';
import { path, type Route } from '../wire.ts';
import { ACTIONS, CREATORS } from './actions.ts';
import { getter, lister, RESOURCES, ROOT, type Resource } from './resources.ts';

function ofResource(resource: Resource): Route<Context>[] {
  const create = CREATORS[resource.path];
  return [
    { resource: 'adminapi', pattern: path(`${ROOT}/${resource.path}`), methods: { GET: lister(resource), ...(create === undefined ? {} : { POST: create }) }, cors: true },
    { resource: 'adminapi', pattern: path(`${ROOT}/${resource.path}/{id}`), methods: { GET: getter(resource) }, cors: true },
  ];
}

/** The part of the admin API that the stand-in has (crates/handlers/src/admin/v1/mod.rs). */
export const ADMIN_ROUTES: readonly Route<Context>[] = [
  ...Object.entries(ACTIONS).map(([name, methods]): Route<Context> => ({ resource: 'adminapi', pattern: path(`${ROOT}/${name}`), methods, cors: true })),
  ...Object.values(RESOURCES).flatMap(ofResource),
];
