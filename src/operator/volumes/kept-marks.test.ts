import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../../../test/rig/eventually.ts';
import { startOurApi, type OurApi } from '../../../test/rig/our-api.ts';
import { startFollowing } from '../../../test/rig/start-following.ts';
import type { Occurrence } from '../../kube/events/event-object.ts';
import { LOCAL_VOLUMES, VOLUMES } from '../../kube/resource.ts';
import { GIB } from '../../model/bytes.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { silentLog } from '../../model/log.ts';
import { volumeLabels } from '../../model/node-label.ts';
import { DEFAULT_DRIVER, KEEP, VOLUME_FINALIZER } from '../../model/well-known.ts';
import { createFakeClock, type FakeClock } from '../../wait/fake-clock.ts';
import { createInformers, type Informers } from '../follow/informers.ts';
import { putKeepBack } from './kept-marks.ts';

const never = new AbortController().signal;
let ours: OurApi;
let clock: FakeClock;
let informers: Informers;
let events: Occurrence[];
let stop: () => Promise<void>;

beforeEach(async () => {
  ours = await startOurApi();
  clock = createFakeClock();
  events = [];
  const { client } = ours;
  informers = createInformers({ client, drivers: [DEFAULT_DRIVER], log: silentLog });
  const record = (event: Occurrence): void => void events.push(event);
  const deps = { client, informers, drivers: [DEFAULT_DRIVER], events: { record }, log: silentLog, clock };
  stop = startFollowing(informers, (signal) => putKeepBack(deps, signal));
});
afterEach(async () => {
  await stop();
  await ours.close();
});

const spec = { nodeName: 'n1', kind: 'LVM', vgName: 'pool-0', sizeBytes: GIB, role: 'Volume' } as const;

/** A volume without the mark, and its PersistentVolume, which need not have its name. */
async function add(name: string, phase: string, { pv = name, retain = false } = {}): Promise<void> {
  const csi = { driver: DEFAULT_DRIVER, volumeHandle: name };
  const persistentVolumeReclaimPolicy = retain ? 'Retain' : 'Delete';
  const common = { accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' }, persistentVolumeReclaimPolicy };
  await ours.client.create(VOLUMES, { metadata: { name: pv }, spec: { ...common, csi } }, never);
  await ours.client.patch(VOLUMES, { name: pv }, { type: 'merge', body: { status: { phase } } }, never, 'status');
  await eventually(() => expect(informers.pvs.get(pv)?.phase).toBe(phase));
  const metadata = { name, labels: volumeLabels('n1'), finalizers: [VOLUME_FINALIZER] };
  await ours.client.create(LOCAL_VOLUMES, { metadata, spec }, never);
  await eventually(() => expect(informers.volumes.get(name)).toBeDefined());
}
const keepOf = (name: string) => (ours.api.stored('localvolumes', name) as LocalVolume).metadata.annotations?.[KEEP];

test('the mark is put back on a volume that a claim has, after a minute, and on one that is to be retained', async () => {
  await add('used', 'Bound');
  await add('other', 'Bound', { pv: 'by-hand' });
  await add('retained', 'Released', { retain: true });
  expect(await clock.untilAsleep()).toBe(60_000);
  await clock.advance(59_999);
  expect(keepOf('used')).toBeUndefined();
  await clock.advance(1);
  for (const name of ['used', 'other', 'retained'])
    await eventually(() => expect(keepOf(name)).toBe('until DeleteVolume'));
  await eventually(() => expect(events).toHaveLength(3));
  expect(events[0]).toMatchObject({
    subject: { kind: 'LocalVolume' },
    reason: 'MarksPutBack',
    message: expect.stringContaining('its annotation csi.aliyun.com/keep, without which its data would go'),
  });
});

test('one that DeleteVolume is asked to remove, or is deleted meanwhile, gets it no more', async () => {
  await add('released', 'Released');
  await add('deleted', 'Bound');
  await add('used', 'Bound');
  await ours.client.delete(LOCAL_VOLUMES, { name: 'deleted' }, never);
  await clock.untilAsleep();
  await clock.advance(60_000);
  await eventually(() => expect(keepOf('used')).toBe('until DeleteVolume'));
  await eventually(() => expect(events).toHaveLength(1));
  expect([keepOf('released'), keepOf('deleted')]).toEqual([undefined, undefined]);
});
