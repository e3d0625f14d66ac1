import { expect, test } from 'vitest';
import { serveController, type FakeController } from '../../../test/rig/csi-controller.ts';
import { bytes, GIB, MIB } from '../../model/bytes.ts';
import { cloneSnapshotId } from '../../model/copies.ts';
import { Fault } from '../../model/fault.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { storeOfClone } from '../../model/snapshot-store.ts';
import { FORMATTED, SNAPSHOT_INITIAL_SIZE, SNAPSHOT_RESTORE } from '../../model/well-known.ts';
import {
  ControllerExpandVolumeRequest,
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
  await takeSnapshot(served);
  return served;
}

async function takeSnapshot({ client }: FakeController): Promise<void> {
  const parameters = { [SNAPSHOT_RESTORE]: 'copy', [SNAPSHOT_INITIAL_SIZE]: '1Gi' };
  const request = { name: 'snap-a', sourceVolumeId: 'v', parameters };
  await client.controller.createSnapshot(CreateSnapshotRequest.fromPartial(request), never);
}

type Own = Parameters<typeof CreateVolumeRequest.fromPartial>[0];
const copy = (served: FakeController, name: string, own: Own = {}) =>
  served.create(name, { ...size(3), volumeContentSource: ofSnapshot, ...own });
const object = ({ volumes }: FakeController, name: string): LocalVolume | undefined => volumes.objects.get(name);
const sources = [ofSnapshot, ofVolume];
const nameOf = (source: (typeof sources)[number]): string => (source === ofSnapshot ? 'snapshot snap-a' : 'volume v');

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
  expect([...served.volumes.objects.keys()]).toEqual(['v', 'snap-a', 'r1']);
});

test('a clone has a snapshot beside it whose room counts, and which CSI does not see', async () => {
  const served = await withSource();
  expect(await copy(served, 'c1', { volumeContentSource: ofVolume })).toMatchObject({ contentSource: ofVolume });
  const snapshot = object(served, cloneSnapshotId('c1'));
  expect(snapshot?.spec).toMatchObject({ role: 'Snapshot', source: { volume: 'v' }, vgName: 'pool-0', nodeName: 'n1' });
  expect([snapshot?.spec.request, snapshot?.spec.restore]).toEqual([undefined, undefined]);
  expect(served.room.taken.get(cloneSnapshotId('c1'))).toMatchObject({ node: 'n1' });
  expect(served.room.asked.find(({ name }) => name === cloneSnapshotId('c1'))).toMatchObject({
    ...{ policy: { vgName: 'pool-0' }, nodes: ['n1'], size: storeOfClone(bytes(3 * GIB)) },
  });
  expect(object(served, 'c1')?.spec.source).toEqual({ volume: 'v' });
});

test('a clone of a volume that is to grow has room for what its snapshot may show by then', async () => {
  const served = await withSource();
  Object.assign(object(served, 'v')?.spec ?? {}, { sizeBytes: 4 * GIB }); // asked for, and not there yet
  await expect(copy(served, 'c1', { ...size(3), volumeContentSource: ofVolume })).rejects.toMatchObject({
    code: Code.OUT_OF_RANGE,
    details: 'volume v has 4 GiB: ask for no less, not 3 GiB',
  });
  expect([...served.volumes.objects.keys()]).toEqual(['v', 'snap-a']);
  await copy(served, 'c2', { ...size(4), volumeContentSource: ofVolume });
  expect(object(served, 'c2')?.spec.sizeBytes).toBe(4 * GIB);
  expect(object(served, cloneSnapshotId('c2'))?.spec.sizeBytes).toBe(storeOfClone(bytes(4 * GIB)));
});

test('a volume does not grow between the look at it and the snapshot for its clone', async () => {
  let calls = 0;
  const served = await withSource({ notReady: () => void (calls += 1) });
  const { promise, resolve } = Promise.withResolvers<void>();
  const { client, volumes } = served;
  await client.controller.deleteSnapshot({ snapshotId: 'snap-a', secrets: {} }, never);
  volumes.pause = promise;
  const before = volumes.creates;
  const clone = copy(served, 'c1', { volumeContentSource: ofVolume });
  await expect.poll(() => volumes.creates).toBe(before + 1);
  const request = { volumeId: 'v', capacityRange: { requiredBytes: BigInt(5 * GIB) } };
  calls = 0;
  const growth = client.controller
    .controllerExpandVolume(ControllerExpandVolumeRequest.fromPartial(request), never)
    .then(
      () => Code.OK,
      ({ code }: { readonly code: Code }) => code,
    );
  await expect.poll(() => calls).toBe(1);
  await new Promise(setImmediate); // it goes as far as it gets
  resolve();
  expect(await growth).toBe(Code.ABORTED);
  expect(await clone).toMatchObject({ capacityBytes: BigInt(3 * GIB) });
  expect([object(served, 'v')?.spec.sizeBytes, volumes.grows]).toEqual([3 * GIB, []]);
});

