import { describe, expect, test } from 'vitest';
import { NO_TRACES, serveController, type FakeController } from '../../../test/rig/csi-controller.ts';
import { eventually } from '../../../test/rig/eventually.ts';
import { bytes, GIB } from '../../model/bytes.ts';
import { Fault } from '../../model/fault.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import type { VolumeReason } from '../../model/volume-reasons.ts';
import { KEEP, READ_ONLY_SNAPSHOT, SNAPSHOT_INITIAL_SIZE, SNAPSHOT_RESTORE } from '../../model/well-known.ts';
import {
  CreateSnapshotRequest,
  DeleteSnapshotRequest,
  DeleteVolumeRequest,
  GetSnapshotRequest,
  ListSnapshotsRequest,
} from '../gen/csi.ts';
import { Code } from '../status.ts';
import type { Trace } from '../ports.ts';
import { FakeRoom } from './fake-volumes.ts';

const never = new AbortController().signal;
const MOUNTED = { [READ_ONLY_SNAPSHOT]: 'true' };
const COPIED = { [SNAPSHOT_RESTORE]: 'copy' };

type Own = Parameters<typeof CreateSnapshotRequest.fromPartial>[0];
const take = async ({ client }: FakeController, name: string, own: Own = {}) => {
  const request = CreateSnapshotRequest.fromPartial({ name, sourceVolumeId: 'v', parameters: MOUNTED, ...own });
  return (await client.controller.createSnapshot(request, never)).snapshot;
};
const drop = ({ client }: FakeController, snapshotId: string) =>
  client.controller.deleteSnapshot(DeleteSnapshotRequest.fromPartial({ snapshotId }), never);
const dropVolume = ({ client }: FakeController, volumeId: string) =>
  client.controller.deleteVolume(DeleteVolumeRequest.fromPartial({ volumeId }), never);
const list = async (
  { client }: FakeController,
  own: Parameters<typeof ListSnapshotsRequest.fromPartial>[0] = {},
): Promise<{ readonly ids: (string | undefined)[]; readonly nextToken: string }> => {
  const { entries, nextToken } = await client.controller.listSnapshots(ListSnapshotsRequest.fromPartial(own), never);
  return { ids: entries.map(({ snapshot }) => snapshot?.snapshotId), nextToken };
};
const get = async ({ client }: FakeController, snapshotId: string) =>
  (await client.controller.getSnapshot(GetSnapshotRequest.fromPartial({ snapshotId }), never)).snapshot;
const object = ({ volumes }: FakeController, name: string): LocalVolume => volumes.objects.get(name)!;

/** A controller with one volume `v` of 3 GiB on node n1. */
async function withVolume(own: Parameters<typeof serveController>[0] = {}): Promise<FakeController> {
  const served = await serveController(own);
  await served.create('v', { capacityRange: { requiredBytes: BigInt(3 * GIB) } });
  return served;
}

