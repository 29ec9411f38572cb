import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { ownSecrets } from '../../model/names.ts';
import { createSecrets } from '../../operator/secrets.ts';

const hosts = ['matrix.example.com', 'auth.example.com'];
const made = await createSecrets(ownSecrets, 'prod', hosts);
const secret = (name: (typeof ownSecrets)[number]): string => made.get(name) ?? '';

test('every secret of a stack is made, each another one', () => {
  assert.deepEqual([...made.keys()], [...ownSecrets]);
  assert.equal(new Set(made.values()).size, ownSecrets.length);
});

test("each has the form that its reader wants", () => {
  assert.match(secret('synapseSigningKey'), /^ed25519 a_[0-9a-f]{4} [A-Za-z0-9+/]{43}$/);
  assert.match(secret('masEncryption'), /^[0-9a-f]{64}$/);
  assert.equal(createPrivateKey(secret('masSigningRsa')).asymmetricKeyType, 'rsa');
  assert.equal(createPrivateKey(secret('masSigningEc')).asymmetricKeyDetails?.namedCurve, 'prime256v1');
  for (const name of ['postgresPassword', 'roleMas', 'probeKey', 'masMatrixSecret'] as const) assert.match(secret(name), /^[A-Za-z0-9]{32,}$/, name);
});

test('the certificate is for every host, signed by the authority of the stack, and its key fits', () => {
  const authority = new X509Certificate(secret('tlsCaCertificate'));
  const certificate = new X509Certificate(secret('tlsServerCertificate'));
  assert.ok(authority.ca && certificate.checkIssued(authority) && certificate.verify(authority.publicKey));
  for (const host of hosts) assert.equal(certificate.checkHost(host), host);
  assert.equal(certificate.checkHost('other.example.com'), undefined);
  assert.ok(certificate.checkPrivateKey(createPrivateKey(secret('tlsServerKey'))));
  const days = (certificate.validToDate.getTime() - certificate.validFromDate.getTime()) / 86_400_000;
  assert.ok(days <= 825, 'longer ones are refused by Apple');
});