test('a snapshot that an earlier try of a clone made is used, and counted once', async () => {
  const served = await withSource();
  const clone = () => copy(served, 'c1', { volumeContentSource: ofVolume });
  const id = cloneSnapshotId('c1');
  served.volumes.failCreate = { made: false, fault: new Fault('unavailable', 'forbidden') };
  await expect(clone()).rejects.toMatchObject({ code: Code.UNAVAILABLE });
  expect([served.room.taken.has(id), object(served, id)]).toEqual([false, undefined]);
  served.volumes.failCreate = { made: true, fault: new Fault('aborted', 'no answer came') };
  await expect(clone()).rejects.toMatchObject({ code: Code.ABORTED, details: 'no answer came' });
  expect([served.room.taken.has(id), object(served, id)?.spec.role]).toEqual([true, 'Snapshot']);
  expect(await clone()).toMatchObject({ volumeId: 'c1' });
});

test('a clone whose record perhaps was made keeps its snapshot, and is found by the retry', async () => {
  const served = await withSource();
  const clone = () => copy(served, 'c1', { volumeContentSource: ofVolume });
  served.volumes.agent = (volume) => {
    if (volume.spec.role === 'Snapshot')
      served.volumes.failCreate = { made: true, fault: new Fault('aborted', 'no answer came') };
    served.volumes.obey(volume);
  };
  await expect(clone()).rejects.toMatchObject({ code: Code.ABORTED, details: 'no answer came' });
  expect([...served.room.taken.keys()]).toContain(cloneSnapshotId('c1'));
  expect(object(served, cloneSnapshotId('c1'))?.metadata.deletionTimestamp).toBeUndefined();
  expect(await clone()).toMatchObject({ volumeId: 'c1' });
});

test.each<[string, (snapshot: LocalVolume) => void]>([
  ['is being removed', ({ metadata }) => (metadata.deletionTimestamp = '2026-01-01T00:00:00Z')],
  ['is of another volume', ({ spec }) => (spec.source = { volume: 'w' })],
])('a clone waits for its turn while the snapshot of an earlier one of its name %s', async (_, change) => {
  const served = await withSource();
  await copy(served, 'c1', { volumeContentSource: ofVolume });
  served.volumes.objects.delete('c1');
  change(object(served, cloneSnapshotId('c1'))!);
  await expect(copy(served, 'c1', { volumeContentSource: ofVolume })).rejects.toMatchObject({
    code: Code.ABORTED,
    details: expect.stringContaining('of an earlier clone is being removed') as string,
  });
  expect(object(served, 'c1')).toBeUndefined();
});

test.each(sources)('the filesystem that a device was given without being asked goes with %j', async (source) => {
  const served = await serveController();
  await served.create('v', { ...size(3), ...BLOCK });
  const v = object(served, 'v');
  if (v) v.metadata.annotations = { ...v.metadata.annotations, [FORMATTED]: 'xfs' };
  await takeSnapshot(served);
  const into = (use: Own) => copy(served, 'c', { volumeContentSource: source, ...use });
  await expect(into(BLOCK)).rejects.toMatchObject({
    code: Code.INVALID_ARGUMENT,
    details: expect.stringContaining('has the filesystem xfs'),
  });
  await into(mountOf('xfs'));
  expect(object(served, 'c')?.spec.fsType).toBe('xfs');
});

test.each(sources)(
  'a raw device is copied as it is, or as the filesystem that the claim says it has: %j',
  async (source) => {
    const served = await serveController();
    await served.create('v', { ...size(1), ...BLOCK });
    await takeSnapshot(served);
    for (const [name, use] of Object.entries({ raw: BLOCK, known: mountOf('xfs') }))
      await copy(served, name, { volumeContentSource: source, ...size(1), ...use });
    expect(['raw', 'known'].map((name) => object(served, name)?.spec.fsType)).toEqual([undefined, 'xfs']);
  },
);

