import { expect, test } from 'vitest';
import { bytes, GIB, MIB } from '../../model/bytes.ts';
import * as csi from '../gen/csi.ts';
import { Code } from '../status.ts';
import {
  capability,
  expand,
  Mode,
  mountPoint,
  never,
  publish,
  rig,
  stage,
  volume,
  type Rig,
} from '../../../test/rig/csi-node.ts';

/** Where the filesystem was grown. */
function watchGrowth(it: Rig): string[] {
  const grown: string[] = [];
  it.filesystems.grow = ({ target }) => Promise.resolve(void grown.push(target));
  return grown;
}

const expandWith = (it: Rig, more: Partial<csi.NodeExpandVolumeRequest>) =>
  it.node.nodeExpandVolume(
    csi.NodeExpandVolumeRequest.fromPartial({ volumeId: 'v1', volumePath: it.target, ...more }),
    never,
  );

test('a filesystem is grown by a mount that can be written to', async () => {
  const it = await rig();
  const grown = watchGrowth(it);
  await stage(it);
  await publish(it, { readonly: true });
  await expandWith(it, { stagingTargetPath: it.staging, volumeCapability: capability() });
  await expandWith(it, { volumePath: it.staging });
  await expect(expandWith(it, {})).rejects.toMatchObject({
    code: Code.FAILED_PRECONDITION,
    details: expect.stringContaining(`mounted read-only at ${it.target}`) as string,
  });
  await expect(expandWith(it, { stagingTargetPath: 'staging' })).rejects.toMatchObject({ code: Code.INVALID_ARGUMENT });
  expect(grown).toEqual([it.staging, it.staging]);
});

test('a btrfs of a size to which the kernel grows none is refused with what to ask for', async () => {
  const it = await rig();
  const grown = watchGrowth(it);
  it.volumes.set('v1', volume('v1', { fsType: 'btrfs' }));
  await stage(it, { fsType: 'btrfs' });
  await publish(it, { fsType: 'btrfs' });
  it.devices.set('/dev/g/v1', 255 * MIB);
  await expect(expand(it, 0)).rejects.toMatchObject({
    code: Code.OUT_OF_RANGE,
    details: 'volume v1 has 255 MiB, and the kernel grows a btrfs to no less than 256 MiB: ask for that or more',
  });
  it.devices.set('/dev/g/v1', 256 * MIB);
  await expand(it, 0);
  expect(grown).toEqual([it.target]);
});

test('what never grows is refused by name, and what is as large as asked for is done', async () => {
  const it = await rig();
  const grown = watchGrowth(it);
  it.volumes.set('v1', volume('v1', { kind: 'Device' }));
  await stage(it);
  await publish(it);
  expect(await expand(it, GIB)).toEqual({ capacityBytes: BigInt(GIB) });
  expect(grown).toEqual([it.target]);
  const refused = (what: string) => ({
    code: Code.OUT_OF_RANGE,
    details: expect.stringContaining(`it is ${what} and does not grow`) as string,
  });
  await expect(expand(it, GIB + 1)).rejects.toMatchObject(refused('a whole disk'));
  const other = await rig();
  await mountPoint(other);
  await stage(other);
  await publish(other);
  expect(await expand(other, GIB)).toEqual({ capacityBytes: BigInt(GIB) });
  await expect(expand(other, bytes(GIB + 1))).rejects.toMatchObject(refused('a whole filesystem'));
});

test('a snapshot shows what it was taken of, and does not grow', async () => {
  const it = await rig();
  const grown = watchGrowth(it);
  await stage(it);
  await publish(it);
  it.volumes.set('v1', volume('v1', { isSnapshot: true }));
  await expect(expand(it, 0)).rejects.toMatchObject({
    code: Code.FAILED_PRECONDITION,
    details: 'volume v1 shows a snapshot as it was taken: it does not grow',
  });
  expect(grown).toEqual([]);
});

test('a volume whose device is gone is said to be so, and not to be mounted elsewhere', async () => {
  const it = await rig();
  await stage(it, { block: true });
  await publish(it, { block: true });
  it.mounts.shows = () => Promise.resolve(false); // the kernel knows no number of a device that is gone
  it.devices.delete('/dev/g/v1');
  const gone = { code: Code.NOT_FOUND, details: expect.stringContaining('its device /dev/g/v1 is missing') as string };
  await expect(expand(it, 0)).rejects.toMatchObject(gone);
});

test.each([Mode.MULTI_NODE_MULTI_WRITER, Mode.MULTI_NODE_SINGLE_WRITER])(
  'access mode %s is for several nodes, and is refused',
  async (mode) => {
    const it = await rig();
    const refused = { code: Code.INVALID_ARGUMENT, details: expect.stringContaining('on one node') as string };
    await expect(stage(it, { mode })).rejects.toMatchObject(refused);
    await stage(it);
    await expect(publish(it, { mode })).rejects.toMatchObject(refused);
  },
);

test('a group for the files, which the kubelet gives them itself, is not taken and forgotten', async () => {
  const it = await rig();
  const accessType = { $case: 'mount' as const, value: { fsType: '', mountFlags: [], volumeMountGroup: '2000' } };
  const volumeCapability = { accessType, accessMode: { mode: Mode.SINGLE_NODE_WRITER } };
  const call = it.node.nodeStageVolume(
    csi.NodeStageVolumeRequest.fromPartial({ volumeId: 'v1', stagingTargetPath: it.staging, volumeCapability }),
    never,
  );
  await expect(call).rejects.toMatchObject({
    code: Code.INVALID_ARGUMENT,
    details: expect.stringContaining('volume_mount_group 2000') as string,
  });
});
