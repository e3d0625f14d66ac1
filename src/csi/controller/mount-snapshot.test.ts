import { expect, test } from 'vitest';
import { serveController, type FakeController } from '../../../test/rig/csi-controller.ts';
import { GIB } from '../../model/bytes.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { READ_ONLY_SNAPSHOT, SNAPSHOT_INITIAL_SIZE, SNAPSHOT_RESTORE } from '../../model/well-known.ts';
import {
  ControllerExpandVolumeRequest,
  CreateSnapshotRequest,
  CreateVolumeRequest,
  DeleteSnapshotRequest,
} from '../gen/csi.ts';
import { Code } from '../status.ts';

const never = new AbortController().signal;

/** A controller with one volume `v` of 3 GiB on node n1, and a snapshot of it, `snap-a`, whose store has 1 GiB. */
async function withSnapshot(parameters: Record<string, string> = { [READ_ONLY_SNAPSHOT]: 'true' }) {
  const served = await serveController();
  await served.create('v', { capacityRange: { requiredBytes: BigInt(3 * GIB) } });
  const request = {
    name: 'snap-a',
    sourceVolumeId: 'v',
    parameters: { ...parameters, [SNAPSHOT_INITIAL_SIZE]: '1Gi' },
  };
  await served.client.controller.createSnapshot(CreateSnapshotRequest.fromPartial(request), never);
  return served;
}

type Own = Parameters<typeof CreateVolumeRequest.fromPartial>[0];
const contentSource = (snapshotId: string) => ({ type: { $case: 'snapshot' as const, value: { snapshotId } } });
const restore = (served: FakeController, name: string, own: Own = {}) =>
  served.create(name, {
    capacityRange: { requiredBytes: BigInt(GIB) },
    volumeContentSource: contentSource('snap-a'),
    ...own,
  });
const snapshotOf = ({ volumes }: FakeController): LocalVolume => volumes.objects.get('snap-a')!;

test('claims mount the snapshot itself: smaller than the source, without room, several at once', async () => {
  const served = await withSnapshot();
  const taken = new Map(served.room.taken);
  const volume = await restore(served, 'r1');
  await restore(served, 'r2');
  expect(served.room.taken).toEqual(taken);
  expect(served.volumes.objects.get('r1')?.spec).toEqual({
    nodeName: 'n1',
    kind: 'LVM',
    vgName: 'pool-0',
    sizeBytes: 3 * GIB,
    role: 'Volume',
    readOnly: true,
    source: { snapshot: 'snap-a' },
    request: { name: 'r1', requiredBytes: GIB, parameters: expect.any(String) },
  });
  expect(volume).toMatchObject({
    capacityBytes: BigInt(3 * GIB),
    contentSource: contentSource('snap-a'),
    volumeContext: {
      'csi.aliyun.com/readonly': 'true',
      'csi.aliyun.com/snapshot-id': 'snap-a',
      vgName: 'pool-0',
      volumeType: 'LVM',
    },
    accessibleTopology: [{ segments: { 'kubernetes.io/hostname': 'host-n1' } }],
  });
});

test('the same call has the same answer, whatever group its class names; another source is ALREADY_EXISTS', async () => {
  const served = await withSnapshot();
  const parameters = { volumeType: 'LVM', vgName: 'pool-9', lvmType: 'striping' };
  const first = await restore(served, 'r1', { parameters });
  expect(await restore(served, 'r1', { parameters })).toEqual(first);
  const other = restore(served, 'r1', { parameters, volumeContentSource: contentSource('snap-b') });
  await expect(other).rejects.toMatchObject({ code: Code.ALREADY_EXISTS });
  await expect(served.create('r1')).rejects.toMatchObject({ code: Code.ALREADY_EXISTS });
});

