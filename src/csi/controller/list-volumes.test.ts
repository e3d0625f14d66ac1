import { expect, test } from 'vitest';
import { GIB } from '../../model/bytes.ts';
import {
  ControllerGetVolumeRequest,
  DeleteVolumeRequest,
  GetCapacityRequest,
  ListVolumesRequest,
  VolumeCapability_AccessMode_Mode as Mode,
} from '../gen/csi.ts';
import { Code } from '../status.ts';
import { MOUNT, serveController, type FakeController } from '../../../test/rig/csi-controller.ts';

const never = new AbortController().signal;

const list = ({ client }: FakeController, maxEntries = 0, startingToken = '') =>
  client.controller.listVolumes(ListVolumesRequest.fromPartial({ maxEntries, startingToken }), never);
const get = ({ client }: FakeController, volumeId: string) =>
  client.controller.controllerGetVolume(ControllerGetVolumeRequest.fromPartial({ volumeId }), never);
const remove = ({ client }: FakeController, volumeId: string) =>
  client.controller.deleteVolume(DeleteVolumeRequest.fromPartial({ volumeId }), never);
const idsOf = async (it: FakeController) => (await list(it)).entries.map(({ volume }) => volume?.volumeId);

test('a volume is listed with its size, its place and its node, from the answer that made it to the one that removed it', async () => {
  const it = await serveController();
  await it.create('b', {
    accessibilityRequirements: { requisite: [{ segments: { 'kubernetes.io/hostname': 'host-n2' } }] },
  });
  await it.create('a');
  const entry = {
    volume: {
      volumeId: 'b',
      capacityBytes: BigInt(GIB),
      volumeContext: { volumeType: 'LVM', vgName: 'pool-0' },
      accessibleTopology: [{ segments: { 'kubernetes.io/hostname': 'host-n2' } }],
    },
    status: { publishedNodeIds: ['n2'] },
  };
  expect(await list(it)).toMatchObject({ entries: [{ volume: { volumeId: 'a' } }, entry], nextToken: '' });
  expect(await get(it, 'b')).toMatchObject(entry);
  await remove(it, 'b');
  expect(await idsOf(it)).toEqual(['a']);
  await expect(get(it, 'b')).rejects.toMatchObject({ code: Code.NOT_FOUND, details: 'there is no volume b' });
});

test('a volume that is asked for and not made yet, a snapshot and an inline volume are not listed', async () => {
  const it = await serveController();
  for (const id of ['v', 'snap-1', 'inline', 'pending']) await it.create(id);
  for (const [id, volume] of it.volumes.objects) {
    if (id === 'snap-1') volume.spec.role = 'Snapshot';
    if (id === 'inline') volume.spec.role = 'Ephemeral';
    if (id === 'pending') delete volume.status;
  }
  expect(await idsOf(it)).toEqual(['v']);
  await expect(get(it, 'snap-1')).rejects.toMatchObject({ code: Code.NOT_FOUND });
});

test('a volume that a person deleted is listed while its data is kept, and one that DeleteVolume was called for is not', async () => {
  const it = await serveController();
  await it.create('kept');
  await it.create('going');
  for (const [id, { metadata }] of it.volumes.objects) {
    metadata.deletionTimestamp = '2026-01-01T00:00:00Z';
    if (id === 'going') metadata.annotations = {};
  }
  expect(await idsOf(it)).toEqual(['kept']);
  await expect(get(it, 'going')).rejects.toMatchObject({ code: Code.NOT_FOUND });
});

test('pages hold what they promise while volumes come and go, also when the last of a page goes', async () => {
  const it = await serveController();
  for (const id of ['v1', 'v2', 'v3', 'v5']) await it.create(id);
  const first = await list(it, 2);
  expect(first.entries.map(({ volume }) => volume?.volumeId)).toEqual(['v1', 'v2']);
  await remove(it, 'v2');
  await it.create('v4');
  const rest = await list(it, 0, first.nextToken);
  expect(rest.entries.map(({ volume }) => volume?.volumeId)).toEqual(['v3', 'v4', 'v5']);
  expect(rest.nextToken).toBe('');
  for (const id of ['v1', 'v3', 'v4', 'v5']) await remove(it, id);
  expect(await list(it, 1, first.nextToken)).toEqual({ entries: [], nextToken: '' });
});

test('a made-up token is ABORTED, a negative number of entries and a missing id INVALID_ARGUMENT', async () => {
  const it = await serveController();
  await it.create('v');
  await expect(list(it, 0, 'invalid-token')).rejects.toMatchObject({ code: Code.ABORTED });
  await expect(list(it, -1)).rejects.toMatchObject({ code: Code.INVALID_ARGUMENT });
  await expect(get(it, '')).rejects.toMatchObject({ code: Code.INVALID_ARGUMENT });
});

const capacity = ({ client }: FakeController, fsType: string, block = false) => {
  const mount = { accessType: { $case: 'mount' as const, value: { fsType } } };
  const type = block ? { accessType: { $case: 'block' as const, value: {} } } : mount;
  const volumeCapabilities = [{ ...type, accessMode: { mode: Mode.SINGLE_NODE_WRITER } }];
  return client.controller.getCapacity(GetCapacityRequest.fromPartial({ volumeCapabilities }), never);
};

test('where the largest volume is too small for its filesystem, there is no capacity', async () => {
  const it = await serveController();
  const most = 10 * GIB - 200 * 2 ** 20;
  await it.create('big', { capacityRange: { requiredBytes: BigInt(most) }, volumeCapabilities: [MOUNT] });
  await it.create('rest', { capacityRange: { requiredBytes: BigInt(4 * GIB) }, volumeCapabilities: [MOUNT] });
  const left = BigInt(200 * 2 ** 20);
  expect(await capacity(it, 'ext4')).toMatchObject({ availableCapacity: left, maximumVolumeSize: left });
  expect(await capacity(it, 'xfs', true)).toMatchObject({ availableCapacity: left, maximumVolumeSize: left });
  expect(await capacity(it, 'xfs')).toMatchObject({ availableCapacity: 0n, maximumVolumeSize: 0n });
});
