import { expect, test } from 'vitest';
import {
  ControllerGetVolumeHealthRequest,
  ControllerGetVolumeRequest,
  ControllerListVolumeHealthRequest,
  ListVolumesRequest,
} from '../gen/csi.ts';
import { Code } from '../status.ts';
import { NO_TROUBLES } from '../../model/storage-troubles.ts';
import { serveController, type FakeController } from '../../../test/rig/csi-controller.ts';

const never = new AbortController().signal;
const lost = { ...NO_TROUBLES, lost: 'it burned' };

const healthOf = ({ client }: FakeController, volumeId: string) =>
  client.controller.controllerGetVolumeHealth(ControllerGetVolumeHealthRequest.fromPartial({ volumeId }), never);
const list = ({ client }: FakeController, maxEntries = 0, startingToken = '') =>
  client.controller.controllerListVolumeHealth(
    ControllerListVolumeHealthRequest.fromPartial({ maxEntries, startingToken }),
    never,
  );
const on = (name: string) => ({
  accessibilityRequirements: { requisite: [{ segments: { 'kubernetes.io/hostname': `host-${name}` } }] },
});

test('the health of a volume is told by each call in its own words', async () => {
  const it = await serveController({
    storage: { troublesOf: (node) => (node === 'n2' ? lost : NO_TROUBLES), isSilent: () => false },
  });
  await it.create('well');
  await it.create('sick', on('n2'));
  const message = 'volume sick on node n2: an administrator wrote that the node is lost: it burned';
  const health = { volumeId: 'sick', healthStatuses: [{ status: 2, reason: 'NodeLost', message }] };
  expect(await healthOf(it, 'sick')).toEqual({ volumeHealth: health });
  expect(await healthOf(it, 'well')).toEqual({ volumeHealth: { volumeId: 'well', healthStatuses: [] } });
  expect(await list(it)).toEqual({ entries: [health], nextToken: '' });

  const one = await it.client.controller.controllerGetVolume(
    ControllerGetVolumeRequest.fromPartial({ volumeId: 'sick' }),
    never,
  );
  expect(one.status?.volumeCondition).toEqual({ abnormal: true, message });
  const { entries } = await it.client.controller.listVolumes(ListVolumesRequest.fromPartial({}), never);
  expect(entries.map(({ status }) => status?.volumeCondition?.abnormal)).toEqual([true, false]);
});

test('a snapshot that a volume shows is looked at for it', async () => {
  const it = await serveController();
  for (const id of ['shows', 'snap-1']) await it.create(id);
  for (const [id, { spec, status }] of it.volumes.objects) {
    if (id === 'shows') Object.assign(spec, { readOnly: true, source: { snapshot: 'snap-1' } });
    else Object.assign(status ?? {}, { snapshot: { overflowed: true } });
  }
  const { volumeHealth } = await healthOf(it, 'shows');
  expect(volumeHealth?.healthStatuses).toMatchObject([{ status: 3, reason: 'SnapshotOverflowed' }]);
});

test('the list is cut into pages, whose tokens are none of the list of volumes', async () => {
  const it = await serveController({ storage: { troublesOf: () => undefined, isSilent: () => false } });
  for (const id of ['a', 'b', 'c']) await it.create(id);
  const first = await list(it, 2);
  expect(first.entries.map(({ volumeId }) => volumeId)).toEqual(['a', 'b']);
  const rest = await list(it, 0, first.nextToken);
  expect(rest.entries.map(({ volumeId }) => volumeId)).toEqual(['c']);
  const wrong = ListVolumesRequest.fromPartial({ startingToken: first.nextToken });
  await expect(it.client.controller.listVolumes(wrong, never)).rejects.toMatchObject({ code: Code.ABORTED });
  await expect(list(it, 0, 'made-up')).rejects.toMatchObject({ code: Code.ABORTED });
});

test('a missing id is INVALID_ARGUMENT, an unknown volume NOT_FOUND', async () => {
  const it = await serveController();
  await expect(healthOf(it, '')).rejects.toMatchObject({ code: Code.INVALID_ARGUMENT });
  await expect(healthOf(it, 'v')).rejects.toMatchObject({ code: Code.NOT_FOUND });
});