test('without room for both a clone and its snapshot nothing is taken or made', async () => {
  for (const [free, why] of [
    [3, 'not enough room for 3 GiB'],
    [0.5, 'a snapshot of it needs 768 MiB in volume group pool-0 of node n1, which has 512 MiB that no volume takes'],
  ] as const) {
    const served = await withSource();
    const fill = served.room.free('n1') - free * GIB;
    served.room.taken.set('others', { node: 'n1', size: fill as never });
    const taken = new Map(served.room.taken);
    await expect(copy(served, 'c1', { volumeContentSource: ofVolume })).rejects.toMatchObject({
      code: Code.RESOURCE_EXHAUSTED,
      details: expect.stringContaining(why) as string,
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
    details: `${nameOf(source)} has 3 GiB: ask for no less, not 2 GiB`,
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
  Object.assign(object(served, 'v')?.status ?? {}, { sizeBytes: whole });
  // A volume tells its own size, and who clones it asks for that.
  await expect(copy(served, 'c1', { volumeContentSource: ofVolume })).rejects.toMatchObject({
    code: Code.OUT_OF_RANGE,
  });
  expect(await copy(served, 'r1')).toMatchObject({ capacityBytes: BigInt(whole) });
});

test.each<[string, Own, Code, string]>([
  ['another filesystem', mountOf('xfs'), Code.INVALID_ARGUMENT, 'has the filesystem ext4'],
  ['another volumeMode', BLOCK, Code.INVALID_ARGUMENT, 'has the filesystem ext4: a copy has it too, so use'],
  [
    'a whole disk',
    { parameters: { volumeType: 'Device', mediaType: 'ssd' } },
    Code.INVALID_ARGUMENT,
    'is copied onto LVM',
  ],
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
      details: expect.stringContaining(`${nameOf(volumeContentSource)} ${details}`) as string,
    });
    expect(served.room.taken).toEqual(taken);
    expect([...served.volumes.objects.keys()]).toEqual(['v', 'snap-a']);
  }
});

test.each<[string, (v: LocalVolume) => void, Code, string]>([
  ['a whole disk', ({ spec }) => (spec.kind = 'Device'), Code.INVALID_ARGUMENT, 'volume v is a whole Device'],
  ['an inline volume', ({ spec }) => (spec.role = 'Ephemeral'), Code.INVALID_ARGUMENT, 'v is an inline volume'],
  ['a snapshot', ({ spec }) => (spec.role = 'Snapshot'), Code.NOT_FOUND, 'there is no volume v'],
  [
    'a mounted snapshot',
    ({ spec }) => Object.assign(spec, { readOnly: true, source: { snapshot: 's' } }),
    ...([Code.INVALID_ARGUMENT, 'volume v is the snapshot s itself'] as const),
  ],
  [
    'a volume that is being deleted',
    ({ metadata }) => (metadata.deletionTimestamp = '2026-01-01T00:00:00Z'),
    ...([Code.FAILED_PRECONDITION, 'volume v is being deleted'] as const),
  ],
  [
    'a volume that does not serve',
    (v) => (v.status = { ...v.status, phase: 'Failed', message: 'its group is gone' }),
    ...([Code.FAILED_PRECONDITION, 'volume v is not ready to be cloned: its group is gone'] as const),
  ],
  [
    'a volume that is being made',
    (v) => delete v.status,
    ...([Code.FAILED_PRECONDITION, 'volume v is not ready to be cloned: it is being made'] as const),
  ],
])('%s is not cloned, and nothing is made', async (_, change, code, what) => {
  const served = await withSource();
  change(object(served, 'v')!);
  await expect(copy(served, 'c1', { volumeContentSource: ofVolume })).rejects.toMatchObject({
    code,
    details: expect.stringContaining(what) as string,
  });
  expect([...served.volumes.objects.keys()]).toEqual(['v', 'snap-a']);
});

test.each<[string, (snapshot: LocalVolume) => void, string]>([
  ['overflowed', ({ status }) => Object.assign(status!.snapshot!, { overflowed: true }), 'snapshot snap-a overflowed'],
  [
    'is being deleted',
    ({ metadata }) => Object.assign(metadata, { deletionTimestamp: '2026-01-01T00:00:00Z', annotations: {} }),
    'snapshot snap-a is being deleted',
  ],
  ['is being taken', ({ status }) => Object.assign(status!, { phase: 'Pending' }), 'snapshot snap-a is not ready'],
])('a snapshot that %s is not copied, and nothing is made', async (_, change, what) => {
  const served = await withSource();
  change(object(served, 'snap-a')!);
  await expect(copy(served, 'r1')).rejects.toMatchObject({
    code: Code.FAILED_PRECONDITION,
    details: expect.stringContaining(what) as string,
  });
  expect([...served.volumes.objects.keys()]).toEqual(['v', 'snap-a']);
});

