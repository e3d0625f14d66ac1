import { expect, test } from 'vitest';
import { GIB, MIB } from '../../model/bytes.ts';
import { READ_ONLY_SNAPSHOT, SNAPSHOT_RESTORE } from '../../model/well-known.ts';
import { MOUNT, serveController, type FakeController } from '../../../test/rig/csi-controller.ts';
import { ControllerExpandVolumeRequest, CreateSnapshotRequest } from '../gen/csi.ts';
import { Code } from '../status.ts';

const never = new AbortController().signal;
const parameters = { volumeType: 'LVM', encryption: 'luks2' };
const HEADER = 16 * MIB;

const expand = ({ client }: FakeController, required: number, limit = required) =>
  client.controller.controllerExpandVolume(
    ControllerExpandVolumeRequest.fromPartial({
      volumeId: 'v',
      capacityRange: { requiredBytes: BigInt(required), limitBytes: BigInt(limit) },
    }),
    never,
  );

test('the header is part of the logical volume, and not of what the claim asks for and gets', async () => {
  const it = await serveController();
  const range = { capacityRange: { requiredBytes: BigInt(GIB), limitBytes: BigInt(GIB) } };
  const made = await it.create('v', { parameters, ...range });
  expect(made).toMatchObject({ capacityBytes: BigInt(GIB), volumeContext: parameters });
  expect(it.volumes.objects.get('v')?.spec).toMatchObject({ sizeBytes: GIB + HEADER, encryption: 'luks2' });
  expect((await expand(it, 2 * GIB)).capacityBytes).toBe(BigInt(2 * GIB));
  expect(it.volumes.objects.get('v')?.spec.sizeBytes).toBe(2 * GIB + HEADER);
  expect((await expand(it, 2 * GIB)).capacityBytes).toBe(BigInt(2 * GIB));
  await expect(expand(it, 3 * GIB - 1, 3 * GIB - 1)).rejects.toMatchObject({ code: Code.OUT_OF_RANGE });
});

test('one name with and without encryption is ALREADY_EXISTS', async () => {
  const it = await serveController();
  await it.create('v', { parameters });
  expect((await it.create('v', { parameters }))?.volumeId).toBe('v');
  await expect(it.create('v')).rejects.toMatchObject({
    code: Code.ALREADY_EXISTS,
    details: expect.stringContaining('another encryption: luks2, not none'),
  });
});

test('a claim from a snapshot may be as large as the claim that it was taken of; as it is, it cannot be mounted', async () => {
  const it = await serveController();
  await it.create('v', { parameters });
  const take = (name: string, more: Record<string, string> = {}) =>
    it.client.controller.createSnapshot(
      CreateSnapshotRequest.fromPartial({ name, sourceVolumeId: 'v', parameters: more }),
      never,
    );
  expect((await take('snap-a', { [SNAPSHOT_RESTORE]: 'copy' })).snapshot?.sizeBytes).toBe(BigInt(GIB));
  await expect(take('snap-b', { [READ_ONLY_SNAPSHOT]: 'true' })).rejects.toMatchObject({
    code: Code.INVALID_ARGUMENT,
    details: expect.stringContaining('volume v is encrypted: its snapshot cannot be mounted as it is'),
  });
});

test.each(['snapshot', 'volume'] as const)(
  'a copy of an encrypted %s is encrypted, has the header once, and is as large as it is asked for',
  async (kind) => {
    const it = await serveController();
    await it.create('v', { parameters });
    const taken = { name: 'snap-a', sourceVolumeId: 'v', parameters: { [SNAPSHOT_RESTORE]: 'copy' } };
    await it.client.controller.createSnapshot(CreateSnapshotRequest.fromPartial(taken), never);
    const type =
      kind === 'snapshot'
        ? { $case: kind, value: { snapshotId: 'snap-a' } }
        : { $case: kind, value: { volumeId: 'v' } };
    const copy = (name: string, required: number) =>
      it.create(name, {
        parameters,
        volumeContentSource: { type },
        capacityRange: { requiredBytes: BigInt(required), limitBytes: BigInt(required) },
      });
    expect((await copy('same', GIB))?.capacityBytes).toBe(BigInt(GIB));
    expect((await copy('larger', 2 * GIB))?.capacityBytes).toBe(BigInt(2 * GIB));
    const spec = { sizeBytes: 2 * GIB + HEADER, encryption: 'luks2', fsType: 'ext4' };
    expect(it.volumes.objects.get('larger')?.spec).toMatchObject(spec);
    await expect(copy('smaller', GIB / 2)).rejects.toMatchObject({
      code: Code.OUT_OF_RANGE,
      details: expect.stringContaining('has 1 GiB: ask for no less, not 512 MiB'),
    });
    const kinds = [...it.volumes.objects.values()].map(({ spec }) => spec.encryption);
    expect(kinds).toEqual(kinds.map(() => 'luks2')); // a clone's temporary snapshot too
  },
);

test.each([
  [parameters, { volumeType: 'LVM' }, 'made from snap-a: its source is encrypted', 'ext4'],
  [parameters, parameters, 'a btrfs that is encrypted cannot be copied as it is', 'btrfs'],
  [{ volumeType: 'LVM' }, parameters, 'made from snap-a: its source is not encrypted', 'ext4'],
])('a volume is made from a source of %j with %j: refused by name', async (of, into, message, fsType) => {
  const it = await serveController();
  const accessType = { $case: 'mount' as const, value: { fsType } };
  const volumeCapabilities = [{ ...MOUNT, accessType }];
  await it.create('v', { parameters: of, volumeCapabilities });
  const snapshot = { name: 'snap-a', sourceVolumeId: 'v', parameters: { [SNAPSHOT_RESTORE]: 'copy' } };
  await it.client.controller.createSnapshot(CreateSnapshotRequest.fromPartial(snapshot), never);
  const volumeContentSource = { type: { $case: 'snapshot' as const, value: { snapshotId: 'snap-a' } } };
  await expect(it.create('w', { parameters: into, volumeCapabilities, volumeContentSource })).rejects.toMatchObject({
    code: Code.INVALID_ARGUMENT,
    details: expect.stringContaining(message),
  });
  expect([...it.volumes.objects.keys()]).toEqual(['v', 'snap-a']);
});
