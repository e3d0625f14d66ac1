import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../../../test/rig/eventually.ts';
import { startOurApi, type OurApi } from '../../../test/rig/our-api.ts';
import { startFollowing } from '../../../test/rig/start-following.ts';
import { find } from '../../kube/find.ts';
import { LOCAL_VOLUMES } from '../../kube/resource.ts';
import { GIB } from '../../model/bytes.ts';
import { cloneSnapshotId } from '../../model/copies.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { silentLog } from '../../model/log.ts';
import { DEFAULT_DRIVER } from '../../model/well-known.ts';
import { createFakeClock } from '../../wait/fake-clock.ts';
import { createInformers } from '../follow/informers.ts';
import { removeCloneSnapshots } from './clone-snapshots.ts';

const never = new AbortController().signal;
const clock = createFakeClock();
let ours: OurApi;
let stop: () => Promise<void>;

/** The operator's part, begun anew. */
function start(): void {
  const { client } = ours;
  const informers = createInformers({ client, drivers: [DEFAULT_DRIVER], log: silentLog });
  const deps = { client, informers, log: silentLog, clock };
  stop = startFollowing(informers, (signal) => removeCloneSnapshots(deps, signal));
}

beforeEach(async () => {
  ours = await startOurApi();
  start();
});
afterEach(async () => {
  await stop();
  await ours.close();
});

const add = (name: string, spec: Partial<LocalVolume['spec']>): Promise<LocalVolume> => {
  const whole = { nodeName: 'n1', kind: 'LVM', vgName: 'pool-0', sizeBytes: GIB, role: 'Volume', ...spec } as const;
  return ours.client.create<LocalVolume>(LOCAL_VOLUMES, { metadata: { name }, spec: whole }, never);
};
const addPair = async (name: string): Promise<void> => {
  await add(cloneSnapshotId(name), { role: 'Snapshot', source: { volume: 'v' } });
  await add(name, { source: { volume: 'v' } });
};
const setPhase = (name: string, phase: string): Promise<unknown> =>
  ours.client.patch(LOCAL_VOLUMES, { name }, { type: 'merge', body: { status: { phase } } }, never, 'status');
const isThere = async (name: string): Promise<boolean> =>
  (await find(ours.client, LOCAL_VOLUMES, { name }, never)) !== undefined;
const untilGone = (name: string): Promise<void> => eventually(async () => expect(await isThere(name)).toBe(false));

test('the snapshot of a clone goes when the clone is whole, and not before; a person’s never', async () => {
  await add('snap-a', { role: 'Snapshot', source: { volume: 'v' }, restore: 'Copy' });
  await addPair('c1');
  await addPair('c2');
  await setPhase('c2', 'Pending');
  await setPhase('c1', 'Ready');
  await untilGone(cloneSnapshotId('c1'));
  expect(await Promise.all([cloneSnapshotId('c2'), 'c1', 'c2', 'snap-a'].map(isThere))).toEqual(Array(4).fill(true));
});

test('it goes with a clone that is deleted, also while nobody listened', async () => {
  await addPair('c1');
  await addPair('c2');
  await ours.client.delete(LOCAL_VOLUMES, { name: 'c1' }, never);
  await untilGone(cloneSnapshotId('c1'));
  await stop();
  await setPhase('c2', 'Ready');
  start();
  await untilGone(cloneSnapshotId('c2'));
  expect(await isThere('c2')).toBe(true);
});

test('one without a clone has ten minutes, in which CreateVolume is asked again', async () => {
  await add(cloneSnapshotId('c1'), { role: 'Snapshot', source: { volume: 'v' } });
  expect(await clock.untilAsleep()).toBe(600_000);
  expect(await isThere(cloneSnapshotId('c1'))).toBe(true);
  await clock.advance(600_000);
  await untilGone(cloneSnapshotId('c1'));
});

test('that of a clone that was made before under the same name stays until the new clone is there', async () => {
  await addPair('c1');
  await setPhase('c1', 'Ready');
  await untilGone(cloneSnapshotId('c1'));
  await ours.client.delete(LOCAL_VOLUMES, { name: 'c1' }, never);
  await add(cloneSnapshotId('c1'), { role: 'Snapshot', source: { volume: 'v' } });
  await addPair('c2');
  await setPhase('c2', 'Ready');
  await untilGone(cloneSnapshotId('c2')); // so the other was looked at
  expect(await isThere(cloneSnapshotId('c1'))).toBe(true);
});