test('a volume that is not there is not cloned', async () => {
  const served = await withSource();
  const gone = { type: { $case: 'volume' as const, value: { volumeId: 'nobody' } } };
  await expect(copy(served, 'c1', { volumeContentSource: gone })).rejects.toMatchObject({ code: Code.NOT_FOUND });
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

test('a clone whose snapshot overflowed is begun anew with another one, not left half old and half new', async () => {
  const served = await withSource();
  const { volumes } = served;
  let isOver = true;
  volumes.agent = (volume) => {
    if (isOver && volume.metadata.name === 'c1') volumes.fail(volume, 'SourceFailed', 'its snapshot overflowed');
    else volumes.obey(volume);
  };
  const again = copy(served, 'c1', { volumeContentSource: ofVolume });
  await expect(again).rejects.toMatchObject({ code: Code.ABORTED, details: expect.stringContaining('anew') as string });
  expect([...volumes.objects.keys()]).toEqual(['v', 'snap-a']);
  isOver = false;
  expect(await copy(served, 'c1', { volumeContentSource: ofVolume })).toMatchObject({ volumeId: 'c1' });
});

test.each<[string, (served: FakeController, id: string) => void]>([
  ['is gone', ({ volumes }, id) => volumes.objects.delete(id)],
  ['is being deleted', (served, id) => (object(served, id)!.metadata.deletionTimestamp = '2026-01-01T00:00:00Z')],
])('a clone that is not whole is begun anew when its snapshot %s, and found once it is whole', async (_, lose) => {
  const served = await withSource({ waitForAgentMs: 200 });
  const { volumes } = served;
  const clone = () => copy(served, 'c1', { volumeContentSource: ofVolume });
  volumes.agent = (volume) => {
    if (volume.metadata.name !== 'c1' || volume.metadata.deletionTimestamp !== undefined) volumes.obey(volume);
  };
  for (let call = 0; call < 2; call += 1)
    await expect(clone()).rejects.toMatchObject({
      code: Code.ABORTED,
      details: expect.stringContaining('has not made it yet') as string,
    });
  lose(served, cloneSnapshotId('c1'));
  await expect(clone()).rejects.toMatchObject({
    code: Code.ABORTED,
    details: 'volume c1 is begun anew with the next call: its snapshot is gone',
  });
  expect([...volumes.objects.keys()]).toEqual(['v', 'snap-a']);
  volumes.agent = (volume) => volumes.obey(volume);
  const made = await clone();
  lose(served, cloneSnapshotId('c1'));
  expect(await clone()).toEqual(made);
});

test('a restored volume that is begun anew, or whose snapshot fails, leaves the snapshot alone', async () => {
  const served = await withSource();
  const { volumes } = served;
  const FIRST = { parameters: { volumeType: 'LVM', lvmType: 'striping' } };
  volumes.agent = (volume) =>
    volume.spec.role === 'Volume' ? volumes.fail(volume, 'SourceFailed', 'it overflowed') : volumes.obey(volume);
  await expect(copy(served, 'r1', FIRST)).rejects.toMatchObject({
    code: Code.ABORTED,
    details: 'volume r1: node n1 says: it overflowed',
  });
  expect(object(served, 'r1')?.metadata.deletionTimestamp).toBeUndefined();
  await expect(copy(served, 'r1')).rejects.toMatchObject({
    code: Code.ABORTED,
    details: expect.stringContaining('begun anew with the next call') as string,
  });
  expect([...volumes.objects.keys()]).toEqual(['v', 'snap-a']);
  expect(object(served, 'snap-a')?.metadata.deletionTimestamp).toBeUndefined();
});

test('a clone that its node cannot make for another reason is not begun anew', async () => {
  const served = await withSource();
  served.volumes.agent = (volume) =>
    volume.metadata.name === 'c1'
      ? served.volumes.fail(volume, 'VolumeInvalid', 'lvcreate exited with 3')
      : served.volumes.obey(volume);
  await expect(copy(served, 'c1', { volumeContentSource: ofVolume })).rejects.toMatchObject({
    code: Code.ABORTED,
    details: 'volume c1: node n1 says: lvcreate exited with 3',
  });
  expect(object(served, 'c1')?.metadata.deletionTimestamp).toBeUndefined();
});
