import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { KeyedMutex } from '../../daemon/keyed-mutex.ts';
import { silentLog } from '../../model/log.ts';
import type { Content } from '../../mount/filesystem.ts';
import { Fault } from '../../model/fault.ts';
import type { KubeObject, NodeLocalStorage } from '../../model/objects.ts';
import type { KubeClient, Patch } from '../../kube/client.ts';
import { createFormatMarks } from './format-marks.ts';
import { initMountPoints, type InitMountPointsDeps } from './init-mount-points.ts';
import { sampleDisk, sampleMount, sampleObservation } from '../storage-fixture.ts';

const never = new AbortController().signal;
const UUID = 'u-cut';

/** The node's object behind an API server, of which the annotations change. */
function createFakeNls() {
  let nls: NodeLocalStorage = { metadata: { name: 'node-a' } };
  const get = <T extends KubeObject>(): Promise<T> => Promise.resolve(nls as unknown as T);
  const patch: KubeClient['patch'] = <T extends KubeObject>(_: unknown, __: unknown, change: Patch): Promise<T> => {
    const { metadata } = change.body as { metadata: { annotations: Record<string, string | null> } };
    const annotations = Object.entries({ ...nls.metadata.annotations, ...metadata.annotations });
    const left = Object.fromEntries(annotations.flatMap(([key, value]) => (value === null ? [] : [[key, value]])));
    nls = { metadata: { ...nls.metadata, annotations: left } };
    return get();
  };
  return {
    client: { get, patch },
    read: () => nls,
    wrote: () => {},
    write: (now: NodeLocalStorage) => void (nls = now),
  };
}

/** Disks sdb and sdc under a folder of ours; what is done to them is written down. */
async function rig(
  options: { readonly contents?: Record<string, Content>; readonly broken?: 'format' | 'mount' } = {},
) {
  const mountRoot = await mkdtemp(path.join(tmpdir(), 'mount-points-'));
  onTestFinished(() => rm(mountRoot, { recursive: true, force: true }));
  const done: string[] = [];
  const does = (kind: 'format' | 'mount', what: string): Promise<void> => {
    done.push(what);
    return options.broken === kind ? Promise.reject(new Fault('unavailable', 'it broke')) : Promise.resolve();
  };
  const nls = createFakeNls();
  const marks = createFormatMarks({ ...nls, nodeName: 'node-a', heard: nls.read });
  const tell = (what: string, at: string): void => void done.push(`${what} ${path.basename(at)}`);
  const deps: InitMountPointsDeps = {
    disks: {
      resolve: (name) => Promise.resolve(name),
      probe: ({ path }) => {
        done.push(`look into ${path}`);
        return Promise.resolve({ busy: false, signatures: [] });
      },
    },
    filesystems: {
      probe: (device) => Promise.resolve(options.contents?.[device] ?? { kind: 'blank' }),
      format: (device, { type, uuid }) =>
        does('format', `format ${device} ${type} ${uuid === UUID ? UUID : ''}`.trim()),
      unformat: (device) => Promise.resolve(void done.push(`unformat ${device}`)),
      check: (device, fsType) => Promise.resolve(void done.push(`check ${device} ${fsType}`)),
    },
    mounts: {
      mount: ({ source, target, fsType, options }) =>
        does('mount', `mount ${source} ${path.basename(target)} ${fsType} ${options.join(',')}`),
    },
    marks: {
      ...marks,
      begin: async (at, mark, signal) => {
        tell('begin', at);
        await marks.begin(at, mark, signal);
      },
      done: async (at, signal) => {
        tell('done', at);
        await marks.done(at, signal);
      },
    },
    boot: 'b-1',
    mountRoot,
    ownerOf: () => undefined,
    locks: new KeyedMutex(),
    log: silentLog,
  };
  const observation = sampleObservation({ devices: [sampleDisk('sdb'), sampleDisk('sdc')] });
  return { deps, done, observation, nls, at: (name: string) => path.join(mountRoot, name) };
}

