import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { silentLog } from '../../model/log.ts';
import { createIdentity } from '../identity.ts';
import { createCsiServer } from '../server.ts';
import { eventually } from '../../../test/rig/eventually.ts';
import { untilAlone } from './other-driver.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'other-'));
});
afterEach(() => rm(folder, { recursive: true }));

const never = new AbortController().signal;
const at = (name: string): string => path.join(folder, name);

async function serve(name: string) {
  const services = [createIdentity({ driverName: 'local.csi.aliyun.com', version: 'v0.8.0', ready: () => true })];
  const endpoint = { kind: 'unix', path: at(name) } as const;
  const server = createCsiServer({ name: 'old', endpoint, services, log: silentLog, graceMs: 10 });
  await server.start(never);
  return server;
}

test('a node without another driver is not waited for, nor one whose socket was left behind', async () => {
  const program = `require('node:net').createServer().listen(${JSON.stringify(at('left.sock'))}, () => console.log('listens'))`;
  const child = spawn(process.execPath, ['--eval', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'exit');
  const told: unknown[] = [];
  const sockets = [at('csi.sock'), at('left.sock')];
  await untilAlone({ sockets, tell: (problem) => void told.push(problem) }, never);
  expect(told).toEqual([]);
});

test('another driver is told, and waited for until it ends', async () => {
  const old = await serve('csi.sock');
  const told: (string | undefined)[] = [];
  let isAlone = false;
  const sockets = [at('reg.sock'), at('csi.sock')];
  const wait = async (): Promise<void> => {
    await untilAlone({ sockets, tell: (problem) => void told.push(problem), everyMs: 10 }, never);
    isAlone = true;
  };
  const waiting = wait();
  await eventually(() =>
    expect(told).toEqual([expect.stringMatching(/^another process serves .*csi\.sock: two drivers/)]),
  );
  expect(isAlone).toBe(false);
  await old.stop();
  await waiting;
  expect(told.slice(1)).toEqual([undefined]);
});

test('waiting ends with its signal', async () => {
  const old = await serve('csi.sock');
  const stopping = new AbortController();
  const told: unknown[] = [];
  const tell = (problem: string | undefined): void => {
    told.push(problem);
    stopping.abort();
  };
  await untilAlone({ sockets: [at('csi.sock')], tell }, stopping.signal);
  expect(told).toHaveLength(1);
  await old.stop();
});

/** A driver of which each connection is told. */
async function listen(onConnection: (socket: Socket) => void): Promise<void> {
  const server = createServer(onConnection).listen(at('csi.sock'));
  onTestFinished(() => void server.close());
  await once(server, 'listening');
}

test('a driver that only ends the connection is told once, however often it is found', async () => {
  const stopping = new AbortController();
  const told: unknown[] = [];
  let found = 0;
  await listen((socket) => {
    socket.destroy();
    found += 1;
    if (found === 3) stopping.abort();
  });
  const tell = (problem: string | undefined): void => void told.push(problem);
  await untilAlone({ sockets: [at('csi.sock')], tell, everyMs: 1 }, stopping.signal);
  expect(told).toHaveLength(1);
});

test('no connection to the other driver is left when waiting ends', async () => {
  const stopping = new AbortController();
  const closed = Promise.withResolvers<void>();
  const connections: Socket[] = [];
  await listen((socket) => {
    connections.push(socket.resume().once('close', () => closed.resolve()));
  });
  await untilAlone({ sockets: [at('csi.sock')], tell: () => stopping.abort() }, stopping.signal);
  await closed.promise;
  expect(connections.map(({ destroyed }) => destroyed)).toEqual([true]);
});
