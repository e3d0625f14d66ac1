import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { KeyedMutex } from '../../daemon/keyed-mutex.ts';
import { silentLog } from '../../model/log.ts';
import type { Content } from '../../mount/filesystem.ts';
import { Fault } from '../../model/fault.ts';
import { initMountPoints, type InitMountPointsDeps } from './init-mount-points.ts';
import { sampleDisk, sampleMount, sampleObservation } from '../storage-fixture.ts';

const never = new AbortController().signal;

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
      format: (device, { type }) => does('format', `format ${device} ${type}`),
    },
    mounts: {
      mount: ({ source, target, fsType, options }) =>
        does('mount', `mount ${source} ${path.basename(target)} ${fsType} ${options.join(',')}`),
    },
    mountRoot,
    ownerOf: () => undefined,
    locks: new KeyedMutex(),
    log: silentLog,
  };
  const observation = sampleObservation({ devices: [sampleDisk('sdb'), sampleDisk('sdc')] });
  return { deps, done, observation, at: (name: string) => path.join(mountRoot, name) };
}

test('a blank device is formatted and mounted, with its options', async () => {
  const it = await rig();
  const wanted = [{ path: `${it.at('a')}/`, device: '/dev/sdb', fsType: 'xfs', options: ['noatime'] }];
  expect(await initMountPoints(wanted, it.observation, it.deps, never)).toEqual({
    standings: [{ type: `MountPoint/${it.at('a')}`, ok: true, reason: 'Ready', message: '/dev/sdb is mounted.' }],
    changed: true,
  });
  expect(it.done).toEqual(['look into /dev/sdb', 'format /dev/sdb xfs', 'mount /dev/sdb a xfs noatime,nouuid']);
  expect((await stat(it.at('a'))).isDirectory()).toBe(true);
});

test('after a boot the filesystem is mounted as it is', async () => {
  const it = await rig({ contents: { '/dev/sdb': { kind: 'filesystem', type: 'ext4' } } });
  const { changed } = await initMountPoints([{ path: it.at('a'), device: '/dev/sdb' }], it.observation, it.deps, never);
  expect(it.done).toEqual(['look into /dev/sdb', 'mount /dev/sdb a ext4 ']);
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