describe('taking a snapshot', () => {
  test('its store is beside its source, as large as the class says and no larger than the source', async () => {
    const served = await withVolume();
    await take(served, 'snap-a');
    expect(object(served, 'snap-a').spec).toEqual({
      nodeName: 'n1',
      kind: 'LVM',
      vgName: 'pool-0',
      sizeBytes: 3 * GIB,
      role: 'Snapshot',
      source: { volume: 'v' },
      copyOnWrite: { thresholdPercent: 50, stepBytes: GIB },
      restore: 'Mount',
      request: { name: 'snap-a', requiredBytes: 3 * GIB },
    });
    expect(served.room.asked.at(-1)).toMatchObject({ policy: { kind: 'LVM', vgName: 'pool-0' }, nodes: ['n1'] });
    await take(served, 'snap-b', { parameters: { ...MOUNTED, [SNAPSHOT_INITIAL_SIZE]: '512Mi' } });
    expect(object(served, 'snap-b').spec.sizeBytes).toBe(GIB / 2);
  });

  test('the answer says when it was taken, and the least that a claim made from it may ask for', async () => {
    const served = await withVolume();
    const mounted = await take(served, 'snap-a', { parameters: { ...MOUNTED, [SNAPSHOT_INITIAL_SIZE]: '1Gi' } });
    expect(mounted).toEqual({
      snapshotId: 'snap-a',
      sourceVolumeId: 'v',
      sizeBytes: BigInt(GIB),
      creationTime: new Date('2026-01-02T03:04:05Z'),
      readyToUse: true,
      groupSnapshotId: '',
      accessibleTopology: [{ segments: { 'kubernetes.io/hostname': 'host-n1' } }],
    });
    expect((await take(served, 'snap-b', { parameters: COPIED }))?.sizeBytes).toBe(BigInt(3 * GIB));
  });

  test('a claim like the one of its source may be made from a copied snapshot, though its size is no whole extents', async () => {
    const served = await serveController();
    const parameters = { ...COPIED, [SNAPSHOT_INITIAL_SIZE]: '64Mi' };
    await served.create('v', { capacityRange: { requiredBytes: 2_000_000_000n } });
    expect((await take(served, 'snap-a', { parameters }))?.sizeBytes).toBe(2_000_000_000n);
    const volumeContentSource = { type: { $case: 'snapshot' as const, value: { snapshotId: 'snap-a' } } };
    await served.volumes.grow('v', bytes(6 * GIB));
    expect((await get(served, 'snap-a'))?.sizeBytes).toBe(2_000_000_000n);
    const capacityRange = { requiredBytes: 2_000_000_000n };
    const restored = await served.create('w', {
      capacityRange,
      volumeContentSource,
      parameters: { volumeType: 'LVM' },
    });
    expect(restored?.capacityBytes).toBe(2_000_683_008n);
    expect((await take(served, 'snap-b', { parameters }))?.sizeBytes).toBe(BigInt(6 * GIB));
  });

  test('the same call has the same answer, also when the store has grown and the class has changed since (D11)', async () => {
    const served = await withVolume();
    const first = await take(served, 'snap-a', { parameters: { ...MOUNTED, [SNAPSHOT_INITIAL_SIZE]: '1Gi' } });
    await served.volumes.grow('snap-a', bytes(2 * GIB));
    expect(await take(served, 'snap-a', { parameters: COPIED })).toEqual(first);
    expect(object(served, 'snap-a').spec.restore).toBe('Mount');
    expect(served.volumes.creates).toBe(2);
  });

  test('the same name of another volume, and the name of a volume, are ALREADY_EXISTS', async () => {
    const served = await withVolume();
    await served.create('w');
    await take(served, 'snap-a');
    await expect(take(served, 'snap-a', { sourceVolumeId: 'w' })).rejects.toMatchObject({ code: Code.ALREADY_EXISTS });
    await expect(take(served, 'w')).rejects.toMatchObject({ code: Code.ALREADY_EXISTS });
    object(served, 'w').spec.source = { volume: 'v' }; // a clone is no snapshot either
    await expect(take(served, 'w')).rejects.toMatchObject({
      code: Code.ALREADY_EXISTS,
      details: expect.stringContaining('w is no snapshot') as string,
    });
  });

  test('it waits for the node, ABORTED says what for, and the retry finds what was begun', async () => {
    const served = await withVolume({ waitForAgentMs: 30 });
    served.volumes.agent = () => {};
    await expect(take(served, 'snap-a')).rejects.toMatchObject({ code: Code.ABORTED });
    expect(await list(served)).toEqual({ ids: [], nextToken: '' });
    served.volumes.obey(object(served, 'snap-a'));
    expect(await take(served, 'snap-a')).toMatchObject({ readyToUse: true });
    expect(served.volumes.creates).toBe(2);
  });

  test('without room in the group of its source it is RESOURCE_EXHAUSTED, with numbers, and nothing is left', async () => {
    const served = await withVolume({ room: new FakeRoom({ n1: bytes(5 * GIB), n2: bytes(9 * GIB) }, bytes(4096)) });
    await expect(take(served, 'snap-a')).rejects.toMatchObject({
      code: Code.RESOURCE_EXHAUSTED,
      details: expect.stringMatching(/volume v on node n1: .*3 ?GiB.*has 2 ?GiB/) as string,
    });
    expect([...served.volumes.objects.keys()]).toEqual(['v']);
  });

  test('one that the node cannot take is removed, and its room is free again', async () => {
    const served = await withVolume();
    served.volumes.agent = (volume) =>
      volume.spec.role === 'Snapshot' ? served.volumes.fail(volume, 'LvmFailed', 'no') : served.volumes.obey(volume);
    await expect(take(served, 'snap-a')).rejects.toMatchObject({ code: Code.RESOURCE_EXHAUSTED });
    expect([...served.volumes.objects.keys()]).toEqual(['v']);
    // The trouble was the snapshot's own: volumes are placed in the group as before.
    expect(served.room.refusals).toEqual([]);
  });

  test.each<[VolumeReason, Code, readonly object[], readonly string[]]>([
    ['NoSpace', Code.RESOURCE_EXHAUSTED, [{ name: 'snap-a', whole: false }], ['v']],
    ['GroupForeign', Code.RESOURCE_EXHAUSTED, [{ name: 'snap-a', whole: true }], ['v']],
    ['LvmFailed', Code.RESOURCE_EXHAUSTED, [], ['v']],
    ['SourceMissing', Code.ABORTED, [], ['v', 'snap-a']],
  ])('the ledger hears of what is in the way of more than this snapshot: %s', async (reason, code, refusals, left) => {
    const served = await withVolume();
    served.volumes.agent = (volume) => served.volumes.fail(volume, reason, 'no');
    await expect(take(served, 'snap-a')).rejects.toMatchObject({
      code,
      details: expect.stringContaining('node n1 says: no') as string,
    });
    expect(served.room.refusals).toEqual(refusals);
    expect([...served.volumes.objects.keys()]).toEqual(left);
  });

  test.each<[string, LocalVolume['status']]>([
    ['without a reason', { phase: 'Failed' }],
    ['after it was there', { phase: 'Failed', reason: 'NoSpace', sizeBytes: GIB }],
  ])('one that fails %s stays, and is looked at again', async (_, status) => {
    const served = await withVolume();
    served.volumes.agent = (volume) => {
      Object.assign(volume, { status });
      served.volumes.changed();
    };
    await expect(take(served, 'snap-a')).rejects.toMatchObject({
      code: Code.ABORTED,
      details: expect.stringContaining('snapshot snap-a: node n1 says: no reason given') as string,
    });
    expect([...served.volumes.objects.keys()]).toEqual(['v', 'snap-a']);
  });

  test('one that is deleted while it is taken is ABORTED', async () => {
    const served = await withVolume();
    served.volumes.agent = ({ metadata }) => {
      served.volumes.objects.delete(metadata.name ?? '');
      served.volumes.changed();
    };
    await expect(take(served, 'snap-a')).rejects.toMatchObject({
      code: Code.ABORTED,
      details: 'snapshot snap-a was deleted while it was being taken',
    });
  });

  test.each([
    ['unavailable', Code.UNAVAILABLE, false],
    ['aborted', Code.ABORTED, true],
  ] as const)('room is kept for one that may have been made: %s', async (kind, code, isKept) => {
    const served = await withVolume();
    served.volumes.failCreate = { made: false, fault: new Fault(kind, 'no answer') };
    await expect(take(served, 'snap-a')).rejects.toMatchObject({ code });
    expect(served.room.taken.has('snap-a')).toBe(isKept);
  });

  test('its name may have as many characters as a LocalVolume keeps', async () => {
    expect(await take(await withVolume(), 'a'.repeat(253))).toMatchObject({ readyToUse: true });
  });

  test('it is on the node of its source, and asked for elsewhere it is refused', async () => {
    const served = await withVolume();
    const on = (node: string) => ({
      accessibilityRequirements: { requisite: [{ segments: { 'kubernetes.io/hostname': `host-${node}` } }] },
    });
    expect(await take(served, 'snap-a', on('n1'))).toMatchObject({ readyToUse: true });
    await expect(take(served, 'snap-b', on('n2'))).rejects.toMatchObject({
      code: Code.RESOURCE_EXHAUSTED,
      details: expect.stringContaining('on node n1 alone') as string,
    });
    expect([...served.volumes.objects.keys()]).toEqual(['v', 'snap-a']);
  });

  test('the name of a source that is unknown is NOT_FOUND', async () => {
    const served = await withVolume();
    await expect(take(served, 'snap-a', { sourceVolumeId: 'nobody' })).rejects.toMatchObject({ code: Code.NOT_FOUND });
  });

  test.each<[string, (v: LocalVolume) => void, Code, string]>([
    ['a whole disk', ({ spec }) => (spec.kind = 'Device'), Code.INVALID_ARGUMENT, 'whole Device'],
    ['a mount point', ({ spec }) => (spec.kind = 'MountPoint'), Code.INVALID_ARGUMENT, 'whole MountPoint'],
    ['an inline volume', ({ spec }) => (spec.role = 'Ephemeral'), Code.INVALID_ARGUMENT, 'inline volume'],
    ['a snapshot', ({ spec }) => (spec.role = 'Snapshot'), Code.INVALID_ARGUMENT, 'is a snapshot'],
    [
      'a mounted snapshot',
      ({ spec }) => Object.assign(spec, { readOnly: true, source: { snapshot: 's' } }),
      Code.INVALID_ARGUMENT,
      'the snapshot s itself',
    ],
    [
      'a volume that is being deleted',
      ({ metadata }) => (metadata.deletionTimestamp = '2026-01-01T00:00:00Z'),
      Code.FAILED_PRECONDITION,
      'being deleted',
    ],
    [
      'a volume that does not serve',
      (v) => (v.status = { ...v.status, phase: 'Failed', message: 'its group is gone' }),
      Code.FAILED_PRECONDITION,
      'its group is gone',
    ],
    ['a volume that is being made', (v) => delete v.status, Code.FAILED_PRECONDITION, 'being made'],
    ['a volume without a size', (v) => (v.status = { phase: 'Ready' }), Code.FAILED_PRECONDITION, 'not ready'],
  ])('of %s it is refused by name, and nothing is made', async (_, change, code, what) => {
    const served = await withVolume();
    change(object(served, 'v'));
    await expect(take(served, 'snap-a')).rejects.toMatchObject({
      code,
      details: expect.stringContaining(what) as string,
    });
    expect([...served.volumes.objects.keys()]).toEqual(['v']);
  });

  test.each([
    ['no name', { name: '' }, 'name is missing'],
    ['a name that is too long', { name: 'a'.repeat(254) }, '253 characters'],
    ['no source', { sourceVolumeId: '' }, 'source_volume_id is missing'],
    ['a class that backs up to S3', { parameters: {} }, 'backups to S3 are not made'],
  ])('with %s it is INVALID_ARGUMENT', async (_, own, what) => {
    const served = await withVolume();
    await expect(take(served, 'snap-a', own)).rejects.toMatchObject({
      code: Code.INVALID_ARGUMENT,
      details: expect.stringContaining(what) as string,
    });
  });
});

