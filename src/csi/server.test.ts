import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, credentials } from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../../test/rig/eventually.ts';
import type { Endpoint } from '../daemon/endpoint.ts';
import { silentLog, type Log } from '../model/log.ts';
import { Fault } from '../model/fault.ts';
import { createCsiClient, type CsiClient } from './client.ts';
import {
  ControllerService,
  DeleteVolumeRequest,
  GetPluginInfoRequest,
  IdentityService,
  ListVolumesRequest,
  ProbeRequest,
} from './gen/csi.ts';
import { createCsiServer, type CsiServerOptions } from './server.ts';
import type { CallReport } from './call-log.ts';
import { service, type Handlers } from './service.ts';
import { Code, codeOf } from './status.ts';

const never = new AbortController().signal;
let folder: string;
let endpoint: Endpoint & { readonly kind: 'unix' };
let client: CsiClient;
const stops: (() => Promise<void>)[] = [];

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'open-local-csi-'));
  endpoint = { kind: 'unix', path: path.join(folder, 'csi.sock') };
  client = createCsiClient(endpoint, 10_000);
});
afterEach(async () => {
  client.close();
  for (const stop of stops.splice(0)) await stop();
  await rm(folder, { recursive: true, force: true });
});

interface Served {
  readonly reports: CallReport[];
  readonly lines: unknown[];
  readonly stop: () => Promise<void>;
}

async function serve(
  handlers: Handlers<typeof ControllerService>,
  graceMs = 5000,
  more: Partial<CsiServerOptions> = {},
): Promise<Served> {
  const reports: CallReport[] = [];
  const lines: unknown[] = [];
  const keep = (fields: object, message: string): void => void lines.push({ ...fields, message });
  const log: Log = { debug: keep, info: keep, warn: keep, error: keep };
  const server = createCsiServer({
    name: 'csi controller',
    endpoint,
    services: [
      service(IdentityService, { probe: async () => ({ ready: true }) }),
      service(ControllerService, handlers),
    ],
    log,
    onCall: (report) => reports.push(report),
    graceMs,
    ...more,
  });
  await server.start(never);
  stops.push(() => server.stop());
  return { reports, lines, stop: () => server.stop() };
}

const deleteVolume = (volumeId: string, signal = never) =>
  client.controller.deleteVolume(DeleteVolumeRequest.fromPartial({ volumeId, secrets: { key: 'hush' } }), signal);

test('a call reaches its handler, its reply the caller, and it is reported once', async () => {
  const { reports, lines } = await serve({ deleteVolume: async () => ({}) });
  expect(await client.identity.probe(ProbeRequest.create(), never)).toEqual({ ready: true });
  expect(await deleteVolume('v-1')).toEqual({});
  expect(reports).toMatchObject([
    { method: 'Probe', code: 'OK' },
    { method: 'DeleteVolume', code: 'OK' },
  ]);
  expect(lines).toContainEqual(expect.objectContaining({ method: 'DeleteVolume', volume: 'v-1' }));
  expect(JSON.stringify(lines)).not.toContain('hush');
});

test.each([
  ['invalid', Code.INVALID_ARGUMENT],
  ['not-found', Code.NOT_FOUND],
  ['conflict', Code.ALREADY_EXISTS],
  ['exhausted', Code.RESOURCE_EXHAUSTED],
  ['out-of-range', Code.OUT_OF_RANGE],
  ['precondition', Code.FAILED_PRECONDITION],
  ['aborted', Code.ABORTED],
  ['unavailable', Code.UNAVAILABLE],
  ['unimplemented', Code.UNIMPLEMENTED],
] as const)('a Fault %s is told as its status, with its message', async (kind, code) => {
  await serve({ deleteVolume: () => Promise.reject(new Fault(kind, 'because')) });
  await expect(deleteVolume('v-1')).rejects.toMatchObject({ code, details: 'because' });
});

