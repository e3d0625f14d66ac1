import { copyFile, mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TLSSocket } from 'node:tls';
import type { FastifyInstance } from 'fastify';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { makeAuthority, makeCertificate } from '../../test/control-plane/cluster/certificates.ts';
import { silentLog, type Log } from '../model/log.ts';
import { podFacts } from '../model/decode.ts';
import { clientNames } from './client-names.ts';
import { createFakeScheduling } from './fake-scheduling.ts';
import { testPod } from './wire/question-fixture.ts';
import { createExtender, type ExtenderOptions } from './server.ts';

let root = '';
const ca = (name: string): string => path.join(root, name);
const pem = (authority: string, file: string): Buffer => readFileSync(path.join(ca(authority), file));

beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'extender-tls-'));
  for (const name of ['ours', 'theirs']) {
    await mkdir(ca(name));
    await makeAuthority(ca(name));
    await makeCertificate(ca(name), 'scheduler', '/CN=system:kube-scheduler');
  }
  for (const name of ['server-1', 'server-2']) await makeCertificate(ca('ours'), name, `/CN=${name}`);
  await makeCertificate(ca('ours'), 'somebody', '/O=people/CN=somebody');
});
afterAll(() => rm(root, { recursive: true, force: true }));

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** A directory as the flag names it, with the given server certificate. */
async function install(dir: string, server: string): Promise<void> {
  await copyFile(path.join(ca('ours'), `${server}.key`), path.join(dir, 'tls.key'));
  await copyFile(path.join(ca('ours'), `${server}.crt`), path.join(dir, 'tls.crt'));
  await copyFile(path.join(ca('ours'), 'ca.crt'), path.join(dir, 'ca.crt'));
}

async function tlsDir(): Promise<string> {
  const dir = await mkdtemp(path.join(root, 'dir-'));
  await install(dir, 'server-1');
  return dir;
}

type Options = Partial<ExtenderOptions> & { tls: { dir: string } };

function create(options: Options): FastifyInstance {
  const scheduling = createFakeScheduling({ a: 1 });
  return createExtender({ scheduling, decodePod: podFacts, log: silentLog, waitMs: 0, ...options });
}

async function start(options: Options): Promise<FastifyInstance> {
  const app = create(options);
  cleanups.push(() => app.close());
  await app.listen({ host: '127.0.0.1', port: 0 });
  return app;
}

interface Call {
  readonly authority?: string;
  readonly client?: string;
  readonly agent?: Agent;
  readonly maxVersion?: 'TLSv1.2';
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly server: string;
  readonly socket: TLSSocket;
}

/** Asks filter about node a, and says who answered. */
function call(app: FastifyInstance, { authority = 'ours', client, agent, maxVersion }: Call): Promise<Answer> {
  const { port } = app.server.address() as AddressInfo;
  const mine =
    client === undefined ? {} : { cert: pem(authority, `${client}.crt`), key: pem(authority, `${client}.key`) };
  const payload = JSON.stringify({ Pod: testPod(), Nodes: null, NodeNames: ['a'] });
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: '127.0.0.1',
        port,
        method: 'POST',
        path: '/scheduler/filter',
        ca: pem('ours', 'ca.crt'),
        agent: agent ?? new Agent({ keepAlive: false }),
        ...mine,
        ...(maxVersion && { maxVersion }),
      },
      (reply) => {
        const socket = reply.socket as TLSSocket;
        const server = String(socket.getPeerCertificate().subject.CN);
        const chunks: Buffer[] = [];
        reply.on('data', (chunk: Buffer) => chunks.push(chunk));
        reply.on('end', () => {
          resolve({
            status: reply.statusCode ?? 0,
            body: JSON.parse(Buffer.concat(chunks).toString()),
            server,
            socket,
          });
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(payload);
  });
}

/** A log that tells when a line with this message was written. */
function logWaitingFor(message: string): { log: Log; written: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const look = (_fields: object, text: string): void => {
    if (text === message) resolve();
  };
  return { log: { debug: look, info: look, warn: look, error: look }, written: promise };
}

describe('who may call', () => {
  test('a client whose certificate our CA signed', async () => {
    const app = await start({ tls: { dir: await tlsDir() } });
    const { status, body, socket } = await call(app, { client: 'scheduler' });
    expect({ status, body }).toMatchObject({ status: 200, body: { NodeNames: ['a'], Error: '' } });
    expect(socket.getProtocol()).toBe('TLSv1.3');
  });

  test.each([
    { who: 'a client without a certificate', with: {} },
    { who: 'a client of another CA', with: { authority: 'theirs', client: 'scheduler' } },
    { who: 'a client that speaks no TLS 1.3', with: { client: 'scheduler', maxVersion: 'TLSv1.2' } as const },
  ])('not $who', async ({ with: how }) => {
    const app = await start({ tls: { dir: await tlsDir() } });
    await expect(call(app, how)).rejects.toThrow(/alert|ECONNRESET|socket hang up/);
  });

  test.each(['system:kube-scheduler', 'localhost'])('a client that carries the allowed name %s', async (name) => {
    const app = await start({ tls: { dir: await tlsDir() }, allowedClients: ['other', name] });
    expect(await call(app, { client: 'scheduler' })).toMatchObject({ status: 200, body: { NodeNames: ['a'] } });
  });

  test('not a client of ours with another name', async () => {
    const app = await start({ tls: { dir: await tlsDir() }, allowedClients: ['system:kube-scheduler'] });
    expect(await call(app, { client: 'somebody' })).toMatchObject({
      status: 403,
      body: { Error: 'this client may not call' },
    });
  });

  test('a client with another name is refused call after call on one connection', async () => {
    const app = await start({ tls: { dir: await tlsDir() }, allowedClients: ['system:kube-scheduler'] });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    cleanups.push(() => agent.destroy());
    const answers = [];
    for (let asked = 0; asked < 2; asked += 1) answers.push(await call(app, { client: 'somebody', agent }));
    expect(answers.map(({ status }) => status)).toEqual([403, 403]);
    expect(answers[1]?.socket).toBe(answers[0]?.socket);
  });

  test.each([
    { subject: 'O=people\nCN=a', subjectAltName: undefined, names: ['a'] },
    {
      subject: 'CN=a',
      subjectAltName: 'DNS:b.example.org, URI:spiffe://c, IP Address:10.0.0.1, email:d@e',
      names: ['a', 'b.example.org', 'spiffe://c', 'd@e'],
    },
    { subject: '', subjectAltName: 'DNS:"x, DNS:system:kube-scheduler"', names: ['x, DNS:system:kube-scheduler'] },
    { subject: 'O=CN=a', subjectAltName: undefined, names: [] },
  ])('the names of $subject $subjectAltName', ({ subject, subjectAltName, names }) => {
    expect(clientNames({ subject, subjectAltName })).toEqual(names);
  });
});

