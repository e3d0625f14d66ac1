// The library injects its parts by decorators' metadata; this must be there before it.
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { createPrivateKey, KeyObject, webcrypto, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { textOf } from '../model/fault.ts';

/** A certificate and its private key, both PEM; the key is PKCS #8. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

/** Who a certificate is for. */
export interface Holder {
  readonly commonName: string;
  readonly organization?: string;
  /** A server's DNS names and IP addresses; none for a client. */
  readonly names: readonly string[];
  readonly usage: 'server' | 'client';
  readonly days: number;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 86_400_000;
/** Clocks of machines differ: a certificate is valid a little before it is made. */
const EARLIER_MS = 3_600_000;
/** Of its time a certificate is used up to here, and made anew then. */
const RENEW_AT = 2 / 3;

x509.cryptoProvider.set(webcrypto);

const subjectOf = (commonName: string, organization?: string): x509.JsonName => [
  ...(organization === undefined ? [] : [{ O: [organization] }]),
  { CN: [commonName] },
];

const validity = (days: number, now: Date): { notBefore: Date; notAfter: Date } => ({
  notBefore: new Date(now.getTime() - EARLIER_MS),
  notAfter: new Date(now.getTime() + days * DAY_MS),
});

/** Random, positive, of 20 octets at most (RFC 5280, 4.1.2.2). */
const serialNumber = (): string => {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16));
  return `01${Buffer.from(bytes).toString('hex')}`;
};

/** The last moment of the first certificate of a PEM text. Throws Error for any other text. */
export const validUntil = (pem: string | Buffer): Date => new X509Certificate(pem).validToDate;

/** Makes a certificate authority that signs itself. */
export async function makeAuthority(commonName: string, days: number, now: Date): Promise<Pair> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: subjectOf(commonName),
    ...validity(days, now),
    signingAlgorithm: ALGORITHM,
    keys: keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { cert: `${certificate.toString('pem')}\n`, key: pemOf(keys.privateKey) };
}

/** Makes a certificate that the authority signed, with a key of its own. */
export async function issue(authority: Pair, holder: Holder, now: Date): Promise<Pair> {
  const { commonName, organization, names, usage, days } = holder;
  const issuer = new x509.X509Certificate(authority.cert);
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const pkcs8 = createPrivateKey(authority.key).export({ type: 'pkcs8', format: 'der' });
  const signingKey = await webcrypto.subtle.importKey('pkcs8', pkcs8, ALGORITHM, false, ['sign']);
  const { serverAuth, clientAuth } = x509.ExtendedKeyUsage;
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: subjectOf(commonName, organization),
    issuer: issuer.subjectName.toJSON(),
    ...validity(days, now),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: signingKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([usage === 'server' ? serverAuth : clientAuth]),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
      ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names.map(alternative))]),
    ],
  });
  return { cert: `${certificate.toString('pem')}\n`, key: pemOf(keys.privateKey) };
}

const alternative = (value: string): { type: 'ip' | 'dns'; value: string } => ({
  type: isIP(value) === 0 ? 'dns' : 'ip',
  value,
});

const pemOf = (key: webcrypto.CryptoKey): string =>
  KeyObject.from(key).export({ type: 'pkcs8', format: 'pem' }).toString();

/** Why the pair cannot be used as an authority now; undefined when it can. */
export const authorityProblem = (pair: Pair, now: Date): string | undefined =>
  tried(() => {
    const certificate = new X509Certificate(pair.cert);
    if (!certificate.ca) return 'it is not an authority';
    return commonProblem(certificate, pair.key) ?? timeProblem(certificate, now, 1);
  });

/** Why the pair should be made anew for this holder; undefined while it is good. */
export const pairProblem = (pair: Pair, authority: Pick<Pair, 'cert'>, holder: Holder, now: Date): string | undefined =>
  tried(() => {
    const certificate = new X509Certificate(pair.cert);
    const signer = new X509Certificate(authority.cert);
    if (!certificate.checkIssued(signer) || !certificate.verify(signer.publicKey)) return 'another authority signed it';
    const missing = holder.names.find((name) => !isFor(certificate, name));
    if (missing !== undefined) return `it is not for ${missing}`;
    if (!certificate.subject.split('\n').includes(`CN=${holder.commonName}`)) return `it is not ${holder.commonName}'s`;
    return commonProblem(certificate, pair.key) ?? timeProblem(certificate, now, RENEW_AT);
  });

const isFor = (certificate: X509Certificate, name: string): boolean =>
  (isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name)) !== undefined;

const commonProblem = (certificate: X509Certificate, key: string): string | undefined =>
  certificate.checkPrivateKey(createPrivateKey(key)) ? undefined : 'its key belongs to another certificate';

function timeProblem(certificate: X509Certificate, now: Date, share: number): string | undefined {
  const { validFromDate: from, validToDate: to } = certificate;
  const at = now.getTime();
  if (at < from.getTime()) return `it begins on ${from.toISOString()}`;
  if (at >= to.getTime()) return `it ended on ${to.toISOString()}`;
  const due = from.getTime() + (to.getTime() - from.getTime()) * share;
  return at < due ? undefined : `it ends on ${to.toISOString()}`;
}

/** What cannot be read is to be made anew too. */
function tried(look: () => string | undefined): string | undefined {
  try {
    return look();
  } catch (error) {
    return `it cannot be read: ${textOf(error)}`;
  }
}
