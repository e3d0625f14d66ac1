import { describe, expect, test } from 'vitest';
import { NO_TRACES, serveController, type FakeController } from '../../../test/rig/csi-controller.ts';
import { eventually } from '../../../test/rig/eventually.ts';
import { bytes, GIB } from '../../model/bytes.ts';
import { Fault } from '../../model/fault.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import type { VolumeReason } from '../../model/volume-reasons.ts';
import { READ_ONLY_SNAPSHOT, SNAPSHOT_INITIAL_SIZE, SNAPSHOT_RESTORE } from '../../model/well-known.ts';
import {
  CreateVolumeGroupSnapshotRequest,
  DeleteSnapshotRequest,
  DeleteVolumeGroupSnapshotRequest,
  GetSnapshotRequest,
  GetVolumeGroupSnapshotRequest,
  ListSnapshotsRequest,
} from '../gen/csi.ts';
import { Code } from '../status.ts';
import { FakeRoom } from './fake-volumes.ts';

const never = new AbortController().signal;
const MOUNTED = { [READ_ONLY_SNAPSHOT]: 'true' };
const SMALL = { ...MOUNTED, [SNAPSHOT_INITIAL_SIZE]: '512Mi' };

type Own = Parameters<typeof CreateVolumeGroupSnapshotRequest.fromPartial>[0];
const take = async ({ client }: FakeController, sourceVolumeIds: string[], own: Own = {}) => {
  const whole = { name: 'group', sourceVolumeIds, parameters: SMALL, ...own };
  const request = CreateVolumeGroupSnapshotRequest.fromPartial(whole);
  return (await client.groups.createVolumeGroupSnapshot(request, never)).groupSnapshot!;
};
const get = async ({ client }: FakeController, snapshotIds: string[] = [], groupSnapshotId = 'group') => {
  const request = GetVolumeGroupSnapshotRequest.fromPartial({ groupSnapshotId, snapshotIds });
  return (await client.groups.getVolumeGroupSnapshot(request, never)).groupSnapshot!;
};
const drop = ({ client }: FakeController, snapshotIds: string[] = [], groupSnapshotId = 'group') =>
  client.groups.deleteVolumeGroupSnapshot(
    DeleteVolumeGroupSnapshotRequest.fromPartial({ groupSnapshotId, snapshotIds }),
    never,
  );
const snapshots = ({ volumes }: FakeController): readonly LocalVolume[] =>
  [...volumes.objects.values()].filter(({ spec }) => spec.role === 'Snapshot');
const refusal = (code: Code, words = /./) => ({ code, details: expect.stringMatching(words) as string });

/** Volumes `a`, `b` and `c` of 1 GiB on node n1, and `far` on n2. */
async function withVolumes(own: Parameters<typeof serveController>[0] = {}): Promise<FakeController> {
  const served = await serveController(own);
  for (const name of ['a', 'b', 'c']) await served.create(name);
  const accessibilityRequirements = { requisite: [{ segments: { 'kubernetes.io/hostname': 'host-n2' } }] };
  await served.create('far', { accessibilityRequirements });
  return served;
}

/** Agents that take a group as they do: the first part answers for all. */
const firstFails = (served: FakeController, reason: Parameters<FakeController['volumes']['fail']>[1]): void => {
  served.volumes.agent = (volume) => {
    if (volume.metadata.deletionTimestamp !== undefined) return served.volumes.obey(volume);
    const parts = snapshots(served);
    if (parts.length < 3) return;
    const [first] = parts.toSorted((x, y) => ((x.metadata.name ?? '') < (y.metadata.name ?? '') ? -1 : 1));
    served.volumes.fail(first!, reason, 'it went on too early');
  };
};

