import { randomUUID } from 'node:crypto';
import { readdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { bytes, GIB, MIB } from '../../model/bytes.ts';
import { Fault } from '../../model/fault.ts';
import { present } from '../../model/present.ts';
import * as csi from '../gen/csi.ts';
import { Code } from '../status.ts';
import {
  capability,
  DATA,
  expand,
  INLINE,
  Mode,
  mountPoint,
  never,
  publish,
  rig,
  stage,
  stats,
  unpublish,
  unstage,
  volume,
  type Rig,
} from '../../../test/rig/csi-node.ts';
import { podOfTarget } from './published-limits.ts';

test('the whole life of a mounted volume, each call many times', async () => {
  const it = await rig();
  const turns = [1, 2, 3];
  for (const _ of turns) await stage(it);
  for (const _ of turns) await publish(it);
  expect(await it.mounts.list(never)).toMatchObject([
    { target: it.staging, source: '/dev/g/v1', fsType: 'ext4' },
    { target: it.target, source: '/dev/g/v1', fsType: 'ext4' },
  ]);
  expect(it.volumes.get('v1')?.formatted).toBe('ext4');
  const { usage } = await stats(it);
  expect(usage).toMatchObject([
    { unit: csi.VolumeUsage_Unit.BYTES, total: BigInt(GIB) },
    { unit: csi.VolumeUsage_Unit.INODES },
  ]);
  it.devices.set('/dev/g/v1', 2 * GIB);
  for (const _ of turns) expect(await expand(it, 2 * GIB)).toEqual({ capacityBytes: BigInt(2 * GIB) });
  expect((await stats(it)).usage[0]?.total).toBe(BigInt(2 * GIB));
  for (const _ of turns) await unpublish(it);
  await expect(stat(it.target)).rejects.toMatchObject({ code: 'ENOENT' });
  for (const _ of turns) await unstage(it);
  expect(await it.mounts.list(never)).toEqual([]);
});

test('a filesystem that somebody froze goes on, before its last mount goes and when it is mounted anew', async () => {
  const it = await rig();
  const [done, real] = [[] as string[], { ...it.mounts }];
  it.filesystems.thaw = (target) => Promise.resolve(void done.push(`thaw ${path.basename(target)}`));
  it.mounts.unmount = (target, signal) => {
    done.push(`unmount ${path.basename(target)}`);
    return real.unmount(target, signal);
  };
  for (const _ of [1, 2]) await stage(it);
  await publish(it);
  await unpublish(it);
  for (const _ of [1, 2]) await unstage(it);
  // Another pod may hold a freeze when one is unpublished.
  expect(done).toEqual(['thaw staging', 'unmount mount', 'thaw staging', 'unmount staging', 'unmount staging']);
});

test('a filesystem that is mounted read-only is neither thawed nor grown, as nobody writes to it', async () => {
  const it = await rig();
  const done: string[] = [];
  await it.filesystems.format('/dev/g/v1', { type: 'ext4', uuid: randomUUID() }, never);
  it.volumes.set('v1', volume('v1', { formatted: 'ext4', isCopy: true }));
  it.filesystems.thaw = async () => void done.push('thaw');
  it.filesystems.grow = async () => void done.push('grow');
  await stage(it, { mountFlags: ['ro'] });
  expect(done).toEqual([]);
  await unstage(it);
  await stage(it);
  expect(done).toEqual(['thaw', 'thaw', 'grow']);
});

test('a raw block volume is a file over which its device is bound, and is neither formatted nor marked', async () => {
  const it = await rig();
  await stage(it, { block: true });
  await publish(it, { block: true });
  expect((await stat(it.target)).isFile()).toBe(true);
  const entry = { target: it.target, source: '/dev/g/v1', options: ['rw'] };
  expect(await it.mounts.list(never)).toMatchObject([entry]);
  await writeFile(it.target, 'what the device has'); // as is seen at the path now
  await publish(it, { block: true });
  expect(await it.mounts.list(never)).toMatchObject([entry]);
  await writeFile(it.target, '');
  expect(await it.filesystems.probe('/dev/g/v1', never)).toEqual({ kind: 'blank' });
  expect((await stats(it)).usage).toMatchObject([{ unit: csi.VolumeUsage_Unit.BYTES, total: BigInt(GIB) }]);
  expect(await expand(it, GIB)).toEqual({ capacityBytes: BigInt(GIB) });
  await unpublish(it);
  expect(await readdir(path.dirname(it.target))).toEqual([]);
  expect(it.volumes.get('v1')?.formatted).toBeUndefined();
});

test('the filesystem and its options are those asked for', async () => {
  const it = await rig();
  await stage(it, { fsType: 'xfs', mountFlags: ['noatime'] });
  expect(await it.mounts.list(never)).toMatchObject([{ fsType: 'xfs', options: ['rw', 'noatime', 'nouuid'] }]);
});

test('read-only publishing is read-only, and not the same as read-write', async () => {
  const it = await rig();
  await stage(it);
  await publish(it, { readonly: true });
  expect((await it.mounts.list(never))[1]?.options).toContain('ro');
  await expect(publish(it)).rejects.toMatchObject({ code: Code.ALREADY_EXISTS });
});

test('a volume for a single writer is published at one path only', async () => {
  const it = await rig();
  await stage(it);
  const mode = Mode.SINGLE_NODE_SINGLE_WRITER;
  await publish(it, { mode });
  await publish(it, { mode });
  const other = `${it.folder}/other`;
  await expect(publish(it, { mode, target: other })).rejects.toMatchObject({ code: Code.FAILED_PRECONDITION });
  await expect(stat(other)).rejects.toMatchObject({ code: 'ENOENT' });
  await publish(it, { mode: Mode.SINGLE_NODE_MULTI_WRITER, target: other });
});

test('a volume that lost its device is never given an empty one', async () => {
  const it = await rig();
  it.devices.delete('/dev/g/v1');
  for (const options of [{}, { block: true }]) {
    await expect(stage(it, options)).rejects.toMatchObject({
      code: Code.FAILED_PRECONDITION,
      details: expect.stringContaining('its device /dev/g/v1 is missing') as string,
    });
  }
  await expect(publish(it, { block: true })).rejects.toMatchObject({ code: Code.FAILED_PRECONDITION });
  expect(await it.mounts.list(never)).toEqual([]);
});

test('a device that was formatted once and is blank now is not formatted again', async () => {
  const it = await rig();
  it.volumes.set('v1', volume('v1', { formatted: 'ext4' }));
  await expect(stage(it)).rejects.toMatchObject({
    code: Code.FAILED_PRECONDITION,
    details: expect.stringContaining('it is not formatted again') as string,
  });
  expect(await it.filesystems.probe('/dev/g/v1', never)).toEqual({ kind: 'blank' });
});

test('another filesystem than asked for is left alone', async () => {
  const it = await rig();
  await it.filesystems.format('/dev/g/v1', { type: 'xfs', uuid: randomUUID() }, never);
  await expect(stage(it)).rejects.toMatchObject({ code: Code.FAILED_PRECONDITION });
  expect(await it.filesystems.probe('/dev/g/v1', never)).toMatchObject({ kind: 'filesystem', type: 'xfs' });
  await stage(it, { fsType: 'xfs' });
  expect(it.volumes.get('v1')?.formatted).toBe('xfs');
});

test('a filesystem that is not on record is asked about where it is on a whole disk, and is not mounted if it is a stranger’s', async () => {
  const it = await rig();
  const stranger = { type: 'ext4', uuid: 'u-2' } as const;
  await it.filesystems.format('/dev/g/v1', stranger, never);
  it.volumes.set('v1', volume('v1', { kind: 'Device', formatting: stranger }));
  await stage(it);
  await unstage(it);
  expect(it.asked).toEqual([]);
  it.volumes.set('v1', volume('v1', { kind: 'Device', formatting: { ...stranger, uuid: 'u-1' }, formatted: 'ext4' }));
  it.known.assertNotElsewhere = (id, uuid) => Promise.reject(new Fault('precondition', `${id} ${uuid} is elsewhere`));
  await expect(stage(it)).rejects.toMatchObject({
    code: Code.FAILED_PRECONDITION,
    details: expect.stringContaining('v1 u-2 is elsewhere') as string,
  });
  expect(await it.mounts.list(never)).toEqual([]);
});

test('a mount point is bound as it is, and no device', async () => {
  const it = await rig();
  await mountPoint(it);
  await stage(it);
  await publish(it);
  expect((await it.mounts.list(never)).map(({ target, source }) => [target, source])).toEqual([
    [DATA, '/dev/g/v1'],
    [it.staging, '/dev/g/v1'],
    [it.target, '/dev/g/v1'],
  ]);
  expect((await stats(it)).usage[0]?.total).toBe(BigInt(GIB));
  expect(await expand(it, 0)).toEqual({ capacityBytes: BigInt(GIB) });
  await expect(publish(it, { block: true })).rejects.toMatchObject({ code: Code.INVALID_ARGUMENT });
});

test('a copy onto a larger device has all of it once it is staged, also after a cut; others are grown when asked', async () => {
  for (const [isCopy, total] of [[true, 2 * GIB] as const, [false, GIB] as const]) {
    const it = await rig();
    await it.filesystems.format('/dev/g/v1', { type: 'ext4', uuid: randomUUID() }, never);
    it.volumes.set('v1', volume('v1', { formatted: 'ext4', ...(isCopy ? { isCopy } : {}) }));
    it.devices.set('/dev/g/v1', 2 * GIB);
    await it.mounts.mount({ source: '/dev/g/v1', target: it.staging, fsType: 'ext4', options: [] }, never);
    await stage(it); // finds it mounted, as after a cut
    await publish(it);
    expect((await stats(it)).usage[0]?.total).toBe(BigInt(total));
  }
});

const grewUnseen = async (size: number | undefined): Promise<Rig> => {
  const it = await rig();
  const filesystem = { type: 'ext4', uuid: 'u', ...present({ size: size === undefined ? undefined : bytes(size) }) };
  it.volumes.set('v1', volume('v1', { formatted: 'ext4' }));
  await it.filesystems.format('/dev/g/v1', { type: 'ext4', uuid: 'u' }, never);
  it.filesystems.probe = () => Promise.resolve({ kind: 'filesystem', ...filesystem });
  it.devices.set('/dev/g/v1', 2 * GIB);
  return it;
};

test.each([
  ['has all of its device once it is staged', GIB, false, 2 * GIB],
  ['and lacks less than an extent is left so', 2 * GIB - 4 * MIB + 1, false, GIB],
  ['and does not tell how large it is is left so', undefined, false, GIB],
  ['that is mounted read-only is left so', GIB, true, GIB],
])('a filesystem that its claim did not live to see grown %s', async (_, size, isReadOnly, total) => {
  const it = await grewUnseen(size);
  const mode = isReadOnly ? Mode.SINGLE_NODE_READER_ONLY : Mode.SINGLE_NODE_WRITER;
  await stage(it, { mode });
  await publish(it, { mode });
  expect((await stats(it)).usage[0]?.total).toBe(BigInt(total));
});

test('one that the kernel does not grow is mounted as it is, and whoever asks for growth is told', async () => {
  const it = await grewUnseen(GIB);
  it.filesystems.grow = () => Promise.reject(new Fault('unavailable', 'resize2fs: Operation not supported'));
  await stage(it);
  await publish(it);
  await expect(expand(it, 0)).rejects.toMatchObject({ details: 'resize2fs: Operation not supported' });
  it.volumes.set('v1', volume('v1', { formatted: 'ext4', isCopy: true }));
  await expect(stage(it)).rejects.toMatchObject({ details: 'resize2fs: Operation not supported' });
});

test('growing waits for the device', async () => {
  const it = await rig();
  await stage(it);
  await publish(it);
  await expect(expand(it, 2 * GIB)).rejects.toMatchObject({ code: Code.UNAVAILABLE });
  await expect(expand(it, 2 ** 60)).rejects.toMatchObject({ code: Code.OUT_OF_RANGE });
});

test('a target with content is left alone', async () => {
  const it = await rig();
  await stage(it);
  await publish(it);
  await it.mounts.unmount(it.target, never);
  await writeFile(path.join(it.target, 'precious'), 'x');
  await expect(unpublish(it)).rejects.toMatchObject({
    code: Code.UNAVAILABLE,
    details: expect.stringContaining('not empty') as string,
  });
  expect(await readdir(it.target)).toEqual(['precious']);
});

// What csi-sanity asks, and more of the same kind.
test.each<[string, (it: Rig) => Promise<unknown>, Code]>([
  ['stage without an id', (it) => stage(it, {}, ''), Code.INVALID_ARGUMENT],
  ['stage without a path', (it) => stage({ ...it, staging: '' }), Code.INVALID_ARGUMENT],
  ['stage at a relative path', (it) => stage({ ...it, staging: 'staging' }), Code.INVALID_ARGUMENT],
  [
    'stage without a capability',
    (it) =>
      it.node.nodeStageVolume(
        csi.NodeStageVolumeRequest.fromPartial({ volumeId: 'v1', stagingTargetPath: '/s' }),
        never,
      ),
    Code.INVALID_ARGUMENT,
  ],
  ['stage with an unknown filesystem', (it) => stage(it, { fsType: 'fat' }), Code.INVALID_ARGUMENT],
  ['stage of an unknown volume', (it) => stage(it, {}, 'v9'), Code.NOT_FOUND],
  ['publish without a path', (it) => publish({ ...it, target: '' }), Code.INVALID_ARGUMENT],
  ['publish without a staging path', (it) => publish({ ...it, staging: '' }), Code.FAILED_PRECONDITION],
  ['publish before stage', (it) => publish(it), Code.FAILED_PRECONDITION],
  [
    'publish of an inline volume that names no group',
    (it) =>
      it.node.nodePublishVolume(
        csi.NodePublishVolumeRequest.fromPartial({
          volumeId: INLINE,
          targetPath: '/t',
          volumeCapability: capability(),
          volumeContext: { 'csi.storage.k8s.io/ephemeral': 'true' },
        }),
        never,
      ),
    Code.INVALID_ARGUMENT,
  ],
  ['unpublish without an id', (it) => unpublish(it, ''), Code.INVALID_ARGUMENT],
  ['unpublish without a path', (it) => unpublish({ ...it, target: '' }), Code.INVALID_ARGUMENT],
  ['unstage without an id', (it) => unstage(it, ''), Code.INVALID_ARGUMENT],
  ['unstage without a path', (it) => unstage({ ...it, staging: '' }), Code.INVALID_ARGUMENT],
  ['stats without an id', (it) => stats(it, ''), Code.INVALID_ARGUMENT],
  ['stats without a path', (it) => stats(it, 'v1', ''), Code.INVALID_ARGUMENT],
  ['stats of an unknown volume', (it) => stats(it, 'v9'), Code.NOT_FOUND],
  ['stats where nothing is mounted', (it) => stats(it), Code.NOT_FOUND],
  ['stats at a relative path', (it) => stats(it, 'v1', 'some/path'), Code.NOT_FOUND],
  ['expand without an id', (it) => expand(it, 1, ''), Code.INVALID_ARGUMENT],
  ['expand of an unknown volume', (it) => expand(it, 1, 'v9'), Code.NOT_FOUND],
  ['expand where nothing is mounted', (it) => expand(it, 1), Code.NOT_FOUND],
])('%s', async (_, call, code) => {
  await expect(call(await rig())).rejects.toMatchObject({ code });
});

test('stats of a volume at the path of another are not found', async () => {
  const it = await rig();
  await stage(it);
  await publish(it);
  await expect(stats(it, 'v2')).rejects.toMatchObject({ code: Code.NOT_FOUND });
});

test('taking down an unknown volume is done', async () => {
  const it = await rig();
  await unpublish(it, 'v9');
  await unstage(it, 'v9');
  expect(await it.mounts.list(never)).toEqual([]);
});

test('the node tells its name, topology and capabilities', async () => {
  const { node } = await rig();
  expect(await node.nodeGetInfo({}, never)).toEqual({
    nodeId: 'node-a',
    maxVolumesPerNode: 256n,
    accessibleTopology: { segments: { 'kubernetes.io/hostname': 'host-a' } },
  });
  const { capabilities } = await node.nodeGetCapabilities({}, never);
  expect(capabilities.map(({ type }) => type?.value.type)).toEqual([1, 3, 2, 5, 4, 7, 8]);
});

test('limits are set once the volume is seen, for the pod that the kubelet names, and lifted once it is gone', async () => {
  const it = await rig();
  await stage(it);
  await publish(it, { context: { 'csi.storage.k8s.io/pod.uid': 'u-1' } });
  await unpublish(it);
  expect(it.limited).toEqual(['v1 of u-1 seen', 'lift ']);
});

test.each([
  ['/var/lib/kubelet/pods/u-1/volumes/kubernetes.io~csi/pvc-1/mount', 'u-1'],
  ['/var/lib/kubelet/plugins/kubernetes.io/csi/volumeDevices/publish/pvc-1/u-1', 'u-1'],
  ['/elsewhere/pods/u-1/volumes/kubernetes.io~csi/pvc-1/mount', 'u-1'],
  ['/var/lib/kubelet/plugins/kubernetes.io/csi/local.csi.aliyun.com/abc/globalmount', undefined],
  ['/var/lib/kubelet/pods/u-1/volumes/kubernetes.io~configmap/c/mount', undefined],
])('%s belongs to pod %s', (target, pod) => {
  expect(podOfTarget(target)).toBe(pod);
});

test('an inline volume is made, formatted and mounted by one call, and asked to be removed once it is unmounted', async () => {
  const it = await rig();
  const request = csi.NodePublishVolumeRequest.fromPartial({
    volumeId: INLINE,
    targetPath: it.target,
    volumeCapability: capability({ fsType: 'xfs' }),
    volumeContext: {
      'csi.storage.k8s.io/ephemeral': 'true',
      'csi.storage.k8s.io/pod.uid': 'u-1',
      vgName: 'g',
    },
  });
  await it.node.nodePublishVolume(request, never);
  await it.node.nodePublishVolume(request, never);
  expect(await it.mounts.list(never)).toMatchObject([{ source: '/dev/g/v1', target: it.target, fsType: 'xfs' }]);
  expect(it.limited).toEqual([`${INLINE} of u-1 seen`, `${INLINE} of u-1 seen`]);
  await unpublish(it, INLINE);
  expect(await it.mounts.list(never)).toEqual([]);
  expect(it.asked).toEqual([`make ${INLINE}`, `make ${INLINE}`, `remove ${INLINE}`]);
});