test('what a bug throws stays in the log', async () => {
  const { lines } = await serve({ deleteVolume: () => Promise.reject(new Error('password is x')) });
  const error: unknown = await deleteVolume('v-1').catch((error: unknown) => error);
  expect(codeOf(error)).toBe(Code.INTERNAL);
  expect(String(error)).not.toContain('password');
  expect(lines).toContainEqual(expect.objectContaining({ err: new Error('password is x'), code: 'INTERNAL' }));
});

test('what is not served is UNIMPLEMENTED', async () => {
  await serve({});
  const list = client.controller.listVolumes(ListVolumesRequest.create(), never);
  await expect(list).rejects.toMatchObject({ code: Code.UNIMPLEMENTED });
  const info = client.identity.getPluginInfo(GetPluginInfoRequest.create(), never);
  await expect(info).rejects.toMatchObject({ code: Code.UNIMPLEMENTED });
});

test('a caller that gives up aborts the handler', async () => {
  const entered = Promise.withResolvers<void>();
  const left = Promise.withResolvers<unknown>();
  await serve({
    deleteVolume: (_, { signal }) => {
      entered.resolve();
      return new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          left.resolve(signal.reason);
          reject(signal.reason as Error);
        });
      });
    },
  });
  const impatient = new AbortController();
  const call = deleteVolume('v-1', impatient.signal);
  await entered.promise;
  impatient.abort();
  await expect(call).rejects.toMatchObject({ code: Code.CANCELLED });
  expect(await left.promise).toEqual(new Fault('aborted', 'the caller gave up, or its deadline has passed'));
});

test("a caller's deadline aborts the handler", async () => {
  const left = Promise.withResolvers<void>();
  await serve({
    deleteVolume: (_, { signal }) => {
      return new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          left.resolve();
          reject(signal.reason as Error);
        });
      });
    },
  });
  const hurried = createCsiClient(endpoint, 200);
  const call = hurried.controller.deleteVolume(DeleteVolumeRequest.fromPartial({ volumeId: 'v-1' }), never);
  await expect(call).rejects.toMatchObject({ code: Code.DEADLINE_EXCEEDED });
  await left.promise;
  hurried.close();
});

test('stopping lets a call under way finish', async () => {
  const entered = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  const { stop } = await serve({
    deleteVolume: async () => {
      entered.resolve();
      await gate.promise;
      return {};
    },
  });
  const call = deleteVolume('v-1');
  await entered.promise;
  const stopped = stop();
  gate.resolve();
  expect(await call).toEqual({});
  await stopped;
  await expect(stat(endpoint.path)).rejects.toThrow('ENOENT');
});

test('stopping waits for the work of a call whose caller has left', async () => {
  const entered = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  const done: string[] = [];
  const { stop } = await serve({
    deleteVolume: async () => {
      entered.resolve();
      await gate.promise;
      done.push('written');
      return {};
    },
  });
  const impatient = new AbortController();
  const call = deleteVolume('v-1', impatient.signal);
  await entered.promise;
  impatient.abort();
  await expect(call).rejects.toMatchObject({ code: Code.CANCELLED });
  const stopped = stop().then(() => done.push('stopped'));
  client.close();
  // No event says that it goes on waiting: it has had time to stop, and has not.
  await Promise.race([stopped, delay(300)]);
  expect(done).toEqual([]);
  gate.resolve();
  await stopped;
  expect(done).toEqual(['written', 'stopped']);
});

test('a call that does not finish while stopping is told to, and answered UNAVAILABLE', async () => {
  const entered = Promise.withResolvers<void>();
  const { stop } = await serve(
    {
      deleteVolume: (_, { signal }) => {
        entered.resolve();
        return new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error));
        });
      },
    },
    10,
  );
  const call = deleteVolume('v-1');
  await entered.promise;
  await Promise.all([stop(), expect(call).rejects.toMatchObject({ code: Code.UNAVAILABLE })]);
});

