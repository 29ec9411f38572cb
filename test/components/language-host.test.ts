/** The program as Pulumi's own language host starts it: a process of its own that speaks to an engine. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { after, test } from 'node:test';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { ServiceDefinition } from '@grpc/grpc-js';
import { ownSecrets } from '../../model/names.ts';
import { root } from '../../operator/project.ts';

const require = createRequire(import.meta.url);

interface Message {
  getMessage(): string;
  /** 0 is debug. */
  getSeverity(): number;
  getType(): string;
  getName(): string;
}
interface Answerable {
  setHassupport(has: boolean): void;
  setUrn(urn: string): void;
}
type Handler = (call: { readonly request: Message }, answer: (error: null, response: unknown) => void) => void;

/** What the program told the engine. */
const logged: string[] = [];

const messages = require('@pulumi/pulumi/proto/resource_pb.js') as { [name: string]: new () => Answerable };
const engineMessages = require('@pulumi/pulumi/proto/engine_pb.js') as { [name: string]: new () => Answerable };
const { Empty } = require('google-protobuf/google/protobuf/empty_pb.js') as { Empty: new () => unknown };
const { ResourceMonitorService } = require('@pulumi/pulumi/proto/resource_grpc_pb.js') as { ResourceMonitorService: ServiceDefinition };
const { EngineService } = require('@pulumi/pulumi/proto/engine_grpc_pb.js') as { EngineService: ServiceDefinition };

function made(messageSet: typeof messages, name: string): Answerable {
  const Made = messageSet[name];
  if (Made === undefined) throw new Error(`no message ${name}`);
  return new Made();
}

const empty: Handler = (_call, answer) => answer(null, new Empty());
const server = new Server();
server.addService(ResourceMonitorService, {
  supportsFeature: ((_call, answer) => {
    const response = made(messages, 'SupportsFeatureResponse');
    response.setHassupport(false);
    answer(null, response);
  }) satisfies Handler,
  registerResource: ((call, answer) => {
    const response = made(messages, 'RegisterResourceResponse');
    response.setUrn(`urn:pulumi:test::matrix::${call.request.getType()}::${call.request.getName()}`);
    answer(null, response);
  }) satisfies Handler,
  registerResourceOutputs: empty,
  signalAndWaitForShutdown: empty,
});
server.addService(EngineService, {
  getRootResource: ((_call, answer) => answer(null, made(engineMessages, 'GetRootResourceResponse'))) satisfies Handler,
  setRootResource: ((_call, answer) => answer(null, made(engineMessages, 'SetRootResourceResponse'))) satisfies Handler,
  log: ((call, answer) => {
    if (call.request.getSeverity() > 0) logged.push(call.request.getMessage().trim());
    answer(null, new Empty());
  }) satisfies Handler,
});
const port = await new Promise<number>((resolve, reject) => {
  server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => (error === null ? resolve(bound) : reject(error)));
});
after(() => server.forceShutdown());

/** @returns what the engine was told. */
async function runProgram(config: { readonly [key: string]: string }, secretKeys: readonly string[]): Promise<{ readonly code: number | null; readonly logged: readonly string[]; readonly stderr: string }> {
  logged.length = 0;
  const address = `127.0.0.1:${port}`;
  const child = spawn(process.execPath, ['node_modules/@pulumi/pulumi/cmd/run', '--monitor', address, '--engine', address, '--project', 'matrix', '--stack', 'test', '--pwd', root, '--dry-run', '--parallel', '8', 'index.mjs'],
    { cwd: root, env: { ...process.env, PULUMI_CONFIG: JSON.stringify(config), PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(secretKeys), PULUMI_NODEJS_TYPESCRIPT: 'false' }, stdio: ['ignore', 'ignore', 'pipe'] });
  const complaint: Buffer[] = [];
  child.stderr.on('data', (chunk: Buffer) => complaint.push(chunk));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { code, logged: [...logged], stderr: Buffer.concat(complaint).toString() };
}

const secrets = JSON.stringify(Object.fromEntries(ownSecrets.map((name) => [name, `value-of-${name}`])));
const least = { 'matrix:serverName': 'example.com', 'matrix:hosts': '{"homeserver":"matrix.example.com","auth":"auth.example.com"}', 'matrix:tls': '{"mode":"selfSigned"}' };

test('wrong settings end the program with their sentences alone, all at once and without a warning about secrets', async () => {
  const ran = await runProgram({ ...least, 'matrix:phase': 'legasy', 'matrix:portz': '{}', 'matrix:secrets': secrets }, ['matrix:secrets']);
  assert.notEqual(ran.code, 0);
  assert.equal(ran.logged.length, 1, ran.logged.join('\n'));
  const [first = '', ...issues] = (ran.logged[0] ?? '').split('\n');
  assert.match(first, /^2 problems in the settings of stack test/);
  assert.deepEqual(issues.map((line) => line.split(':')[0]).sort(), ['phase', 'portz']);
});

test('a Docker host that does not answer is one sentence, not a stack trace and not an empty server', async () => {
  const ran = await runProgram({ ...least, 'matrix:dockerHost': 'unix:///nowhere/docker.sock', 'matrix:secrets': secrets }, ['matrix:secrets']);
  assert.notEqual(ran.code, 0);
  assert.equal(ran.logged.length, 1, ran.logged.join('\n'));
  assert.match(ran.logged[0] ?? '', /^The Docker host unix:\/\/\/nowhere\/docker\.sock does not answer .*; expected a running engine\. Start it, or set matrix:dockerHost\.$/s);
});