test('what a claim gets is what the class said when the snapshot was taken (D11), and never an empty volume (D10)', async () => {
  const served = await withSnapshot({ [SNAPSHOT_RESTORE]: 'copy' });
  await restore(served, 'r1', { capacityRange: { requiredBytes: BigInt(3 * GIB) } }).catch(() => undefined);
  expect([...served.volumes.objects.values()].filter(({ spec }) => spec.readOnly)).toEqual([]);
  await expect(
    restore(served, 'r2', { volumeContentSource: contentSource('of-another-driver') }),
  ).rejects.toMatchObject({
    code: Code.NOT_FOUND,
    details: expect.stringContaining('no snapshot of-another-driver') as string,
  });
  await expect(restore(served, 'r3', { volumeContentSource: contentSource('v') })).rejects.toMatchObject({
    code: Code.NOT_FOUND,
  });
  await expect(restore(served, 'r4', { volumeContentSource: contentSource('') })).rejects.toMatchObject({
    code: Code.INVALID_ARGUMENT,
  });
});

test.each<[string, (snapshot: LocalVolume) => void, Own, Code, string]>([
  [
    'one that overflowed',
    ({ status }) => Object.assign(status!.snapshot!, { overflowed: true }),
    {},
    Code.FAILED_PRECONDITION,
    'overflowed: its store was full',
  ],
  [
    'one that is not ready',
    ({ status }) => Object.assign(status!, { phase: 'Failed', message: 'its group is gone' }),
    {},
    Code.FAILED_PRECONDITION,
    'its group is gone',
  ],
  [
    'more than it has',
    () => {},
    { capacityRange: { requiredBytes: BigInt(4 * GIB) } },
    Code.OUT_OF_RANGE,
    'ask for no more than that',
  ],
  [
    'less than it has at the most',
    () => {},
    { capacityRange: { requiredBytes: BigInt(GIB), limitBytes: BigInt(2 * GIB) } },
    Code.OUT_OF_RANGE,
    'limit_bytes',
  ],
  ['a whole disk', () => {}, { parameters: { volumeType: 'Device' } }, Code.INVALID_ARGUMENT, 'use volumeType LVM'],
  [
    'another filesystem',
    ({ spec }) => (spec.fsType = 'xfs'),
    {},
    Code.INVALID_ARGUMENT,
    'has the filesystem xfs and is mounted as it is',
  ],
  [
    'another node',
    () => {},
    { accessibilityRequirements: { requisite: [{ segments: { 'kubernetes.io/hostname': 'host-n2' } }] } },
    Code.RESOURCE_EXHAUSTED,
    'is on node n1',
  ],
])('a claim that asks for %s is refused with the reason, and nothing is made', async (_, change, own, code, what) => {
  const served = await withSnapshot();
  change(snapshotOf(served));
  await expect(restore(served, 'r1', own)).rejects.toMatchObject({
    code,
    details: expect.stringContaining(what) as string,
  });
  expect([...served.volumes.objects.keys()]).toEqual(['v', 'snap-a']);
});

test('one of a snapshot that was deleted is refused, though its data is there for others', async () => {
  const served = await withSnapshot();
  await restore(served, 'r1');
  const request = DeleteSnapshotRequest.fromPartial({ snapshotId: 'snap-a' });
  await served.client.controller.deleteSnapshot(request, never);
  await expect(restore(served, 'r2')).rejects.toMatchObject({ code: Code.FAILED_PRECONDITION });
  expect((await restore(served, 'r1'))?.volumeId).toBe('r1');
});

test('a node that cannot mount it now is asked again, and no other is tried', async () => {
  const served = await withSnapshot();
  served.volumes.agent = (volume) => served.volumes.fail(volume, 'GroupMissing', 'bring its disks back');
  await expect(restore(served, 'r1')).rejects.toMatchObject({
    code: Code.ABORTED,
    details: expect.stringContaining('bring its disks back') as string,
  });
  expect(served.room.refusals).toEqual([]);
});

test('it cannot grow', async () => {
  const served = await withSnapshot();
  await restore(served, 'r1');
  const request = { volumeId: 'r1', capacityRange: { requiredBytes: BigInt(4 * GIB) } };
  const grown = served.client.controller.controllerExpandVolume(
    ControllerExpandVolumeRequest.fromPartial(request),
    never,
  );
  await expect(grown).rejects.toMatchObject({ code: Code.FAILED_PRECONDITION });
});