test('the socket of a killed process is replaced, one that is served is not, and a file is left alone', async () => {
  const left = `require('net').createServer().listen(${JSON.stringify(endpoint.path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  expect(() => execFileSync(process.execPath, ['-e', left], { stdio: 'ignore' })).toThrow('SIGKILL');
  await serve({});
  expect(await client.identity.probe(ProbeRequest.create(), never)).toEqual({ ready: true });
  await expect(serve({})).rejects.toThrow('another process listens');

  const file = path.join(folder, 'data');
  await writeFile(file, 'precious');
  const other = createCsiServer({
    name: 'x',
    endpoint: { kind: 'unix', path: file },
    services: [],
    log: silentLog,
  });
  await expect(other.start(never)).rejects.toThrow('is no socket');
});

test('a client finds the server again after it was away', async () => {
  const { stop } = await serve({ deleteVolume: async () => ({}) });
  await deleteVolume('v-1');
  await stop();
  await expect(deleteVolume('v-1')).rejects.toMatchObject({ code: Code.UNAVAILABLE });
  await serve({ deleteVolume: async () => ({}) });
  await expect.poll(() => deleteVolume('v-1').then(() => 'served', codeOf), { timeout: 10_000 }).toBe('served');
});

/** As the kubelet, which connects for each call; clients share their connections. */
const probe = async (): Promise<unknown> => {
  const fresh = new Client(`unix://${endpoint.path}`, credentials.createInsecure(), LOCAL);
  try {
    const { path: method, requestSerialize, responseDeserialize } = IdentityService.probe;
    return await new Promise((resolve, reject) => {
      const told = (error: Error | null, reply: unknown): void => (error ? reject(error) : resolve(reply));
      fresh.makeUnaryRequest(method, requestSerialize, responseDeserialize, ProbeRequest.create(), told);
    });
  } finally {
    fresh.close();
  }
};

const LOCAL = { 'grpc.use_local_subchannel_pool': 1 };

test('a socket that is to be kept is made again when somebody removed it, and calls under way go on', async () => {
  const [entered, mayEnd] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const slow = { deleteVolume: () => (entered.resolve(), mayEnd.promise.then(() => ({}))) };
  const { lines, stop } = await serve(slow, 5000, { keep: true, retryMs: 20 });
  const call = deleteVolume('v-1');
  await entered.promise;
  await rm(endpoint.path);
  await eventually(async () => expect(await probe()).toEqual({ ready: true }));
  mayEnd.resolve();
  expect(await call).toEqual({});
  const told = { address: endpoint.path, message: 'the socket was removed, and is made again' };
  await eventually(() => expect(lines).toContainEqual(told));
  await rm(folder, { recursive: true });
  await eventually(async () => expect(await probe()).toEqual({ ready: true }));
  await stop();
  await expect(stat(endpoint.path)).rejects.toThrow('ENOENT');
});

test('a socket that another process serves in its place is left alone until that one has gone', async () => {
  const { lines } = await serve({}, 5000, { keep: true, retryMs: 20 });
  const other = createServer();
  await rename(endpoint.path, path.join(folder, 'moved.sock'));
  other.listen(path.join(folder, 'other.sock'));
  await once(other, 'listening');
  await rename(path.join(folder, 'other.sock'), endpoint.path);
  await eventually(() =>
    expect(lines).toContainEqual(
      expect.objectContaining({ message: 'the socket was removed, and cannot be made again' }),
    ),
  );
  const { ino } = await stat(endpoint.path);
  other.close();
  await rm(endpoint.path, { force: true });
  await eventually(async () => expect(await probe()).toEqual({ ready: true }));
  expect(ino).toBeGreaterThan(0);
});

test('a socket that is not to be kept stays away', async () => {
  const { stop } = await serve({});
  await rm(endpoint.path);
  await stop();
  await expect(stat(endpoint.path)).rejects.toThrow('ENOENT');
});