describe('listing', () => {
  test('is by page, by id and by volume; what is unknown is an empty list', async () => {
    const served = await withVolume();
    await served.create('w');
    for (const name of ['snap-c', 'snap-a', 'snap-b'])
      await take(served, name, { parameters: { ...MOUNTED, [SNAPSHOT_INITIAL_SIZE]: '4Mi' } });
    await take(served, 'snap-w', { sourceVolumeId: 'w', parameters: { ...MOUNTED, [SNAPSHOT_INITIAL_SIZE]: '4Mi' } });
    expect((await list(served)).ids).toEqual(['snap-a', 'snap-b', 'snap-c', 'snap-w']);
    expect((await list(served, { snapshotId: 'snap-b' })).ids).toEqual(['snap-b']);
    expect((await list(served, { sourceVolumeId: 'v', maxEntries: 2 })).ids).toEqual(['snap-a', 'snap-b']);
    for (const filter of [{ snapshotId: 'nobody' }, { snapshotId: 'v' }, { sourceVolumeId: 'nobody' }])
      expect(await list(served, filter)).toEqual({ ids: [], nextToken: '' });
    expect((await list(served, { snapshotId: 'snap-b', sourceVolumeId: 'w' })).ids).toEqual([]);
  });

  test('goes on from its token without a limit, and a token of another list is ABORTED', async () => {
    const served = await withVolume();
    for (const name of ['snap-a', 'snap-b', 'snap-c'])
      await take(served, name, { parameters: { ...MOUNTED, [SNAPSHOT_INITIAL_SIZE]: '4Mi' } });
    const { nextToken: startingToken } = await list(served, { maxEntries: 1 });
    expect(await list(served, { startingToken })).toEqual({ ids: ['snap-b', 'snap-c'], nextToken: '' });
    const other = list(served, { startingToken, sourceVolumeId: 'v' });
    await expect(other).rejects.toMatchObject({ code: Code.ABORTED });
    await expect(list(served, { startingToken: 'made up' })).rejects.toMatchObject({ code: Code.ABORTED });
  });

  test('one snapshot is told as it is now: overflowed is not ready to use', async () => {
    const served = await withVolume();
    const taken = await take(served, 'snap-a');
    expect(await get(served, 'snap-a')).toEqual(taken);
    const snapshot = object(served, 'snap-a');
    snapshot.status = { ...snapshot.status, snapshot: { ...snapshot.status?.snapshot, overflowed: true } };
    expect(await get(served, 'snap-a')).toEqual({ ...taken!, readyToUse: false });
    await expect(get(served, 'v')).rejects.toMatchObject({ code: Code.NOT_FOUND });
    await expect(get(served, '')).rejects.toMatchObject({ code: Code.INVALID_ARGUMENT });
  });
});

