import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../../../test/rig/eventually.ts';
import { startOurApi, type OurApi } from '../../../test/rig/our-api.ts';
import { startFollowing } from '../../../test/rig/start-following.ts';
import { silentLog } from '../../model/log.ts';
import type { Occurrence } from '../../kube/events/event-object.ts';
import { LOCAL_VOLUMES, VOLUMES } from '../../kube/resource.ts';
import { GIB } from '../../model/bytes.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { DEFAULT_DRIVER, KEEP, VOLUME_FINALIZER } from '../../model/well-known.ts';
import { createInformers } from '../follow/informers.ts';
import { createNeededData } from './needed-data.ts';
import { keepDeletedData } from './keep-data.ts';

const never = new AbortController().signal;
let ours: OurApi;
let events: Occurrence[];
let stop: () => Promise<void>;

beforeEach(async () => {
  ours = await startOurApi();
  events = [];
  const { client } = ours;
  const informers = createInformers({ client, drivers: [DEFAULT_DRIVER], log: silentLog });
  const deps = {
    client,
    informers,
    needed: createNeededData(informers.volumes),
    events: { record: (event: Occurrence) => void events.push(event) },
    log: silentLog,
  };
  stop = startFollowing(informers, (signal) => keepDeletedData(deps, signal));
});
afterEach(async () => {
  await stop();
  await ours.close();
});

async function addDeleted(
  name: string,
  why = 'until DeleteVolume',
  own: Partial<LocalVolume['spec']> = {},
): Promise<void> {
  const volume: LocalVolume = {
    metadata: { name, annotations: { [KEEP]: why }, finalizers: [VOLUME_FINALIZER] },
    spec: {
      nodeName: 'n1',
      kind: 'LVM',
      vgName: 'pool-0',
      sizeBytes: GIB,
      role: 'Volume',
      claim: { namespace: 'web', name: 'data' },
      ...own,
    },
  };
  await ours.client.create(LOCAL_VOLUMES, volume, never);
  await ours.client.delete(LOCAL_VOLUMES, { name }, never);
}
const addPv = (name: string, volumeHandle: string) =>
  ours.client.create(
    VOLUMES,
    {
      metadata: { name },
      spec: {
        capacity: { storage: '1Gi' },
        accessModes: ['ReadWriteOnce'],
        csi: { driver: DEFAULT_DRIVER, volumeHandle },
      },
    },
    never,
  );
const isKept = (name: string): boolean =>
  KEEP in ((ours.api.stored('localvolumes', name) as LocalVolume | undefined)?.metadata.annotations ?? {});

test('a volume that nothing refers to is let go when it is deleted', async () => {
  await addDeleted('v');
  await eventually(() => expect(isKept('v')).toBe(false));
  expect(events).toEqual([]);
});

test('one that a PersistentVolume refers to stays, and says why, until that is gone', async () => {
  await addPv('pv', 'v');
  await addDeleted('v');
  await eventually(() => expect(events).toHaveLength(1));
  expect(events[0]).toMatchObject({
    subject: { kind: 'LocalVolume', name: 'v' },
    reason: 'DataKept',
    message: expect.stringContaining('claim web/data') as string,
  });
  await addDeleted('other');
  await eventually(() => expect(isKept('other')).toBe(false));
  expect(isKept('v')).toBe(true);
  await ours.client.delete(VOLUMES, { name: 'pv' }, never);
  await eventually(() => expect(isKept('v')).toBe(false));
  expect(events).toHaveLength(1);
});

const addNeeding = (name: string, spec: Partial<LocalVolume['spec']>) =>
  ours.client.create(
    LOCAL_VOLUMES,
    {
      metadata: { name },
      spec: { nodeName: 'n1', kind: 'LVM', vgName: 'pool-0', sizeBytes: GIB, role: 'Volume', ...spec },
    },
    never,
  );
const markOf = (name: string): string | undefined =>
  (ours.api.stored('localvolumes', name) as LocalVolume | undefined)?.metadata.annotations?.[KEEP];

test('what CSI let go stays for those that need it, says which, and goes with the last', async () => {
  await addNeeding('s1', { role: 'Snapshot', source: { volume: 'v' } });
  await addNeeding('s2', { role: 'Snapshot', source: { volume: 'v' } });
  await addDeleted('v', 'kept by snapshot s1 and 1 more');
  await eventually(() => expect(events).toHaveLength(1));
  expect(events[0]).toMatchObject({
    type: 'Normal',
    reason: 'DataKept',
    message: expect.stringContaining('kept by snapshot s1 and 1 more: it is removed') as string,
  });
  await ours.client.delete(LOCAL_VOLUMES, { name: 's1' }, never);
  await eventually(() => expect(markOf('v')).toBe('kept by snapshot s2'));
  await ours.client.delete(LOCAL_VOLUMES, { name: 's2' }, never);
  await eventually(() => expect(isKept('v')).toBe(false));
});

test('a copy needs its source until it is whole, and a volume that mounts a snapshot until it is gone', async () => {
  await addNeeding('copy', { source: { snapshot: 's' } });
  await addNeeding('mount', { source: { snapshot: 's' }, readOnly: true });
  const ready = { type: 'merge', body: { status: { phase: 'Ready' } } } as const;
  await addDeleted('s', 'kept by the copy copy', { role: 'Snapshot' });
  for (const name of ['mount', 'copy']) await ours.client.patch(LOCAL_VOLUMES, { name }, ready, never, 'status');
  await eventually(() => expect(markOf('s')).toBe('kept by the mounted volume mount'));
  await ours.client.delete(LOCAL_VOLUMES, { name: 'mount' }, never);
  await eventually(() => expect(isKept('s')).toBe(false));
});

test('a snapshot that a person deleted stays until DeleteSnapshot', async () => {
  await addDeleted('s', 'until DeleteSnapshot', { role: 'Snapshot' });
  await eventually(() => expect(events).toHaveLength(1));
  expect(events[0]).toMatchObject({ type: 'Warning', message: expect.stringContaining('VolumeSnapshot') as string });
  await addDeleted('other');
  await eventually(() => expect(isKept('other')).toBe(false));
  expect(isKept('s')).toBe(true);
});
