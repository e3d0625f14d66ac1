import { expect, test } from 'vitest';
import * as csi from '../../src/csi/gen/csi.ts';
import { Code, codeOf } from '../../src/csi/status.ts';
import { LOCAL_VOLUMES } from '../../src/kube/resource.ts';
import { GIB } from '../../src/model/bytes.ts';
import { KEEP } from '../../src/model/well-known.ts';
import { startWorld, type World } from '../kill-points/world.ts';
import { eventually } from '../rig/eventually.ts';

const never = new AbortController().signal;
const capability = csi.VolumeCapability.fromPartial({
  accessType: { $case: 'mount', value: {} },
  accessMode: { mode: csi.VolumeCapability_AccessMode_Mode.SINGLE_NODE_WRITER },
});

type Own = Parameters<typeof csi.CreateVolumeRequest.fromPartial>[0];
const create = ({ csi: { controller } }: World, name: string, own: Own = {}) =>
  controller.createVolume(
    csi.CreateVolumeRequest.fromPartial({
      name,
      capacityRange: { requiredBytes: BigInt(2 * GIB) },
      volumeCapabilities: [capability],
      parameters: { volumeType: 'LVM' },
      ...own,
    }),
    never,
  );
const take = ({ csi: { controller } }: World, name: string, sourceVolumeId: string) =>
  controller.createSnapshot(
    csi.CreateSnapshotRequest.fromPartial({
      name,
      sourceVolumeId,
      parameters: { 'csi.aliyun.com/readonly': 'true', 'csi.aliyun.com/snapshot-initial-size': '1Gi' },
    }),
    never,
  );
const mount = (world: World, name: string, snapshotId: string) =>
  create(world, name, {
    capacityRange: { requiredBytes: BigInt(GIB) },
    volumeContentSource: { type: { $case: 'snapshot', value: { snapshotId } } },
  });

type Part = 'source' | 'snapshot' | 'mounted';
const remove = ({ csi: { controller } }: World, part: Part): Promise<unknown> =>
  part === 'snapshot'
    ? controller.deleteSnapshot(csi.DeleteSnapshotRequest.fromPartial({ snapshotId: 'snap-a' }), never)
    : controller.deleteVolume(csi.DeleteVolumeRequest.fromPartial({ volumeId: part === 'source' ? 'v' : 'r' }), never);

const ORDERS: readonly (readonly Part[])[] = [
  ['source', 'snapshot', 'mounted'],
  ['source', 'mounted', 'snapshot'],
  ['snapshot', 'source', 'mounted'],
  ['snapshot', 'mounted', 'source'],
  ['mounted', 'snapshot', 'source'],
  ['mounted', 'source', 'snapshot'],
];

test('a volume, its snapshot and a volume that mounts it go in any order, asked once or twice', async () => {
  await using world = await startWorld({ onEffect: () => undefined });
  for (const order of ORDERS) {
    await create(world, 'v');
    const { snapshot } = await take(world, 'snap-a', 'v');
    expect(snapshot).toMatchObject({ snapshotId: 'snap-a', sizeBytes: BigInt(GIB), readyToUse: true });
    const { volume } = await mount(world, 'r', 'snap-a');
    expect(volume).toMatchObject({
      capacityBytes: BigInt(2 * GIB),
      volumeContext: { 'csi.aliyun.com/readonly': 'true' },
    });
    for (const part of order) for (let call = 0; call < 2; call += 1) await remove(world, part);
    await eventually(async () => expect(await world.inventory()).toMatchObject({ objects: [], volumes: [] }));
  }
});

test('the data of a deleted source is there for its snapshot, and for nobody else', async () => {
  await using world = await startWorld({ onEffect: () => undefined });
  await create(world, 'v');
  await take(world, 'snap-a', 'v');
  await remove(world, 'source');
  expect((await world.inventory()).volumes).toEqual(['snap-a', 'v']);
  expect((await world.client.get(LOCAL_VOLUMES, { name: 'v' }, never)).metadata.annotations?.[KEEP]).toBe(
    'kept by snapshot snap-a',
  );
  const again = await create(world, 'v').catch((error: unknown) => codeOf(error));
  expect(again).toBe(Code.ABORTED);
  await mount(world, 'r', 'snap-a');
  for (const part of ['snapshot', 'mounted'] as const) await remove(world, part);
  await eventually(async () => expect(await world.inventory()).toMatchObject({ objects: [], volumes: [] }));
});
