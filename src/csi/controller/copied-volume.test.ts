import { expect, test } from 'vitest';
import { serveController, type FakeController } from '../../../test/rig/csi-controller.ts';
import { GIB, MIB } from '../../model/bytes.ts';
import { cloneSnapshotId } from '../../model/copies.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { FORMATTED, SNAPSHOT_INITIAL_SIZE, SNAPSHOT_RESTORE } from '../../model/well-known.ts';
import {
  CreateSnapshotRequest,
  VolumeCapability_AccessMode_Mode as Mode,
  type CreateVolumeRequest,
} from '../gen/csi.ts';
import { Code } from '../status.ts';

const never = new AbortController().signal;
const ofSnapshot = { type: { $case: 'snapshot' as const, value: { snapshotId: 'snap-a' } } };
const ofVolume = { type: { $case: 'volume' as const, value: { volumeId: 'v' } } };
const size = (gib: number) => ({ capacityRange: { requiredBytes: BigInt(gib * GIB) } });

const mountOf = (fsType: string) => ({
  volumeCapabilities: [
    { accessType: { $case: 'mount' as const, value: { fsType } }, accessMode: { mode: Mode.SINGLE_NODE_WRITER } },
  ],
});

const BLOCK = {
  volumeCapabilities: [
    { accessType: { $case: 'block' as const, value: {} }, accessMode: { mode: Mode.SINGLE_NODE_WRITER } },
  ],
};

/** A controller with one volume `v` of 3 GiB with ext4 on node n1, and a snapshot of it, `snap-a`, to be copied. */
async function withSource(own: Parameters<typeof serveController>[0] = {}) {
  const served = await serveController(own);
  await served.create('v', { ...size(3), ...mountOf('ext4') });
  const parameters = { [SNAPSHOT_RESTORE]: 'copy', [SNAPSHOT_INITIAL_SIZE]: '1Gi' };
  const request = { name: 'snap-a', sourceVolumeId: 'v', parameters };
  await served.client.controller.createSnapshot(CreateSnapshotRequest.fromPartial(request), never);
  return served;
}

type Own = Parameters<typeof CreateVolumeRequest.fromPartial>[0];
const copy = (served: FakeController, name: string, own: Own = {}) =>
  served.create(name, { ...size(3), volumeContentSource: ofSnapshot, ...own });
const object = ({ volumes }: FakeController, name: string): LocalVolume | undefined => volumes.objects.get(name);
const sources = [ofSnapshot, ofVolume];

test('a volume to write to from a snapshot: with room of its own, on its node, as large or larger', async () => {
  const served = await withSource();
  const made = await copy(served, 'r1', size(4));
  expect(made).toMatchObject({ capacityBytes: BigInt(4 * GIB), contentSource: ofSnapshot });
  expect(object(served, 'r1')?.spec).toMatchObject({
    nodeName: 'n1',
    role: 'Volume',
    sizeBytes: 4 * GIB,
    fsType: 'ext4',
    source: { snapshot: 'snap-a' },
  });
  expect(object(served, 'r1')?.spec.readOnly).toBeUndefined();
  expect(served.room.taken.get('r1')).toEqual({ node: 'n1', size: 4 * GIB });
  expect(await copy(served, 'r1', size(4))).toEqual(made);
});

test('a clone has a snapshot beside it whose room counts, and which CSI does not see', async () => {
  const served = await withSource();
  expect(await copy(served, 'c1', { volumeContentSource: ofVolume })).toMatchObject({ contentSource: ofVolume });
  const snapshot = object(served, cloneSnapshotId('c1'));
  expect(snapshot?.spec).toMatchObject({ role: 'Snapshot', source: { volume: 'v' }, vgName: 'pool-0', nodeName: 'n1' });
  expect([snapshot?.spec.request, snapshot?.spec.restore]).toEqual([undefined, undefined]);
  expect(served.room.taken.get(cloneSnapshotId('c1'))).toMatchObject({ node: 'n1' });
  expect(object(served, 'c1')?.spec.source).toEqual({ volume: 'v' });
});

test.each(sources)('the filesystem that a device was given without being asked goes with %j', async (source) => {
  const served = await serveController();
  await served.create('v', { ...size(3), ...BLOCK });
  const v = object(served, 'v');
  if (v) v.metadata.annotations = { ...v.metadata.annotations, [FORMATTED]: 'xfs' };
  const parameters = { [SNAPSHOT_RESTORE]: 'copy', [SNAPSHOT_INITIAL_SIZE]: '1Gi' };
  const request = { name: 'snap-a', sourceVolumeId: 'v', parameters };
  await served.client.controller.createSnapshot(CreateSnapshotRequest.fromPartial(request), never);
  const into = (use: Own) => copy(served, 'c', { volumeContentSource: source, ...use });
  await expect(into(BLOCK)).rejects.toMatchObject({
    code: Code.INVALID_ARGUMENT,
    details: expect.stringContaining('has the filesystem xfs'),
  });
  await into(mountOf('xfs'));
  expect(object(served, 'c')?.spec.fsType).toBe('xfs');
});

test('without room for both a clone and its snapshot nothing is taken or made', async () => {
  for (const free of [3, 0.5]) {
    const served = await withSource();
    const fill = served.room.free('n1') - free * GIB;
    served.room.taken.set('others', { node: 'n1', size: fill as never });
    const taken = new Map(served.room.taken);
    await expect(copy(served, 'c1', { volumeContentSource: ofVolume })).rejects.toMatchObject({
      code: Code.RESOURCE_EXHAUSTED,
    });
    expect(served.room.taken).toEqual(taken);
    expect([...served.volumes.objects.keys()]).toEqual(['v', 'snap-a']);
  }
});

