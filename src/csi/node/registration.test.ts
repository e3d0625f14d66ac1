import { mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client, credentials } from '@grpc/grpc-js';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { Log } from '../../model/log.ts';
import { RegistrationService } from '../gen/pluginregistration.ts';
import { keepRegistered, type Registration } from './registration.ts';
import { eventually } from '../../../test/rig/eventually.ts';

async function rig({ withFolder = true } = {}) {
  const root = await mkdtemp(path.join(tmpdir(), 'registry-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const folder = path.join(root, 'plugins_registry');
  if (withFolder) await mkdir(folder);
  const socketPath = path.join(folder, 'd-reg.sock');
  const lines: string[] = [];
  const keep: Log['warn'] = ({ err }, message) =>
    void lines.push(err instanceof Error ? `${message} ${err.message}` : message);
  const log: Log = { debug: keep, info: keep, warn: keep, error: keep };
  const stop = new AbortController();
  const states: Registration[] = [];
  const onState = (state: Registration): void => void states.push(state);
  const options = { socketPath, driverName: 'd', csiPath: '/k/csi.sock', log, retryMs: 20, onState };
  const ended = keepRegistered(options, stop.signal);
  const end = async (): Promise<void> => {
    stop.abort();
    await ended;
  };
  onTestFinished(end);
  return { folder, socketPath, lines, states, end, madeAt: async () => (await stat(socketPath)).ctimeMs };
}

/** What the kubelet does when it finds a socket. */
async function call<M extends 'getInfo' | 'notifyRegistrationStatus'>(
  socketPath: string,
  name: M,
  request: Parameters<(typeof RegistrationService)[M]['requestSerialize']>[0],
): Promise<unknown> {
  const client = new Client(`unix://${socketPath}`, credentials.createInsecure());
  const method = RegistrationService[name];
  try {
    return await new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        method.path,
        method.requestSerialize as (value: typeof request) => Buffer,
        method.responseDeserialize as (bytes: Buffer) => unknown,
        request,
        { deadline: Date.now() + 5000 },
        (error, reply) => (error ? reject(error) : resolve(reply)),
      );
    });
  } finally {
    client.close();
  }
}

const INFO = { type: 'CSIPlugin', name: 'd', endpoint: '/k/csi.sock', supportedVersions: ['1.0.0'] };
const info = ({ socketPath }: { readonly socketPath: string }) => call(socketPath, 'getInfo', {});

test('the kubelet is told where the driver is', async () => {
  const it = await rig();
  await eventually(async () => expect(await info(it)).toEqual(INFO));
  await call(it.socketPath, 'notifyRegistrationStatus', { pluginRegistered: true, error: '' });
  expect(it.lines.join('\n')).toContain('registered with the kubelet');
  expect(it.states).toEqual([{ kind: 'waiting' }, { kind: 'registered' }]);
  await rm(it.socketPath);
  await eventually(() => expect(it.states.at(-1)).toEqual({ kind: 'waiting' }));
});

test('its end removes the socket', async () => {
  const it = await rig();
  await eventually(() => it.madeAt());
  await it.end();
  await expect(it.madeAt()).rejects.toThrow('ENOENT');
});

test('a socket that is removed is made again', async () => {
  const it = await rig();
  await eventually(async () => expect(await info(it)).toEqual(INFO));
  await rm(it.socketPath);
  await eventually(async () => expect(await info(it)).toEqual(INFO));
});

test('a folder that is made anew gets a socket again', async () => {
  const it = await rig();
  await eventually(async () => expect(await info(it)).toEqual(INFO));
  await rename(it.folder, `${it.folder}-old`);
  await mkdir(it.folder);
  await eventually(async () => expect(await info(it)).toEqual(INFO));
});

test("the folder is the kubelet's to make", async () => {
  const it = await rig({ withFolder: false });
  await eventually(() => expect(it.lines.join('\n')).toMatch(/not registered.*ENOENT/));
  await expect(stat(it.folder)).rejects.toThrow('ENOENT');
  await mkdir(it.folder);
  await eventually(async () => expect(await info(it)).toEqual(INFO));
});

test('a kubelet that refuses is told of, and finds a new socket', async () => {
  const it = await rig();
  const before = await eventually(() => it.madeAt());
  const status = { pluginRegistered: false, error: 'name taken' };
  await eventually(() => call(it.socketPath, 'notifyRegistrationStatus', status));
  await eventually(async () => expect(await it.madeAt()).not.toBe(before));
  expect(it.lines.join('\n')).toContain('did not accept driver d: name taken');
  const problem = 'the kubelet did not accept driver d: name taken';
  expect(it.states).toEqual([{ kind: 'waiting' }, { kind: 'failed', problem }, { kind: 'waiting' }]);
});

test('aborted before it starts, it does nothing', async () => {
  const stop = AbortSignal.abort();
  const log = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() };
  await keepRegistered({ socketPath: '/nowhere/r.sock', driverName: 'd', csiPath: '/c', log }, stop);
  expect(log.warn).not.toHaveBeenCalled();
});
