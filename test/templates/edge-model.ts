/** A stack for the edge's tests, through the real parser. */
import { readFileSync } from 'node:fs';
import type { Model } from '../../model/model.ts';
import { ownSecrets } from '../../model/names.ts';
import { parseSettings } from '../../model/parse.ts';

const versions: unknown = JSON.parse(readFileSync(new URL('../../versions.json', import.meta.url), 'utf8'));

/** @param settings keys beside the least that a stack needs. */
export function edgeModel(settings: { readonly [key: string]: unknown } = {}, stack = 'edge'): Model {
  return parseSettings({
    stack,
    versions,
    secretNames: new Set(ownSecrets),
    settings: {
      serverName: 'example.test',
      hosts: { homeserver: 'matrix.example.test', auth: 'auth.example.test', element: 'element.example.test' },
      tls: { mode: 'selfSigned' },
      adminUsers: ['operator'],
      ...settings,
    },
  });
}
