import { X509Certificate } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startOurApi, type OurApi } from '../../../test/rig/our-api.ts';
import { silentLog } from '../../model/log.ts';
import { ensureCertificates, SECRETS, secretNames, textAt, type TlsSecret } from './keep-certificates.ts';

const never = new AbortController().signal;
const NAMES = secretNames('tls');
let ours: OurApi;
let directory: string;
let now: Date;

beforeEach(async () => {
  ours = await startOurApi();
  directory = path.join(ours.folder, 'tls');
  now = new Date();
});
afterEach(() => ours.close());

const ensure = (): Promise<void> =>
  ensureCertificates(
    { namespace: 'default', secret: 'tls', service: 'extender', client: 'system:kube-scheduler', directory },
    { client: ours.client, log: silentLog, date: () => now },
    never,
  );
const stored = (name: string): TlsSecret | undefined => ours.api.stored('secrets', name, 'default');
const all = (): (TlsSecret | undefined)[] => Object.values(NAMES).map(stored);
const certificate = (name: string): X509Certificate =>
  new X509Certificate(textAt(stored(name) ?? { metadata: {} }, 'tls.crt'));
const days = (count: number): void => {
  now = new Date(now.getTime() + count * 86_400_000);
};

test('an authority, a server and a client are made, and the files of the server written for its eyes alone', async () => {
  await ensure();
  expect(certificate(NAMES.authority).ca).toBe(true);
  expect(certificate(NAMES.server).checkHost('extender.default.svc')).toBeDefined();
  expect(certificate(NAMES.client).subject).toBe('CN=system:kube-scheduler');
  expect((await readdir(directory)).toSorted()).toEqual(['ca.crt', 'tls.crt', 'tls.key']);
  expect(await readFile(path.join(directory, 'tls.crt'), 'utf8')).toContain('BEGIN CERTIFICATE');
  expect((await stat(path.join(directory, 'tls.key'))).mode & 0o777).toBe(0o600);
});

test('what is good is not written again, by whichever replica', async () => {
  await ensure();
  const before = all();
  days(30);
  await ensure();
  expect(all()).toEqual(before);
});

test('the server is renewed before its time is over; the client that a person copied stays', async () => {
  await ensure();
  const [authority, , client] = all();
  const until = certificate(NAMES.server).validToDate;
  days(61);
  await ensure();
  expect(certificate(NAMES.server).validToDate.getTime()).toBeGreaterThan(until.getTime());
  expect([all()[0], all()[2]]).toEqual([authority, client]);
  expect(await readFile(path.join(directory, 'tls.crt'), 'utf8')).toBe(textAt(all()[1] ?? { metadata: {} }, 'tls.crt'));
});

test('a replica whose clock is behind makes none anew: what a person copied stays good', async () => {
  await ensure();
  const before = all();
  days(-2);
  await ensure();
  expect(all()).toEqual(before);
});

test('an authority that was made by a clock that was ahead is made anew', async () => {
  days(2);
  await ensure();
  const until = certificate(NAMES.authority).validFromDate;
  days(-2);
  await ensure();
  expect(certificate(NAMES.authority).validFromDate.getTime()).toBeLessThan(until.getTime());
});

test('with another authority all that the old one signed is made anew', async () => {
  await ensure();
  await ours.client.delete(SECRETS, { namespace: 'default', name: NAMES.authority }, never);
  await ensure();
  for (const name of [NAMES.server, NAMES.client])
    expect(certificate(name).checkIssued(certificate(NAMES.authority))).toBe(true);
  expect(textAt(stored(NAMES.client) ?? { metadata: {} }, 'ca.crt')).toBe(
    textAt(stored(NAMES.authority) ?? { metadata: {} }, 'tls.crt'),
  );
});

test("a Secret that is somebody else's is left alone, and what to do is said", async () => {
  const given: TlsSecret = {
    metadata: { namespace: 'default', name: NAMES.server },
    type: 'kubernetes.io/tls',
    data: { 'tls.crt': 'Zm9yZWlnbg==', 'tls.key': 'a2V5' },
  };
  await ours.client.create(SECRETS, given, never);
  await expect(ensure()).rejects.toThrow(
    'Secret default/tls was made by somebody else and stays as it is: to serve with it leave out --extender-tls-secret',
  );
  expect(stored(NAMES.server)?.data).toEqual(given.data);
});
