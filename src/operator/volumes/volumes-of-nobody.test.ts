import { expect, test } from 'vitest';
import type { Occurrence } from '../../kube/events/event-object.ts';
import { claimFacts } from '../../model/decode-claim.ts';
import { pvFacts } from '../../model/decode.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { silentLog } from '../../model/log.ts';
import { createLookForVolumesOfNobody } from './volumes-of-nobody.ts';

const DRIVER = 'local.csi.aliyun.com';
const UID = '7b1c7e0e-3f0a-4a51-9d1c-0a52e6a6f001';
const OTHER = '7b1c7e0e-3f0a-4a51-9d1c-0a52e6a6f002';
const MINUTE = 60_000;

const volume = (changes: Partial<LocalVolume['spec']> = {}, metadata: LocalVolume['metadata'] = {}): LocalVolume => ({
  metadata: { name: 'v', uid: 'u', ...metadata },
  spec: {
    ...{ nodeName: 'n1', kind: 'LVM', vgName: 'pool-0', sizeBytes: 1, role: 'Volume' },
    ...{ claim: { namespace: 'a', name: 'b' }, request: { name: `pvc-${UID}` } },
    ...changes,
  },
});
const claim = (uid: string, volumeName?: string) =>
  claimFacts({
    metadata: { namespace: 'a', name: 'b', uid },
    spec: volumeName === undefined ? {} : { volumeName },
  });
const pv = (driver: string, volumeHandle: string) => ({
  ...{ phase: 'Bound', keepsData: true, claim: { namespace: '', name: '' } },
  facts: pvFacts({ metadata: { name: 'pv' }, spec: { csi: { driver, volumeHandle } } }),
});

interface World {
  readonly volume?: LocalVolume;
  readonly claim?: ReturnType<typeof claim>;
  readonly pv?: ReturnType<typeof pv>;
}

/** Looks every five minutes, at another world each time. */
function told(...worlds: readonly World[]): Occurrence[] {
  const events: Occurrence[] = [];
  let at = 0;
  const mapOf = <T>(one: T | undefined, key: string) => new Map(one === undefined ? [] : [[key, one]]);
  const [volumes, pvs, claims] = [{ values: new Map() }, { values: new Map() }, { values: new Map() }];
  const look = createLookForVolumesOfNobody({
    informers: { volumes, pvs, claims },
    events: { record: (event) => void events.push(event) },
    log: silentLog,
    now: () => at,
  });
  for (const world of worlds) {
    volumes.values = mapOf(world.volume, 'v');
    pvs.values = mapOf(world.pv, 'pv');
    claims.values = mapOf(world.claim, 'a/b');
    look();
    at += 5 * MINUTE;
  }
  return events;
}

const thrice = (world: World): Occurrence[] => told(world, world, world);

test('a volume whose claim went while its provisioner started anew is told after ten minutes, once', () => {
  const alone = { volume: volume() };
  expect(told(alone, alone)).toEqual([]);
  const events = told(alone, alone, alone, alone);
  expect(events).toEqual([expect.objectContaining({ reason: 'VolumeOfNobody', type: 'Warning' })]);
  expect(events[0]?.message).toMatch(/made for claim a\/b\..*volumeHandle v; if nobody needs its data: kubectl delete/);
});

test('a claim that was made anew under the name does not wait for the volume of the one before', () => {
  expect(thrice({ volume: volume(), claim: claim(OTHER) })).toHaveLength(1);
});

test('a claim whose PersistentVolume was deleted by hand still has the volume, which is not to be deleted', () => {
  const [event] = thrice({ volume: volume(), claim: claim(UID, 'pv-1') });
  expect(event?.message).toMatch(/Claim a\/b has the volume by PersistentVolume pv-1, which is gone/);
  expect(event?.message).not.toMatch(/kubectl delete/);
});

test('a claim that has another volume does not need this one', () => {
  const [event] = thrice({ volume: volume(), claim: claim(UID, 'pv'), pv: pv(DRIVER, 'other') });
  expect(event?.message).toMatch(/made for claim a\/b\..*kubectl delete lvol v/);
});

test('ten minutes begin anew when it was somebody’s meanwhile', () => {
  const alone = { volume: volume() };
  const owned = { volume: volume(), pv: pv(DRIVER, 'v') };
  expect(told(alone, alone, owned, alone, alone)).toEqual([]);
  expect(told(alone, alone, alone, owned, alone, alone, alone)).toHaveLength(2);
});

test.each<[string, World]>([
  ['a PersistentVolume refers to it', { volume: volume(), pv: pv(DRIVER, 'v') }],
  ['one of an earlier name of the driver does', { volume: volume(), pv: pv('before.example.com', 'v') }],
  ['its claim waits', { volume: volume(), claim: claim(UID) }],
  [
    'its claim waits, which the request names by no uid',
    { volume: volume({ request: { name: 'v' } }), claim: claim(UID) },
  ],
  ['it is being removed', { volume: volume({}, { deletionTimestamp: '2026-11-30T10:00:00Z' }) }],
  ['it is a snapshot', { volume: volume({ role: 'Snapshot' }) }],
  ['it is inline', { volume: volume({ role: 'Ephemeral' }) }],
])('nothing is told of a volume when %s', (_, world) => {
  expect(thrice(world)).toEqual([]);
});

test('a PersistentVolume of another volume is no owner', () => {
  expect(thrice({ volume: volume(), pv: pv(DRIVER, 'other') })).toHaveLength(1);
});