describe('taking a group snapshot', () => {
  test('every part is a snapshot beside its source, and names the group and the volumes of which it is taken', async () => {
    const served = await withVolumes();
    const { snapshots: parts, ...group } = await take(served, ['b', 'a']);
    const ids = parts.map(({ snapshotId }) => snapshotId);
    expect(ids).toEqual(ids.toSorted());
    expect(group).toEqual({
      groupSnapshotId: 'group',
      creationTime: new Date('2026-01-02T03:04:05Z'),
      readyToUse: true,
    });
    expect(
      parts.map(({ sourceVolumeId, groupSnapshotId, readyToUse }) => [sourceVolumeId, groupSnapshotId, readyToUse]),
    ).toEqual(
      expect.arrayContaining([
        ['a', 'group', true],
        ['b', 'group', true],
      ]),
    );
    expect(snapshots(served).map(({ spec }) => spec)).toEqual(
      ['a', 'b'].map((volume) =>
        expect.objectContaining({
          ...{ nodeName: 'n1', vgName: 'pool-0', sizeBytes: GIB / 2, role: 'Snapshot', restore: 'Mount' },
          ...{ source: { volume }, groupSnapshot: 'group', groupSources: ['a', 'b'] },
        }),
      ),
    );
  });

  test('its parts are snapshots like others: listed, told, and a claim is made from one', async () => {
    const served = await withVolumes();
    const { snapshots: parts } = await take(served, ['a', 'b'], { parameters: { [SNAPSHOT_RESTORE]: 'copy' } });
    const ids = parts.map(({ snapshotId }) => snapshotId);
    const { entries } = await served.client.controller.listSnapshots(ListSnapshotsRequest.fromPartial({}), never);
    expect(entries.map(({ snapshot }) => snapshot)).toEqual(parts);
    const one = GetSnapshotRequest.fromPartial({ snapshotId: ids[0]! });
    expect((await served.client.controller.getSnapshot(one, never)).snapshot).toEqual(parts[0]);
    const volumeContentSource = { type: { $case: 'snapshot' as const, value: { snapshotId: ids[0]! } } };
    expect(await served.create('restored', { volumeContentSource })).toMatchObject({ volumeId: 'restored' });
    expect(await get(served, ids)).toMatchObject({ groupSnapshotId: 'group', readyToUse: true, snapshots: parts });
  });

  test('the same call has the same answer, in whatever order the volumes are named, and takes nothing twice', async () => {
    const served = await withVolumes();
    const first = await take(served, ['a', 'b']);
    expect(await take(served, ['b', 'a'])).toEqual(first);
    expect(await Promise.all([take(served, ['a', 'b']), take(served, ['a', 'b'])])).toEqual([first, first]);
    expect(snapshots(served)).toHaveLength(2);
  });

  test('the same name of other volumes is ALREADY_EXISTS', async () => {
    const served = await withVolumes();
    await take(served, ['a', 'b']);
    for (const others of [['a', 'c'], ['a'], ['a', 'b', 'c']])
      await expect(take(served, others)).rejects.toMatchObject(refusal(Code.ALREADY_EXISTS, /of other volumes: a, b/));
    expect(snapshots(served)).toHaveLength(2);
  });

  test('volumes of several nodes are refused, and it is said which is where, and what to do', async () => {
    const served = await withVolumes();
    const asked = served.room.asked.length;
    await expect(take(served, ['far', 'b', 'a'])).rejects.toMatchObject(
      refusal(Code.FAILED_PRECONDITION, /a, b on n1; far on n2.*one group snapshot for each node/),
    );
    expect(snapshots(served)).toEqual([]);
    expect(served.room.asked).toHaveLength(asked);
  });

  test('volumes are named by their claims, by which people know them, node by node', async () => {
    const served = await withVolumes();
    const names = { 'csi.storage.k8s.io/pvc/name': 'data', 'csi.storage.k8s.io/pvc/namespace': 'web' };
    await served.create('with-claim', { parameters: { volumeType: 'LVM', ...names } });
    await expect(take(served, ['far', 'with-claim'])).rejects.toMatchObject(
      refusal(Code.FAILED_PRECONDITION, /web\/data on n1; far on n2/),
    );
  });

  test.each<[string, string[], Own, Code, RegExp]>([
    ['without a name', ['a'], { name: '' }, Code.INVALID_ARGUMENT, /name is missing/],
    ['under too long a name', ['a'], { name: 'a'.repeat(254) }, Code.INVALID_ARGUMENT, /253 characters/],
    ['under a name that is just short enough', ['x'], { name: 'a'.repeat(253) }, Code.NOT_FOUND, /no volume x/],
    ['without volumes', [], {}, Code.INVALID_ARGUMENT, /source_volume_ids is missing/],
    ['of a volume without a name', ['a', ''], {}, Code.INVALID_ARGUMENT, /has an empty id/],
    ['of as many as can be', Array.from({ length: 32 }, (_, at) => `v${at}`), {}, Code.NOT_FOUND, /no volume v0, v1,/],
    ['of a volume that is named twice', ['a', 'a'], {}, Code.INVALID_ARGUMENT, /twice: a, a/],
    ['of too many volumes', Array.from({ length: 33 }, (_, at) => `v${at}`), {}, Code.INVALID_ARGUMENT, /at most 32/],
    [
      'of a class without a word of what claims get',
      ['a'],
      { parameters: {} },
      Code.INVALID_ARGUMENT,
      /VolumeGroupSnapshotClass parameter/,
    ],
    ['of a volume that is not there', ['a', 'nobody'], {}, Code.NOT_FOUND, /no volume nobody/],
  ])('%s it is refused, and nothing is taken', async (_, sources, own, code, words) => {
    const served = await withVolumes();
    await expect(take(served, sources, own)).rejects.toMatchObject(refusal(code, words));
    expect(snapshots(served)).toEqual([]);
  });

  test('the room of all stores is taken, or of none', async () => {
    const room = new FakeRoom({ n1: bytes(4 * GIB + GIB), n2: bytes(4 * GIB) }, bytes(4096));
    const served = await withVolumes({ room });
    const before = room.free('n1');
    expect(before).toBe(2 * GIB);
    const large = { ...MOUNTED, [SNAPSHOT_INITIAL_SIZE]: '1Gi' };
    await expect(take(served, ['a', 'b', 'c'], { parameters: large })).rejects.toMatchObject(
      refusal(Code.RESOURCE_EXHAUSTED, /volume c on node n1/),
    );
    expect(snapshots(served)).toEqual([]);
    expect(room.free('n1')).toBe(before);
    expect(await take(served, ['a', 'b'], { parameters: large })).toMatchObject({ readyToUse: true });
  });

  test('where one cannot be taken, all are removed at once, and the words of the node are told', async () => {
    const served = await withVolumes();
    firstFails(served, 'GroupSnapshotFailed');
    await expect(take(served, ['a', 'b', 'c'])).rejects.toMatchObject(
      refusal(Code.ABORTED, /nothing of it is left: node n1 says: it went on too early/),
    );
    expect(snapshots(served)).toEqual([]);
    served.volumes.agent = (volume) => served.volumes.obey(volume);
    expect(await take(served, ['a', 'b', 'c'])).toMatchObject({ readyToUse: true });
  });

  test('where the node has less room than was promised, that is told to the ledger, and all are removed', async () => {
    const served = await withVolumes();
    firstFails(served, 'NoSpace');
    await expect(take(served, ['a', 'b', 'c'])).rejects.toMatchObject(refusal(Code.RESOURCE_EXHAUSTED));
    expect(served.room.refusals).toHaveLength(1);
    expect(snapshots(served)).toEqual([]);
  });

  test.each<[VolumeReason, Code, readonly boolean[]]>([
    ['GroupForeign', Code.RESOURCE_EXHAUSTED, [true]],
    ['LvmFailed', Code.RESOURCE_EXHAUSTED, []],
  ])('the ledger hears of what is in the way of more than this group: %s', async (reason, code, whole) => {
    const served = await withVolumes();
    firstFails(served, reason);
    await expect(take(served, ['a', 'b', 'c'])).rejects.toMatchObject(refusal(code));
    expect(served.room.refusals.map((refused) => refused.whole)).toEqual(whole);
  });

  test('where one is deleted while all are taken, nobody waits for the others', async () => {
    const served = await withVolumes();
    served.volumes.agent = () => {
      const [first, ...more] = snapshots(served);
      if (more.length === 0) return;
      served.volumes.objects.delete(first!.metadata.name!);
      served.volumes.changed();
    };
    await expect(take(served, ['a', 'b'])).rejects.toMatchObject(
      refusal(Code.ABORTED, /^group snapshot group: its snapshot \S+ was deleted while it was being taken$/),
    );
    expect(served.volumes.waiting).toBe(0);
  });

  test('nothing is called left behind before the node has removed it', async () => {
    const served = await withVolumes({ waitForAgentMs: 100 });
    firstFails(served, 'NoSpace');
    const fails = served.volumes.agent;
    served.volumes.agent = (volume) => {
      if (volume.metadata.deletionTimestamp === undefined) fails(volume);
    };
    await expect(take(served, ['a', 'b', 'c'])).rejects.toMatchObject(
      refusal(Code.ABORTED, /node n1 has not removed it yet/),
    );
  });

  test('the same call has the same answer when a volume of it is gone since', async () => {
    const served = await withVolumes();
    const first = await take(served, ['a', 'b']);
    served.volumes.objects.delete('a');
    expect(await take(served, ['a', 'b'])).toEqual(first);
  });

  test('parts that somebody else deletes are waited for, and then all are taken', async () => {
    const served = await withVolumes();
    await take(served, ['a', 'b']);
    const before = snapshots(served);
    for (const one of before) one.metadata.deletionTimestamp = '2026-01-01T00:00:00Z';
    const again = take(served, ['a', 'b']);
    await eventually(() => expect(served.volumes.waiting).toBe(2));
    for (const one of before) served.volumes.obey(one);
    expect(await again).toMatchObject({ readyToUse: true });
  });

  test('one that fails after it was there takes no other along', async () => {
    const served = await withVolumes();
    served.volumes.agent = (volume) => {
      Object.assign(volume, { status: { phase: 'Failed', reason: 'NoSpace', sizeBytes: GIB } });
      served.volumes.changed();
    };
    await expect(take(served, ['a', 'b'])).rejects.toMatchObject(refusal(Code.ABORTED, /says: no reason given$/));
    expect(snapshots(served)).toHaveLength(2);
  });

  test('after a cut in the middle, the next try makes what is missing and answers for all', async () => {
    const served = await withVolumes({ waitForAgentMs: 30 });
    served.volumes.agent = () => {};
    await expect(take(served, ['a', 'b'])).rejects.toMatchObject(refusal(Code.ABORTED));
    const [first] = snapshots(served);
    served.volumes.objects.delete(first!.metadata.name!); // as if the operator was killed before it wrote this one
    served.volumes.agent = () => {
      if (snapshots(served).length === 2) for (const one of snapshots(served)) served.volumes.obey(one);
    };
    expect((await take(served, ['a', 'b'])).snapshots).toHaveLength(2);
    expect(snapshots(served)).toHaveLength(2);
  });

  test.each<[string, (of: LocalVolume) => void, Code]>([
    ['is gone', () => {}, Code.NOT_FOUND],
    ['is not ready', (of) => (of.status = { phase: 'Failed', reason: 'GroupFaulty' }), Code.FAILED_PRECONDITION],
  ])('after a cut in the middle nothing stays when a volume of what is missing %s', async (_, change, code) => {
    const served = await withVolumes({ waitForAgentMs: 30 });
    served.volumes.agent = () => {};
    await expect(take(served, ['a', 'b'])).rejects.toMatchObject(refusal(Code.ABORTED));
    const first = snapshots(served).find(({ spec }) => spec.source?.volume === 'a')!;
    served.volumes.objects.delete(first.metadata.name!); // as if the operator was killed before it wrote this one
    served.volumes.agent = (volume) => served.volumes.obey(volume);
    const source = served.volumes.objects.get('a')!;
    if (code === Code.NOT_FOUND) served.volumes.objects.delete('a');
    change(source);
    await expect(take(served, ['a', 'b'])).rejects.toMatchObject(refusal(code));
    expect(snapshots(served)).toEqual([]); // csi-snapshotter asks for the deletion of none that it never got
  });

  test('of one that was taken no part is taken later', async () => {
    const served = await withVolumes();
    await take(served, ['a', 'b']);
    const [first] = snapshots(served);
    served.volumes.objects.delete(first!.metadata.name!);
    await expect(take(served, ['a', 'b'])).rejects.toMatchObject(refusal(Code.FAILED_PRECONDITION, /of a are gone/));
    expect(await get(served)).toMatchObject({ readyToUse: false });
  });

  test.each([
    ['was not made', { made: false, fault: new Fault('unavailable', 'the API server is away') }, 0, 0],
    ['may have been made', { made: true, fault: new Fault('aborted', 'no answer') }, 2, 2],
  ] as const)('when one %s, room is kept for what may be there alone', async (_, failure, objects, taken) => {
    const served = await withVolumes();
    served.volumes.agent = (volume) => {
      if (volume.metadata.deletionTimestamp !== undefined) served.volumes.obey(volume);
      else
        served.volumes.failCreate =
          volume.spec.role === 'Snapshot' && snapshots(served).length === 1 ? failure : undefined;
    };
    await expect(take(served, ['a', 'b', 'c'])).rejects.toMatchObject({ details: failure.fault.message });
    expect(snapshots(served)).toHaveLength(objects);
    // The room of what was made and removed goes with its object, of which the fake room hears nothing.
    const held = [...served.room.taken.keys()].filter((name) => name.startsWith('local-'));
    expect(held.length - (failure.made ? 0 : 1)).toBe(taken);
  });
});

