import { expect, test } from 'vitest';
import { bytes, GIB } from '../../model/bytes.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { NO_TROUBLES } from '../../model/storage-troubles.ts';
import { parseMountinfo } from '../../mount/mountinfo.ts';
import { NodeGetStorageHealthRequest, NodeGetVolumeHealthRequest, NodeGetVolumeStatsRequest } from '../gen/csi.ts';
import { Code } from '../status.ts';
import { never, publish, rig, stage, type Rig } from '../../../test/rig/csi-node.ts';
import { volumeHealth } from './volume-health.ts';

const VOLUME: LocalVolume = {
  metadata: { name: 'v1' },
  spec: { nodeName: 'node-a', kind: 'LVM', vgName: 'pool-0', sizeBytes: GIB, role: 'Volume' },
  status: { phase: 'Ready', sizeBytes: GIB, devicePath: '/dev/g/v1' },
};

/** What is found of a volume whose filesystem is mounted so at /staging. */
function look({ device = true, own = true, filesystem = 'rw', mount = 'rw' } = {}) {
  const mounts = parseMountinfo(`32 27 253:4 / /staging ${mount} - ext4 /dev/g/v1 ${filesystem}\n`);
  const deps = {
    records: { volume: async () => VOLUME, heard: () => undefined, troubles: () => NO_TROUBLES },
    mounts: { list: async () => mounts, shows: async () => own },
    filesystems: { sizeOf: async () => (device ? bytes(GIB) : undefined) },
  };
  return volumeHealth('v1', ['/staging', '/nothing'], deps, never);
}

test('a volume whose filesystem is as it was mounted is well, read-only or not', async () => {
  expect(await look()).toEqual([]);
  expect(await look({ filesystem: 'ro', mount: 'ro' })).toEqual([]);
  expect(await look({ filesystem: 'ro', own: false })).toEqual([]);
});

test.each([
  ['a device that is gone', { device: false }, 'inaccessible', 'DeviceMissing', 'its device /dev/g/v1 is missing'],
  [
    'a filesystem that the kernel made read-only',
    { filesystem: 'ro' },
    'degraded',
    'FilesystemReadOnly',
    'after errors',
  ],
  ['one of a newer kernel', { filesystem: 'rw,emergency_ro' }, 'degraded', 'FilesystemReadOnly', 'after errors'],
  ['one that was shut down', { filesystem: 'rw,shutdown' }, 'inaccessible', 'FilesystemShutDown', 'shut down'],
])('%s is told with volume, node and cause', async (_, seen, health, reason, cause) => {
  const [entry, ...more] = await look(seen);
  expect(entry).toMatchObject({ health, reason, message: expect.stringMatching(/^volume v1 on node node-a: /) });
  expect(entry?.message).toContain(cause);
  expect(more).toEqual([]);
});

const healthOf = ({ node, target, staging }: Rig, volumeId: string) =>
  node.nodeGetVolumeHealth(
    NodeGetVolumeHealthRequest.fromPartial({ volumeId, volumePublishPath: target, stagingTargetPath: staging }),
    never,
  );
const statsOf = ({ node, target }: Rig) =>
  node.nodeGetVolumeStats(NodeGetVolumeStatsRequest.fromPartial({ volumeId: 'v1', volumePath: target }), never);

test('health and the condition beside the stats say the same', async () => {
  const it = await rig();
  await stage(it);
  await publish(it);
  expect(await healthOf(it, 'v1')).toEqual({ volumeHealth: { volumeId: 'v1', healthStatuses: [] } });
  expect((await statsOf(it)).volumeCondition).toEqual({ abnormal: false, message: 'nothing is known to be wrong' });

  const status = { phase: 'Ready', reason: 'GroupFaulty', message: 'a disk is away', sizeBytes: GIB } as const;
  it.recorded.set('v1', { status });
  const message = 'volume v1 on node node-a: a disk is away';
  const [entry] = (await healthOf(it, 'v1')).volumeHealth?.healthStatuses ?? [];
  expect(entry).toEqual({ status: 1, reason: 'GroupFaulty', message });
  const degraded = await statsOf(it);
  expect(degraded.volumeCondition).toEqual({ abnormal: true, message });
  expect(degraded.usage.length).toBeGreaterThan(0);
});

test('of a volume that cannot be reached the condition alone is told, and no path of it is touched', async () => {
  const it = await rig();
  await stage(it);
  await publish(it);
  it.devices.delete('/dev/g/v1');
  const { usage, volumeCondition } = await statsOf(it);
  expect(usage).toEqual([]);
  expect(volumeCondition).toMatchObject({ abnormal: true, message: expect.stringContaining('/dev/g/v1 is missing') });
});

test('a missing id is INVALID_ARGUMENT, a volume of another node NOT_FOUND', async () => {
  const it = await rig();
  await expect(healthOf(it, '')).rejects.toMatchObject({ code: Code.INVALID_ARGUMENT });
  await expect(healthOf(it, 'elsewhere')).rejects.toMatchObject({ code: Code.NOT_FOUND });
});

test('troubles of the storage of the node are told, each kind once', async () => {
  const it = await rig();
  const ask = () => it.node.nodeGetStorageHealth(NodeGetStorageHealthRequest.create(), never);
  expect(await ask()).toEqual({ backendHealth: [] });
  it.storage.troubles = {
    groups: new Map([
      ['pool-0', 'pool-0 lacks sdb.'],
      ['pool-1', 'pool-1 lacks sdc.'],
    ]),
    volumes: new Map([['pool-0', ['a', 'b']]]),
    units: new Map([['/dev/sdd', 'sdd has no size.']]),
    disks: new Map([
      ['pool-0', 'sde fails.'],
      ['pool-1', 'sde fails.'],
    ]),
  };
  expect((await ask()).backendHealth).toMatchObject([
    { status: 1, reason: 'DisksMissing', message: 'pool-0 lacks sdb.; pool-1 lacks sdc.' },
    { status: 1, reason: 'VolumesPartial', message: 'group pool-0: not whole are a, b' },
    { status: 1, reason: 'UnitsFaulty', message: 'sdd has no size.' },
    { status: 1, reason: 'DisksFailing', message: 'sde fails.' },
  ]);
});
