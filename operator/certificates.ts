/** A stack's own certificate authority and the certificate of its edge, for `tls.mode: selfSigned`. */
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { webcrypto } from 'node:crypto';

export interface Certificates {
  readonly caKey: string;
  readonly caCertificate: string;
  readonly serverKey: string;
  readonly serverCertificate: string;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const day = 86_400_000;
/** Days. Apple refuses longer ones, also under an own authority (support.apple.com/103769). */
const serverValidity = 820;
const caValidity = 3650;

/**
 * @param name what the authority is called in a browser's list.
 * @param hosts every name the edge answers for.
 * @param now the first moment of validity.
 */
export async function createCertificates(name: string, hosts: readonly string[], now: Date): Promise<Certificates> {
  const ca = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const server = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const caCertificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    keys: ca,
    signingAlgorithm: algorithm,
    serialNumber: serial(),
    notBefore: now,
    notAfter: new Date(now.getTime() + caValidity * day),
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(ca.publicKey),
    ],
  }, webcrypto);
  const serverCertificate = await x509.X509CertificateGenerator.create({
    subject: `CN=${hosts[0] ?? name}`,
    issuer: caCertificate.subject,
    publicKey: server.publicKey,
    signingKey: ca.privateKey,
    signingAlgorithm: algorithm,
    serialNumber: serial(),
    notBefore: now,
    notAfter: new Date(now.getTime() + serverValidity * day),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(hosts.map((value) => ({ type: 'dns', value }))),
      await x509.AuthorityKeyIdentifierExtension.create(ca.publicKey),
    ],
  }, webcrypto);
  return { caKey: await pemOf(ca.privateKey), caCertificate: `${caCertificate.toString('pem')}\n`, serverKey: await pemOf(server.privateKey), serverCertificate: `${serverCertificate.toString('pem')}\n` };
}

/** 16 random bytes, positive as RFC 5280 4.1.2.2 wants it. */
function serial(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return Buffer.from(bytes).toString('hex');
}

async function pemOf(key: webcrypto.CryptoKey): Promise<string> {
  return `${x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')}\n`;
}