describe('telling of and deleting a group snapshot', () => {
  test('one that is not known is NOT_FOUND, and deleting it is done', async () => {
    const served = await withVolumes();
    await expect(get(served, [], 'nobody')).rejects.toMatchObject(refusal(Code.NOT_FOUND));
    await expect(get(served, [], '')).rejects.toMatchObject(refusal(Code.INVALID_ARGUMENT));
    await expect(drop(served, [], '')).rejects.toMatchObject(refusal(Code.INVALID_ARGUMENT));
    expect(await drop(served, ['x'], 'nobody')).toEqual({});
  });

  test('all parts are deleted together, also in a second call that names those which are gone', async () => {
    const served = await withVolumes();
    const ids = (await take(served, ['a', 'b'])).snapshots.map(({ snapshotId }) => snapshotId);
    served.volumes.objects.delete(ids[0]!); // as if the first call was cut
    await drop(served, ids);
    expect(snapshots(served)).toEqual([]);
    await drop(served, ids);
    await expect(get(served)).rejects.toMatchObject(refusal(Code.NOT_FOUND));
  });

  test('a list of snapshots that is not the group’s is refused, and nothing is deleted', async () => {
    const served = await withVolumes();
    const [id = ''] = (await take(served, ['a', 'b'])).snapshots.map(({ snapshotId }) => snapshotId);
    const [other = ''] = (await take(served, ['c'], { name: 'other' })).snapshots.map(({ snapshotId }) => snapshotId);
    for (const wrong of [[id], [...(await get(served)).snapshots.map(({ snapshotId }) => snapshotId), other]])
      for (const call of [get, drop])
        await expect(call(served, wrong)).rejects.toMatchObject(refusal(Code.INVALID_ARGUMENT, /missing|none of them/));
    expect(snapshots(served)).toHaveLength(3);
  });

  test('a part alone is not deleted: INVALID_ARGUMENT says with what it goes', async () => {
    const served = await withVolumes();
    const [id = ''] = (await take(served, ['a', 'b'])).snapshots.map(({ snapshotId }) => snapshotId);
    const request = DeleteSnapshotRequest.fromPartial({ snapshotId: id });
    await expect(served.client.controller.deleteSnapshot(request, never)).rejects.toMatchObject(
      refusal(Code.INVALID_ARGUMENT, /part of group snapshot group.*delete the VolumeGroupSnapshot/),
    );
    expect(snapshots(served)).toHaveLength(2);
  });

  test('one whose part another VolumeSnapshotContent was given stays as a whole, and the answer says which', async () => {
    const others = new Map<string, readonly string[]>();
    const snapshotGivenTo = async (id: string): Promise<readonly string[]> => others.get(id) ?? [];
    const served = await withVolumes({ traces: { ...NO_TRACES, snapshotGivenTo } });
    const ids = (await take(served, ['a', 'b'])).snapshots.map(({ snapshotId }) => snapshotId);
    others.set(ids[1]!, ['of-the-other-team']);
    await expect(drop(served, ids)).rejects.toMatchObject(
      refusal(Code.FAILED_PRECONDITION, /VolumeSnapshotContent of-the-other-team would lose its data/),
    );
    expect(snapshots(served).filter(({ metadata }) => metadata.deletionTimestamp === undefined)).toHaveLength(2);
    others.clear();
    await drop(served, ids);
    expect(snapshots(served)).toEqual([]);
  });

  test('data of a part that has no record any more is not called deleted', async () => {
    const traceOf = async () => ({ kind: 'found' as const, node: 'n1', vgName: 'pool-0' });
    const traces = { ...NO_TRACES, traceOf };
    const served = await withVolumes({ traces });
    await expect(drop(served, ['local-lost'])).rejects.toMatchObject(refusal(Code.FAILED_PRECONDITION, /local-lost/));
  });

  test('whoever asks for one of the same name while it is deleted waits for its end', async () => {
    const served = await withVolumes();
    const ids = (await take(served, ['a', 'b'])).snapshots.map(({ snapshotId }) => snapshotId);
    served.volumes.agent = () => {};
    const dropping = drop(served, ids);
    await eventually(() => expect(snapshots(served).every((one) => one.metadata.deletionTimestamp)).toBe(true));
    const again = take(served, ['a', 'b']);
    served.volumes.agent = (volume) => served.volumes.obey(volume);
    for (const one of snapshots(served)) served.volumes.obey(one);
    await dropping;
    expect(await again).toMatchObject({ readyToUse: true });
  });
});