test('a blank device is formatted and mounted, with its options', async () => {
  const it = await rig();
  const wanted = [{ path: `${it.at('a')}/`, device: '/dev/sdb', fsType: 'xfs', options: ['noatime'] }];
  expect(await initMountPoints(wanted, it.observation, it.deps, never)).toEqual({
    standings: [{ type: `MountPoint/${it.at('a')}`, ok: true, reason: 'Ready', message: '/dev/sdb is mounted.' }],
    changed: true,
  });
  expect(it.done).toEqual([
    'look into /dev/sdb',
    'begin a',
    'format /dev/sdb xfs',
    'done a',
    'mount /dev/sdb a xfs noatime,nouuid',
  ]);
  expect((await stat(it.at('a'))).isDirectory()).toBe(true);
});

test('after a boot the filesystem is mounted as it is', async () => {
  const it = await rig({ contents: { '/dev/sdb': { kind: 'filesystem', type: 'ext4' } } });
  const { changed } = await initMountPoints([{ path: it.at('a'), device: '/dev/sdb' }], it.observation, it.deps, never);
  expect(it.done).toEqual(['look into /dev/sdb', 'check /dev/sdb ext4', 'mount /dev/sdb a ext4 ']);
  expect(changed).toBe(true);
});

test('what is mounted is not touched, nor looked into', async () => {
  const it = await rig();
  const observation = { ...it.observation, mounts: [sampleMount(it.at('a'), { majorMinor: '8:sdb' })] };
  const result = await initMountPoints([{ path: it.at('a'), device: '/dev/sdb' }], observation, it.deps, never);
  expect(result).toMatchObject({ standings: [{ ok: true, reason: 'Ready' }], changed: false });
  expect(it.done).toEqual([]);
});

test('one that cannot be had does not stop the others', async () => {
  const it = await rig();
  const wanted = [
    { path: it.at('gone'), device: '/dev/sdx' },
    { path: it.at('a'), device: '/dev/sdb' },
  ];
  const { standings } = await initMountPoints(wanted, it.observation, it.deps, never);
  expect(standings.map(({ ok, reason }) => [ok, reason])).toEqual([
    [false, 'DeviceRefused'],
    [true, 'Ready'],
  ]);
});

test.each([
  ['a path', 'a', '/dev/sdc'],
  ['a device', 'b', '/dev/sdb'],
])('%s that is listed twice is left alone', async (_, name, device) => {
  const it = await rig();
  const wanted = [
    { path: it.at('a'), device: '/dev/sdb' },
    { path: it.at(name), device },
  ];
  const { standings, changed } = await initMountPoints(wanted, it.observation, it.deps, never);
  expect(new Set(standings.map(({ reason }) => reason))).toEqual(new Set(['ListedTwice']));
  expect([changed, it.done]).toEqual([false, []]);
});

test.each(['format', 'mount'] as const)('a %s that fails is told', async (broken) => {
  const it = await rig({ broken });
  const { standings, changed } = await initMountPoints(
    [{ path: it.at('a'), device: '/dev/sdb' }],
    it.observation,
    it.deps,
    never,
  );
  const reason = broken === 'format' ? 'FormatFailed' : 'MountFailed';
  expect(standings).toMatchObject([{ ok: false, reason, message: 'it broke.' }]);
  expect(changed).toBe(false);
});

const marked = (text: string) => ({ metadata: { annotations: { 'csi.aliyun.com/formatting': text } } });

