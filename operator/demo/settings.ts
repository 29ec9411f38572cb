/** The settings of the throw-away stack that `npm start` shows. */
import { samplePeopleSettings } from '../sample-people.ts';
import { readStackFile, writeSettings } from '../stack-file.ts';
import type { Parts } from './parts.ts';
import { freePort } from './ports.ts';

/** Where the search for free ports begins. */
const firstPorts = { https: 8443, http: 8080 } as const;

/** `*.localhost` leads to this machine in every browser and in curl (RFC 6761, 6.3). */
const serverName = 'matrix.localhost';

/** Writes the file when there is none, and the references of images that were brought since. @returns true when the file is new. */
export async function writeDemoSettings(stack: string, parts: Parts): Promise<boolean> {
  const images = Object.fromEntries(Object.entries(parts.images).map(([service, { reference }]) => [service, reference]));
  const present = await readStackFile(stack);
  if (Object.keys(present).length > 0) {
    if (JSON.stringify(present['images']) !== JSON.stringify(images)) await writeSettings(stack, { images });
    return false;
  }
  const https = await freePort(firstPorts.https);
  const http = await freePort(firstPorts.http, [https]);
  await writeSettings(stack, {
    serverName,
    phase: 'legacy',
    demo: true,
    hosts: { homeserver: serverName, auth: `auth.${serverName}`, element: `element.${serverName}` },
    ports: { bind: ['127.0.0.1'], https, http },
    tls: { mode: 'selfSigned' },
    federation: false,
    images,
    clients: [
      { name: 'element', type: 'element-web' },
      { name: 'desktop', type: 'native-loopback' },
      { name: 'terminal', type: 'device' },
    ],
    ...samplePeopleSettings,
  });
  return true;
}