describe('deleting', () => {
  test('a snapshot is removed, and again, and one that never was', async () => {
    const served = await withVolume();
    await take(served, 'snap-a');
    for (const id of ['snap-a', 'snap-a', 'nobody']) await drop(served, id);
    expect([...served.volumes.objects.keys()]).toEqual(['v']);
  });

  test('needs no source, no class and no PersistentVolume (C12, #184)', async () => {
    const served = await withVolume();
    await take(served, 'snap-a');
    await dropVolume(served, 'v');
    await drop(served, 'snap-a');
    expect([...served.volumes.objects.keys()]).toEqual(['v']);
  });

  test('the id of a volume is refused, and so is what a node has without a record', async () => {
    let trace: Trace = { kind: 'none' };
    const served = await withVolume({
      traces: { ...NO_TRACES, traceOf: async () => trace },
    });
    await expect(drop(served, 'v')).rejects.toMatchObject({ code: Code.FAILED_PRECONDITION });
    await expect(drop(served, '')).rejects.toMatchObject({ code: Code.INVALID_ARGUMENT });
    trace = { kind: 'doubtful', what: 'node n1 reports pool-0/snap-x.' };
    await expect(drop(served, 'snap-x')).rejects.toMatchObject({
      code: Code.FAILED_PRECONDITION,
      details: expect.stringContaining('node n1 reports') as string,
    });
    trace = { kind: 'unknown', what: 'node n1 is silent.' };
    await expect(drop(served, 'snap-x')).rejects.toMatchObject({ code: Code.UNAVAILABLE });
  });
});