test('a format that is cut is begun anew, and forgotten before the first mount', async () => {
  const contents: Record<string, Content> = {};
  const it = await rig({ contents });
  const wanted = [{ path: it.at('a'), device: '/dev/sdb', fsType: 'xfs' }];
  it.deps.filesystems.format = (device, { type, uuid }) => {
    contents[device] = { kind: 'filesystem', type, uuid, unfinished: true };
    return Promise.reject(new Fault('unavailable', 'killed'));
  };
  const { standings } = await initMountPoints(wanted, it.observation, it.deps, never);
  expect(standings).toMatchObject([{ ok: false, reason: 'FormatFailed' }]);
  expect(it.nls.read().metadata.annotations).toBeDefined();

  it.done.length = 0;
  it.deps.filesystems.format = (device, { type, uuid }) => {
    it.done.push(`format with the same UUID ${(contents[device] as { uuid?: string }).uuid === uuid}`);
    contents[device] = { kind: 'filesystem', type, uuid };
    return Promise.resolve();
  };
  await initMountPoints(wanted, it.observation, it.deps, never);
  await initMountPoints(wanted, it.observation, it.deps, never);
  expect(it.done).toEqual([
    'look into /dev/sdb',
    'unformat /dev/sdb',
    'format with the same UUID true',
    'done a',
    'mount /dev/sdb a xfs nouuid',
    'look into /dev/sdb',
    'check /dev/sdb xfs',
    'mount /dev/sdb a xfs nouuid',
  ]);
  expect(it.nls.read().metadata.annotations).toEqual({});
});

test.each([false, true])('a finished filesystem is served, and its mark taken off (mounted: %s)', async (isMounted) => {
  const it = await rig({ contents: { '/dev/sdb': { kind: 'filesystem', type: 'xfs', uuid: UUID } } });
  it.nls.write(marked(JSON.stringify({ [it.at('a')]: `xfs ${UUID} boot b-1`, [it.at('b')]: 'xfs u-2 boot b-1' })));
  const mounts = isMounted ? [sampleMount(it.at('a'), { majorMinor: '8:sdb' })] : [];
  const wanted = [{ path: it.at('a'), device: '/dev/sdb' }];
  for (const _ of [1, 2]) await initMountPoints(wanted, { ...it.observation, mounts }, it.deps, never);
  const served = ['look into /dev/sdb', 'check /dev/sdb xfs', 'mount /dev/sdb a xfs nouuid'];
  expect(it.done).toEqual(isMounted ? ['done a'] : [...served, 'done a', ...served]);
  expect(it.nls.read()).toEqual(marked(JSON.stringify({ [it.at('b')]: 'xfs u-2 boot b-1' })));
});

test('a mark that was heard of, and was taken off since, has nothing formatted', async () => {
  const it = await rig({ contents: { '/dev/sdb': { kind: 'filesystem', type: 'xfs', uuid: UUID, unfinished: true } } });
  const stale = marked(JSON.stringify({ [it.at('a')]: `xfs ${UUID} boot b-1` }));
  const marks = createFormatMarks({ ...it.nls, nodeName: 'node-a', heard: () => stale });
  const wanted = [{ path: it.at('a'), device: '/dev/sdb' }];
  const { standings } = await initMountPoints(wanted, it.observation, { ...it.deps, marks }, never);
  expect(standings).toMatchObject([
    { reason: 'FormatFailed', message: expect.stringContaining('not recorded') as string },
  ]);
  expect(it.done).toEqual(['look into /dev/sdb']);
});

test.each(['nonsense', '"text"', '{"/mnt/a":7}', '{"/mnt/a":"zfs u d"}', '{"/mnt/a":"xfs u"}'])(
  'a mark that cannot be read is none: %s',
  (text) => {
    const { client, wrote } = createFakeNls();
    const marks = createFormatMarks({ client, wrote, nodeName: 'node-a', heard: () => marked(text) });
    expect(marks.heard('/mnt/a')).toBeUndefined();
  },
);

test('a disk that a volume has for itself is not made a mount point, whatever name it is given by', async () => {
  const it = await rig();
  const deps = {
    ...it.deps,
    disks: { ...it.deps.disks, resolve: () => Promise.resolve('/dev/sdb') },
    ownerOf: (place: string) => (place === '/dev/sdb' ? 'v1' : undefined),
  };
  const wanted = [{ path: it.at('a'), device: '/dev/disk/by-id/x' }];
  const { standings } = await initMountPoints(wanted, it.observation, deps, never);
  expect(standings).toMatchObject([{ reason: 'DeviceRefused', message: expect.stringContaining('v1') as string }]);
  expect(it.done).toEqual([]);
});
