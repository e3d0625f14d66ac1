import { mkdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import {
  authorityProblem,
  issue,
  makeAuthority,
  pairProblem,
  type Holder,
  type Pair,
} from '../../certificates/certificates.ts';
import type { KubeClient } from '../../kube/client.ts';
import { find } from '../../kube/find.ts';
import type { Resource } from '../../kube/resource.ts';
import { Fault } from '../../model/fault.ts';
import type { Log } from '../../model/log.ts';
import type { KubeObject } from '../../model/objects.ts';
import { APP_MANAGED_BY, OPERATOR } from '../../model/well-known.ts';

/**
 * The extender's certificates, when nobody else makes them: an authority, the server's and the scheduler's, each a
 * Secret. They are made when they are missing, made anew when they are bad or two thirds of their time are over, and
 * never touched else.
 */

/** A Secret of type kubernetes.io/tls; its values are base64. */
export interface TlsSecret extends KubeObject {
  readonly type?: string;
  readonly data?: Readonly<Record<string, string>>;
}

export const SECRETS: Resource<TlsSecret> = {
  group: '',
  version: 'v1',
  plural: 'secrets',
  kind: 'Secret',
  namespaced: true,
};

export interface CertificatesOptions {
  readonly namespace: string;
  /** Of the server's Secret; the others are called after it. */
  readonly secret: string;
  /** The Service of the extender. */
  readonly service: string;
  /** What kube-scheduler calls itself. */
  readonly client: string;
  /** Where the server finds tls.crt, tls.key and ca.crt. */
  readonly directory: string;
}

export interface CertificatesDeps {
  readonly client: Pick<KubeClient, 'get' | 'create' | 'update'>;
  readonly log: Log;
  readonly date: () => Date;
}

/** The Secrets by what they are for. `scheduler-config` reads the client's. */
export const secretNames = (secret: string): Readonly<Record<'authority' | 'server' | 'client', string>> => ({
  authority: `${secret}-ca`,
  server: secret,
  client: `${secret}-client`,
});

const AUTHORITY_DAYS = 3650;
const SERVER_DAYS = 90;
/** A person copies it into the scheduler's configuration: it lasts as long as the authority. */
const CLIENT_DAYS = 3640;

/** Names by which a pod, a node and a scheduler elsewhere know the Service. */
export const serverNames = ({ service, namespace }: Pick<CertificatesOptions, 'service' | 'namespace'>): string[] => [
  `${service}.${namespace}.svc`,
  `${service}.${namespace}.svc.cluster.local`,
  `${service}.${namespace}`,
  service,
];

/**
 * Looks at all three and mends them, and writes the server's files. Throws what the client throws; a conflict means
 * that another process wrote meanwhile, and the next turn finds it.
 */
export async function ensureCertificates(
  options: CertificatesOptions,
  deps: CertificatesDeps,
  signal: AbortSignal,
): Promise<void> {
  const names = secretNames(options.secret);
  const server: Holder = {
    commonName: options.service,
    names: serverNames(options),
    usage: 'server',
    days: SERVER_DAYS,
  };
  const client: Holder = { commonName: options.client, names: [], usage: 'client', days: CLIENT_DAYS };
  const keep = (name: string, judge: Kept['judge'], make: Kept['make'], ca?: string) =>
    keepSecret({ namespace: options.namespace, name, judge, make, ...(ca === undefined ? {} : { ca }) }, deps, signal);
  const authority = await keep(names.authority, authorityProblem, (now) =>
    makeAuthority('open-local', AUTHORITY_DAYS, now),
  );
  const of = (holder: Holder, name: string): Promise<Pair> =>
    keep(
      name,
      (pair, now) => pairProblem(pair, authority, holder, now),
      (now) => issue(authority, holder, now),
      authority.cert,
    );
  await of(client, names.client);
  const pair = await of(server, names.server);
  await writeFiles(options.directory, { 'ca.crt': authority.cert, 'tls.key': pair.key, 'tls.crt': pair.cert });
}

interface Kept {
  readonly namespace: string;
  readonly name: string;
  readonly judge: (pair: Pair, now: Date) => string | undefined;
  readonly make: (now: Date) => Promise<Pair>;
  /** Certificate of the authority, told beside the pair. */
  readonly ca?: string;
}

/** Throws Fault `precondition` for a Secret that somebody else made. */
async function keepSecret(kept: Kept, { client, log, date }: CertificatesDeps, signal: AbortSignal): Promise<Pair> {
  const { namespace, name, make, ca } = kept;
  const found = await find(client, SECRETS, { namespace, name }, signal);
  if (found && found.metadata.labels?.[APP_MANAGED_BY] !== OPERATOR)
    throw new Fault(
      'precondition',
      `Secret ${namespace}/${name} was made by somebody else and stays as it is: to serve with it leave out ` +
        '--extender-tls-secret and mount it at --extender-tls-dir, or give another name',
    );
  const now = notBefore(found?.metadata.creationTimestamp, date());
  const problem = found ? problemOf(found, kept, now) : 'there was none';
  if (found && problem === undefined) return pairOf(found);
  const made = await make(now);
  const data = encoded({ 'tls.crt': made.cert, 'tls.key': made.key, ...(ca === undefined ? {} : { 'ca.crt': ca }) });
  const metadata = { namespace, name, labels: { [APP_MANAGED_BY]: OPERATOR } };
  if (found) await client.update(SECRETS, { ...found, data: { ...found.data, ...data } }, signal);
  else await client.create(SECRETS, { metadata, type: 'kubernetes.io/tls', data }, signal);
  log.info({ object: `Secret/${name}`, action: problem ?? '' }, 'made a certificate');
  return made;
}

/**
 * The time by this machine's clock, or that at which the API server took the Secret where it is later: the clock is
 * behind then. By it an authority that was just made would not have begun, and another would take its place, with all
 * that a person copied into the scheduler's configuration.
 */
function notBefore(created: string | undefined, now: Date): Date {
  const at = new Date(created ?? '');
  return at > now ? at : now;
}

function problemOf(found: TlsSecret, { judge, ca }: Kept, now: Date): string | undefined {
  if (ca !== undefined && textAt(found, 'ca.crt') !== ca) return 'its authority is another';
  return judge(pairOf(found), now);
}

const encoded = (texts: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, Buffer.from(text).toString('base64')]));

/** A value of a Secret as text; empty when it is not there. */
export const textAt = ({ data }: TlsSecret, name: string): string =>
  Buffer.from(data?.[name] ?? '', 'base64').toString();

const pairOf = (secret: TlsSecret): Pair => ({ cert: textAt(secret, 'tls.crt'), key: textAt(secret, 'tls.key') });

/** Each file whole at any time; who reads them waits for a set that belongs together. */
async function writeFiles(directory: string, files: Readonly<Record<string, string>>): Promise<void> {
  await mkdir(directory, { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(directory, name);
    await writeFile(`${file}.new`, text, { mode: 0o600 });
    await rename(`${file}.new`, file);
  }
}
