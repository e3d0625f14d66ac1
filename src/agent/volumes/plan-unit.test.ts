import { expect, test } from 'vitest';
import { bytes, GIB } from '../../model/bytes.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { DISK, FILESYSTEM } from '../../model/well-known.ts';
import type { DeviceFacts } from '../../disk/inspect.ts';
import type { MountEntry } from '../../mount/mountinfo.ts';
import { sampleDisk, sampleLocalVolume, sampleMount, unitSpec } from '../storage-fixture.ts';
import { planDeviceVolume, planMountPointVolume } from './plan-unit.ts';

type Parts = Parameters<typeof sampleLocalVolume>[0];

const ready = { phase: 'Ready', sizeBytes: GIB, devicePath: '/dev/sdc' } as const;
const leaving = { meta: { deletionTimestamp: '2026-01-01T00:00:00Z' }, status: ready };
const diskVolume = (parts: Parts = {}): LocalVolume => ({
  ...sampleLocalVolume(parts),
  spec: { ...unitSpec('Device', '/dev/sdc'), ...parts?.spec },
});
const device = (more: Partial<DeviceFacts> = {}): DeviceFacts => ({
  ...{ path: '/dev/sdc', resolved: '/dev/sdc', device: sampleDisk('sdc'), mountedAt: [] },
  ...{ probe: { busy: false, signatures: [] }, ...more },
});

test('a disk that is just as large as asked for serves', () => {
  expect(planDeviceVolume(diskVolume({ spec: { sizeBytes: 10 * GIB } }), device())).toEqual({
    ...{ kind: 'ready', sizeBytes: 10 * GIB, devicePath: '/dev/sdc' },
  });
});

test.each<[string, Partial<DeviceFacts>, object]>([
  [
    'is mounted',
    { mountedAt: ['/data'] },
    { message: '/dev/sdc is mounted at /data. Take it off the list.', targets: ['/data'] },
  ],
  [
    'has something built on it',
    { device: sampleDisk('sdc', { holders: ['dm-0'] }) },
    { message: '/dev/sdc is held by dm-0. dm-0 stands on it. To end that: dmsetup remove /dev/dm-0' },
  ],
])('of a disk that is not wiped because it %s, it is told what to do', (_, more, told) => {
  expect(planDeviceVolume(diskVolume(leaving), device(more))).toEqual({ kind: 'refuse', reason: 'InUse', ...told });
});

const gone: DeviceFacts = { path: '/dev/sdc', mountedAt: [] };
const missing = (message: string) => ({ kind: 'refuse', reason: 'UnitMissing', message });

test('a disk that is away is asked for by what was recorded of it', () => {
  expect(planDeviceVolume(diskVolume({ status: ready }), gone)).toEqual(
    missing('/dev/sdc is not there: bring it back.'),
  );
  const recorded = diskVolume({ status: ready, meta: { annotations: { [DISK]: 'naa.1 10' } } });
  expect(planDeviceVolume(recorded, gone)).toEqual(
    missing('/dev/sdc is not there, or leads to another disk than naa.1 10: bring it back.'),
  );
});

test('where the disk in its place may be its own, it is told how to say so', () => {
  const told = planDeviceVolume(diskVolume({ status: ready }), gone, 'naa.2 10');
  expect(told).toMatchObject(missing(expect.stringContaining('The disk there tells naa.2 10') as string));
  expect(told).toMatchObject({
    message: expect.stringMatching(/: kubectl annotate localvolume v1 \S+="naa.2 10" --overwrite$/) as string,
  });
});

const PLACE = '/mnt/open-local/a';
const mountVolume = (parts: Parts = {}): LocalVolume => ({
  ...sampleLocalVolume(parts),
  spec: unitSpec('MountPoint', PLACE),
});
const stats = {
  ...{ total: bytes(10 * GIB), used: bytes(0), available: bytes(GIB) },
  inodes: { total: 1, used: 1, available: 0 },
};
const identity = 'ext4 u /';
const entry = sampleMount(PLACE);

test('a filesystem that is away is asked for by what was recorded of it and of its disk', () => {
  const annotations = { [DISK]: 'naa.1 10', [FILESYSTEM]: identity };
  const volume = mountVolume({ status: ready, meta: { annotations } });
  expect(planMountPointVolume(volume, undefined, { entries: [], mounts: [] })).toEqual(
    missing(
      `${PLACE} is not a mounted filesystem, or leads to another disk than naa.1 10, or shows another filesystem ` +
        'than ext4 u /: bring it back.',
    ),
  );
});

test('a filesystem whose size cannot be told is not there', () => {
  const facts = { entries: [], mounts: [entry] };
  expect(planMountPointVolume(mountVolume(), { entry, identity }, facts)).toEqual(
    missing(`${PLACE} is not a mounted filesystem: bring it back.`),
  );
});

test.each<[string, Partial<MountEntry>, { owner?: string; mounts?: readonly MountEntry[] }, string]>([
  [
    'is in memory',
    { fsType: 'tmpfs', source: 'tmpfs' },
    {},
    'is tmpfs: it is in memory, and empty after a boot. Mount',
  ],
  ['another volume has', {}, { owner: 'v2' }, 'has the filesystem of volume v2. Mount another one there.'],
  [
    'is seen elsewhere, too',
    {},
    { mounts: [sampleMount('/srv')] },
    'is in use at /srv. Unmount it there, or leave this path out.',
  ],
])('a filesystem that %s is not taken, however empty it is', (_, more, facts, told) => {
  const own = { ...entry, ...more };
  const mounts = [own, ...(facts.mounts ?? [])];
  const step = planMountPointVolume(mountVolume(), { entry: own, stats, identity }, { ...facts, entries: [], mounts });
  const message = expect.stringContaining(`${PLACE} ${told}`) as string;
  expect(step).toEqual({ kind: 'refuse', reason: 'NotBlank', message });
});

test('other filesystems of the node keep none from being taken, or emptied', () => {
  const facts = { entries: [], mounts: [sampleMount('/', { majorMinor: '1:1' }), entry] };
  const mountPoint = { entry, stats, identity };
  expect(planMountPointVolume(mountVolume(), mountPoint, facts)).toMatchObject({ kind: 'ready' });
  expect(planMountPointVolume(mountVolume(leaving), mountPoint, facts)).toMatchObject({ kind: 'wipe' });
});