describe('a changed certificate', () => {
  test('is used for new connections, and old ones go on', async () => {
    const dir = await tlsDir();
    const { log, written } = logWaitingFor('certificate reloaded');
    const told: Buffer[] = [];
    const app = await start({ tls: { dir }, log, onCertificates: ({ cert }) => told.push(cert) });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    cleanups.push(() => agent.destroy());
    const before = await call(app, { client: 'scheduler', agent });

    await install(dir, 'server-2');
    await written;

    const after = await call(app, { client: 'scheduler', agent });
    const fresh = await call(app, { client: 'scheduler' });
    expect(after.socket).toBe(before.socket);
    expect([before.server, after.server, fresh.server]).toEqual(['server-1', 'server-1', 'server-2']);
    expect([after.status, fresh.status]).toEqual([200, 200]);
    expect(told).toEqual([pem('ours', 'server-1.crt'), pem('ours', 'server-2.crt')]);
  });

  test('is seen when kubelet swaps the directory of a Secret', async () => {
    const dir = await mkdtemp(path.join(root, 'secret-'));
    for (const [version, server] of [
      ['..1', 'server-1'],
      ['..2', 'server-2'],
    ] as const) {
      await mkdir(path.join(dir, version));
      await install(path.join(dir, version), server);
    }
    await symlink('..1', path.join(dir, '..data'));
    for (const file of ['tls.crt', 'tls.key', 'ca.crt']) await symlink(`..data/${file}`, path.join(dir, file));
    const { log, written } = logWaitingFor('certificate reloaded');
    const app = await start({ tls: { dir }, log });

    await symlink('..2', path.join(dir, '..data_tmp'));
    await rename(path.join(dir, '..data_tmp'), path.join(dir, '..data'));
    await written;

    expect((await call(app, { client: 'scheduler' })).server).toBe('server-2');
  });

  test('is seen when the folder itself is exchanged, time after time, which no watch on it tells', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    cleanups.push(() => vi.useRealTimers());
    const dir = await tlsDir();
    const app = await start({ tls: { dir } });
    const seen = [];
    for (const server of ['server-2', 'server-1', 'server-2']) {
      const next = await mkdtemp(path.join(root, 'next-'));
      await install(next, server);
      await rename(dir, `${next}-old`);
      await rename(next, dir);
      await vi.advanceTimersByTimeAsync(30_000);
      seen.push((await call(app, { client: 'scheduler' })).server);
    }
    expect(seen).toEqual(['server-2', 'server-1', 'server-2']);
  });

  test('that is no certificate changes nothing', async () => {
    const dir = await tlsDir();
    const { log, written } = logWaitingFor('certificate not reloaded; the last good one stays');
    const app = await start({ tls: { dir }, log });

    await writeFile(path.join(dir, 'tls.crt'), 'half a fi');
    await written;

    expect(await call(app, { client: 'scheduler' })).toMatchObject({ status: 200, server: 'server-1' });
  });

  test('may drop a client whose CA is no longer trusted', async () => {
    const dir = await tlsDir();
    const { log, written } = logWaitingFor('certificate reloaded');
    const app = await start({ tls: { dir }, log });
    expect((await call(app, { client: 'scheduler' })).status).toBe(200);

    await copyFile(path.join(ca('theirs'), 'ca.crt'), path.join(dir, 'ca.crt'));
    await written;

    await expect(call(app, { client: 'scheduler' })).rejects.toThrow(/alert|ECONNRESET|socket hang up/);
  });
});

describe('files that make no server are told at the start', () => {
  test.each(['tls.crt', 'tls.key', 'ca.crt'])('%s is missing', async (file) => {
    const dir = await tlsDir();
    await rm(path.join(dir, file));
    expect(() => create({ tls: { dir } })).toThrow(`cannot read ${path.join(dir, file)}`);
  });

  test('a key of another certificate', async () => {
    const dir = await tlsDir();
    await copyFile(path.join(ca('ours'), 'server-2.key'), path.join(dir, 'tls.key'));
    expect(() => create({ tls: { dir } })).toThrow(`in ${dir} do not make a TLS server`);
  });
});