describe('deleting what others need', () => {
  test('a snapshot that another VolumeSnapshotContent has stays, and the answer says which (a second one in its namespace)', async () => {
    let others = ['content-b'];
    const served = await withVolume({ traces: { ...NO_TRACES, snapshotKeptBy: async () => others } });
    await take(served, 'snap-a');
    await expect(drop(served, 'snap-a')).rejects.toMatchObject({
      code: Code.FAILED_PRECONDITION,
      details: expect.stringMatching(/VolumeSnapshotContent content-b would lose its data.*Retain/) as string,
    });
    expect(object(served, 'snap-a').metadata.deletionTimestamp).toBeUndefined();
    others = [];
    await drop(served, 'snap-a');
  });

  test('a volume with snapshots is deleted at once, keeps its data, and says why (C12, #191)', async () => {
    const served = await withVolume();
    await take(served, 'snap-a', { parameters: { ...MOUNTED, [SNAPSHOT_INITIAL_SIZE]: '4Mi' } });
    for (let call = 0; call < 2; call += 1) await dropVolume(served, 'v');
    expect(object(served, 'v').metadata).toMatchObject({
      deletionTimestamp: expect.any(String) as string,
      annotations: { [KEEP]: 'kept by snapshot snap-a' },
    });
    // Its room is still counted, and CSI knows the snapshot as before.
    expect(served.room.taken.has('v')).toBe(true);
    expect((await list(served, { sourceVolumeId: 'v' })).ids).toEqual(['snap-a']);
    await drop(served, 'snap-a');
    await dropVolume(served, 'v');
    expect(served.volumes.objects.size).toBe(0);
  });

  test('so is one that was made elsewhere and is not heard of yet', async () => {
    const served = await withVolume();
    await take(served, 'snap-a', { parameters: { ...MOUNTED, [SNAPSHOT_INITIAL_SIZE]: '4Mi' } });
    served.volumes.unheard.add('v');
    await dropVolume(served, 'v');
    expect(object(served, 'v').metadata.annotations?.[KEEP]).toBe('kept by snapshot snap-a');
  });

  test('a deletion is answered once it is heard of here, so that nothing is taken of the volume meanwhile', async () => {
    const served = await withVolume();
    await take(served, 'snap-a', { parameters: { ...MOUNTED, [SNAPSHOT_INITIAL_SIZE]: '4Mi' } });
    const heard = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    const removeLater = served.volumes.removeLater.bind(served.volumes);
    served.volumes.removeLater = async (...args) => {
      asked.resolve();
      void heard.promise.then(() => removeLater(...args)).then(() => served.volumes.changed());
    };
    const dropping = dropVolume(served, 'v');
    await asked.promise;
    const taking = take(served, 'snap-b');
    for (let call = 0; call < 2; call += 1) await list(served); // once these are answered, the other has begun
    heard.resolve();
    await expect(taking).rejects.toMatchObject({
      code: Code.FAILED_PRECONDITION,
      details: expect.stringContaining('being deleted') as string,
    });
    await dropping;
  });

  test('nothing new is taken of it, and its name gives nobody its data', async () => {
    const served = await withVolume();
    await take(served, 'snap-a', { parameters: { ...MOUNTED, [SNAPSHOT_INITIAL_SIZE]: '4Mi' } });
    await dropVolume(served, 'v');
    await expect(take(served, 'snap-b')).rejects.toMatchObject({ code: Code.FAILED_PRECONDITION });
    await expect(served.create('v')).rejects.toMatchObject({
      code: Code.ABORTED,
      details: expect.stringContaining('kept by snapshot snap-a') as string,
    });
  });

  test('a snapshot that is mounted is none any more, and keeps its data until the last volume is gone', async () => {
    const served = await withVolume();
    await take(served, 'snap-a', { parameters: { ...MOUNTED, [SNAPSHOT_INITIAL_SIZE]: '4Mi' } });
    const { spec } = object(served, 'snap-a');
    const mounting: LocalVolume = {
      metadata: { name: 'r' },
      spec: { ...spec, role: 'Volume', readOnly: true, source: { snapshot: 'snap-a' } },
    };
    await served.volumes.create(mounting);
    await drop(served, 'snap-a');
    expect(object(served, 'snap-a').metadata.annotations?.[KEEP]).toBe('kept by the mounted volume r');
    expect((await list(served)).ids).toEqual([]);
    await expect(get(served, 'snap-a')).rejects.toMatchObject({ code: Code.NOT_FOUND });
    await expect(take(served, 'snap-a')).rejects.toMatchObject({ code: Code.ABORTED });
    await dropVolume(served, 'r');
    await drop(served, 'snap-a');
    expect([...served.volumes.objects.keys()]).toEqual(['v']);
  });

  test('a second DeleteVolume does not take back what the agent was told', async () => {
    const served = await withVolume({ waitForAgentMs: 30 });
    served.volumes.agent = () => {};
    await expect(dropVolume(served, 'v')).rejects.toMatchObject({ code: Code.ABORTED });
    const snapshot = { ...object(served, 'v').spec, role: 'Snapshot' as const, source: { volume: 'v' } };
    await served.volumes.create({ metadata: { name: 'snap-a' }, spec: snapshot });
    await dropVolume(served, 'v');
    expect(object(served, 'v').metadata.annotations).toEqual({});
  });

  test('a snapshot and the deletion of its source never pass each other', async () => {
    const served = await withVolume({ waitForAgentMs: 30 });
    const pause = Promise.withResolvers<void>();
    served.volumes.pause = pause.promise;
    const taking = take(served, 'snap-a', { parameters: { ...MOUNTED, [SNAPSHOT_INITIAL_SIZE]: '4Mi' } });
    await eventually(() => expect(served.volumes.creates).toBe(2));
    const dropping = dropVolume(served, 'v');
    // Calls on one connection begin in order: once these are answered, the other has begun.
    for (let call = 0; call < 2; call += 1) await list(served);
    pause.resolve();
    expect(await taking).toMatchObject({ readyToUse: true });
    await dropping;
    expect(object(served, 'v').metadata.annotations?.[KEEP]).toBe('kept by snapshot snap-a');
  });
});
