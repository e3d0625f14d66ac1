import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Endpoint } from './endpoint.ts';
import { listenOn } from './listen.ts';
import { silentLog } from '../model/log.ts';
import { createOpsServer } from './ops-server.ts';

let folder: string;
const cleanups: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'open-local-ops-'));
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
  await rm(folder, { recursive: true, force: true });
});

interface Answer {
  readonly status: number | undefined;
  readonly text: string;
}

function ask(at: Endpoint | undefined, url: string, method = 'GET'): Promise<Answer> {
  const target = at?.kind === 'unix' ? { socketPath: at.path } : { host: at?.host, port: at?.port };
  return new Promise((resolve, reject) => {
    const call = request({ ...target, path: url, method, agent: false }, (reply) => {
      const chunks: Buffer[] = [];
      reply.on('data', (chunk: Buffer) => chunks.push(chunk));
      reply.on('end', () => resolve({ status: reply.statusCode, text: Buffer.concat(chunks).toString() }));
    });
    call.on('error', reject).end();
  });
}

async function serve(endpoint: Endpoint, problem: () => string | undefined = () => undefined) {
  const server = createOpsServer({
    endpoint,
    live: { loop: () => undefined },
    ready: { synced: problem },
    metrics: async () => 'a_total 1\n',
    log: silentLog,
  });
  await server.start(AbortSignal.abort());
  cleanups.push(() => server.stop());
  return server;
}

test.each(['tcp', 'unix'])('health and metrics over %s', async (kind) => {
  let problem: string | undefined = 'pods are not listed yet';
  const endpoint: Endpoint =
    kind === 'unix'
      ? { kind: 'unix', path: path.join(folder, 'new', 'ops.sock') }
      : { kind: 'tcp', host: '127.0.0.1', port: 0 };
  const { address } = await serve(endpoint, () => problem);
  expect(await ask(address(), '/healthz')).toEqual({ status: 200, text: '[+]loop ok\nok\n' });
  expect(await ask(address(), '/readyz?verbose')).toEqual({
    status: 503,
    text: '[-]synced failed: pods are not listed yet\nfailed\n',
  });
  problem = undefined;
  expect((await ask(address(), '/readyz')).status).toBe(200);
  expect(await ask(address(), '/metrics')).toEqual({ status: 200, text: 'a_total 1\n' });
  expect((await ask(address(), '/')).status).toBe(404);
  expect((await ask(address(), '/metrics', 'POST')).status).toBe(405);
});

test('a check that throws has failed, with its text', async () => {
  const { address } = await serve({ kind: 'tcp', host: '127.0.0.1', port: 0 }, () => {
    throw new Error('boom');
  });
  expect((await ask(address(), '/readyz')).text).toContain('[-]synced failed: boom');
});

test('a socket left by a killed process is replaced; one that is served is not', async () => {
  const socket = path.join(folder, 'ops.sock');
  const first = await serve({ kind: 'unix', path: socket });
  await expect(listenOn(createServer(), { kind: 'unix', path: socket })).rejects.toThrow('another process listens');
  expect((await ask(first.address(), '/healthz')).status).toBe(200);
  await first.stop();

  // A process that is killed leaves its socket behind: make one by hand, since closing a server removes it.
  const { execFileSync } = await import('node:child_process');
  const left = `const s = require('net').createServer().listen(${JSON.stringify(socket)}, () => process.kill(process.pid, 'SIGKILL'))`;
  expect(() => execFileSync(process.execPath, ['-e', left], { stdio: 'ignore' })).toThrow('SIGKILL');
  const again = await serve({ kind: 'unix', path: socket });
  expect((await ask(again.address(), '/healthz')).status).toBe(200);
});

test('a file that is no socket is left alone', async () => {
  const file = path.join(folder, 'data');
  await writeFile(file, 'precious');
  await expect(listenOn(createServer(), { kind: 'unix', path: file })).rejects.toThrow('is no socket');
});

test('an address in use is an error that names it', async () => {
  const { address } = await serve({ kind: 'tcp', host: '127.0.0.1', port: 0 });
  await expect(listenOn(createServer(), address() as Endpoint)).rejects.toThrow('EADDRINUSE');
});