test.each(sources)('a copy is no smaller than its source, and as large when nothing is said: %j', async (source) => {
  const served = await withSource();
  const taken = new Map(served.room.taken);
  const small = copy(served, 'r1', { ...size(2), volumeContentSource: source });
  await expect(small).rejects.toMatchObject({
    code: Code.OUT_OF_RANGE,
    details: expect.stringContaining('3 GiB') as string,
  });
  expect(served.room.taken).toEqual(taken);
  expect(object(served, cloneSnapshotId('r1'))).toBeUndefined();
  const made = await copy(served, 'r2', { capacityRange: undefined, volumeContentSource: source });
  expect(made?.capacityBytes).toBe(BigInt(3 * GIB));
});

test('a claim for what the snapshot tells as its size gets all that the source had, however much more that is', async () => {
  const served = await withSource();
  const whole = 3 * GIB + 8 * MIB;
  Object.assign(object(served, 'snap-a')?.status?.snapshot ?? {}, { sourceBytes: whole });
  const limited = { capacityRange: { requiredBytes: BigInt(3 * GIB), limitBytes: BigInt(3 * GIB) } };
  await expect(copy(served, 'r1', limited)).rejects.toMatchObject({ code: Code.OUT_OF_RANGE });
  expect(await copy(served, 'r1')).toMatchObject({ capacityBytes: BigInt(whole) });
});

const raw = {
  volumeCapabilities: [
    { accessType: { $case: 'block' as const, value: {} }, accessMode: { mode: Mode.SINGLE_NODE_WRITER } },
  ],
};

test.each<[string, Own, Code, string]>([
  ['another filesystem', mountOf('xfs'), Code.INVALID_ARGUMENT, 'has the filesystem ext4'],
  ['another volumeMode', raw, Code.INVALID_ARGUMENT, 'use volumeMode Filesystem'],
  ['a whole disk', { parameters: { volumeType: 'Device', mediaType: 'ssd' } }, Code.INVALID_ARGUMENT, 'LVM'],
  [
    'another node',
    { accessibilityRequirements: { requisite: [{ segments: { 'kubernetes.io/hostname': 'host-n2' } }] } },
    Code.RESOURCE_EXHAUSTED,
    'is on node n1',
  ],
])('%s is refused with the reason, and nothing is made', async (_, own, code, details) => {
  for (const volumeContentSource of sources) {
    const served = await withSource();
    const taken = new Map(served.room.taken);
    await expect(copy(served, 'r1', { ...own, volumeContentSource })).rejects.toMatchObject({
      code,
      details: expect.stringContaining(details) as string,
    });
    expect(served.room.taken).toEqual(taken);
    expect([...served.volumes.objects.keys()]).toEqual(['v', 'snap-a']);
  }
});

test('a volume that is not there, not ready or deleted is not cloned', async () => {
  const served = await withSource();
  const gone = { type: { $case: 'volume' as const, value: { volumeId: 'nobody' } } };
  await expect(copy(served, 'c1', { volumeContentSource: gone })).rejects.toMatchObject({ code: Code.NOT_FOUND });
  Object.assign(object(served, 'v')?.status ?? {}, { phase: 'Failed', message: 'its group is gone' });
  await expect(copy(served, 'c2', { volumeContentSource: ofVolume })).rejects.toMatchObject({
    code: Code.FAILED_PRECONDITION,
    details: expect.stringContaining('its group is gone') as string,
  });
});

test('the same name from another source is ALREADY_EXISTS', async () => {
  const served = await withSource();
  await copy(served, 'r1');
  await expect(copy(served, 'r1', { volumeContentSource: ofVolume })).rejects.toMatchObject({
    code: Code.ALREADY_EXISTS,
  });
});

test('a copy that takes long is told about, and found by the retry', async () => {
  const served = await withSource({ waitForAgentMs: 200 });
  served.volumes.agent = (volume) => {
    if (volume.metadata.name !== 'r1') return served.volumes.obey(volume);
    volume.status = { phase: 'Pending', reason: 'Copying', message: '1 GiB of 3 GiB are copied from it.' };
    return served.volumes.changed();
  };
  await expect(copy(served, 'r1')).rejects.toMatchObject({
    code: Code.ABORTED,
    details: expect.stringContaining('1 GiB of 3 GiB') as string,
  });
  served.volumes.obey(object(served, 'r1')!);
  expect(await copy(served, 'r1')).toMatchObject({ capacityBytes: BigInt(3 * GIB) });
});

test('a clone whose snapshot overflowed or is gone is begun anew, not left half old and half new', async () => {
  const served = await withSource();
  const { volumes } = served;
  let isOver = true;
  volumes.agent = (volume) => {
    if (isOver && volume.metadata.name === 'c1') volumes.fail(volume, 'SourceFailed', 'its snapshot overflowed');
    else volumes.obey(volume);
  };
  const again = copy(served, 'c1', { volumeContentSource: ofVolume });
  await expect(again).rejects.toMatchObject({ code: Code.ABORTED, details: expect.stringContaining('anew') as string });
  expect(object(served, 'c1')).toBeUndefined();
  isOver = false;
  expect(await copy(served, 'c1', { volumeContentSource: ofVolume })).toMatchObject({ volumeId: 'c1' });
});
