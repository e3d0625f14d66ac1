// oxlint-disable vitest/no-standalone-expect -- the rule does not know `testOfWhole`
import { afterAll, afterEach, beforeAll, expect, inject, test } from 'vitest';
import { STATEFUL_SETS } from '../../sandbox/controllers/kinds.ts';
import { CLAIMS, PODS } from '../../src/kube/resource.ts';
import { lost } from './instruments/kept-volumes.ts';
import { broken, promised } from './instruments/promised-bytes.ts';
import { extenderComplaints } from './instruments/scheduler-log.ts';
import { startSystem, type NodeGroup, type System } from './system/system.ts';
import { until } from './cluster/until.ts';
import { createPods, createStatefulSet, untilRunning, type PodWish } from './instruments/workload.ts';
import { ofWhole, WHOLE } from '../whole.ts';
import { tell } from './cluster/tell.ts';

/** Ten nodes with room for exactly 300 volumes of 1 GiB, or 120 of 2.5: LVM keeps 1 MiB of each disk for itself. */
const GROUPS: readonly NodeGroup[] = [
  { prefix: 'big', count: 4, disks: `/dev/sdb:${45 * 1024 + 1}Mi:ssd` },
  { prefix: 'middle', count: 3, disks: `/dev/sdb:${30 * 1024 + 1}Mi:ssd` },
  { prefix: 'small', count: 3, disks: `/dev/sdb:${10 * 1024 + 1}Mi:ssd` },
];
const ROOM_MIB = 300 * 1024;
const PODS_AT_ONCE = WHOLE ? 300 : 120;
const testOfWhole = ofWhole(test);
const never = new AbortController().signal;

let system: System;
beforeAll(async () => {
  system = await startSystem({ openLocal: inject('openLocal'), groups: GROUPS });
});
afterAll(() => system?.stop());

/** A test that failed leaves no pods that take the next one's room. */
afterEach(async () => {
  await system.kubectl('delete', 'statefulset,pod', '--all', '--wait=false');
  await system.kubectl('delete', 'pvc', '--all', '--wait=false');
  await until(
    'every volume is gone',
    [system.stores.localVolumes],
    120_000,
    () => system.stores.localVolumes.list().length === 0,
    () => system.stores.localVolumes.list().length,
  );
}, 150_000);

const nodesOf = (names: readonly string[]): Record<string, string | undefined> =>
  Object.fromEntries(names.map((name) => [name, system.stores.pods.get(`default/${name}`)?.spec?.nodeName]));
const namesOf = (pods: readonly PodWish[]): string[] => pods.map(({ name }) => name);

/** Lists mishaps: bytes promised twice, refusals of CreateVolume, claims given back to the scheduler. */
async function mishaps(since: Mark): Promise<unknown[]> {
  const added = (await mark()).map((text, i) => text.slice(since[i]?.length ?? 0)).join('\n');
  return [...broken(await promised(system)), ...(added.match(/.*(ResourceExhausted|[Rr]escheduling).*/g) ?? [])];
}
type Mark = readonly string[];
const mark = (): Promise<Mark> => Promise.all(system.replicas.map(({ name }) => system.log(`${name}-csi-provisioner`)));

test('1: a StatefulSet of 10 runs, spread over the nodes, and finds its nodes and volumes again', async () => {
  const names = Array.from({ length: 10 }, (_, i) => `web-${i}`);
  // In order: of pods that come at once, one is held for on all nodes while the others are placed, and that shifts what
  // seems emptiest to them.
  const web = { name: 'web', replicas: 10, size: '8Gi', inOrder: true };
  await createStatefulSet(system, web);
  await untilRunning(system, names, 120_000);
  const before = nodesOf(names);
  // Ten claims of 8 GiB are spread: no node has two while another would be emptier with one.
  expect(new Set(Object.values(before)).size).toBeGreaterThanOrEqual(7);
  const volumes = () => names.map((name) => system.stores.claims.get(`default/data-${name}`)?.spec?.volumeName);
  const volumesBefore = volumes();

  await system.client.delete(STATEFUL_SETS, { namespace: 'default', name: 'web' }, never);
  await until('the pods are gone', [system.stores.pods], 60_000, () =>
    names.every((name) => !system.stores.pods.get(`default/${name}`)),
  );
  await createStatefulSet(system, web);
  await untilRunning(system, names, 120_000);
  expect(nodesOf(names)).toEqual(before);
  expect(volumes()).toEqual(volumesBefore);
  expect(broken(await promised(system))).toEqual([]);
}, 300_000);

test(`2: ${PODS_AT_ONCE} pods at once fill a cluster with room for exactly so many; one more is told why it waits`, async () => {
  const before = await mark();
  const size = `${ROOM_MIB / PODS_AT_ONCE}Mi`;
  const pods = Array.from({ length: PODS_AT_ONCE }, (_, i) => ({ name: `exact-${i}`, sizes: [size] }));
  const startedAt = performance.now();
  await createPods(system, pods);
  await untilRunning(system, namesOf(pods), 150_000);
  tell(`${PODS_AT_ONCE} pods ran after ${Math.round(performance.now() - startedAt)} ms`);
  expect(await mishaps(before)).toEqual([]);
  expect(lost(pods, system.stores)).toEqual([]);
  expect((await promised(system)).every(({ total, recorded }) => total === recorded)).toBe(true);

  const extra = [{ name: 'extra', sizes: [size] }];
  await createPods(system, extra);
  await until('the pod is refused', [system.stores.events], 30_000, () =>
    system.stores.events
      .list()
      .some(({ reason, involvedObject }) => reason === 'FailedScheduling' && involvedObject.name === 'extra'),
  );
  expect(await system.kubectl('describe', 'pod', 'extra')).toMatch(/\d GiB/);
  await system.client.delete(PODS, { namespace: 'default', name: 'exact-0' }, never);
  await system.client.delete(CLAIMS, { namespace: 'default', name: 'exact-0-0' }, never);
  const freedAt = performance.now();
  await untilRunning(system, ['extra'], 120_000);
  tell(`freed room was used after ${Math.round(performance.now() - freedAt)} ms`);
}, 400_000);

// Of fewer and larger ones some would not fit beside the others.
testOfWhole(
  '2: 300 pods of mixed sizes and several claims fill 95 % of the room',
  async () => {
    const before = await mark();
    const pods = mixedPods(300, 0.95 * ROOM_MIB);
    await createPods(system, pods);
    await untilRunning(system, namesOf(pods), 150_000);
    expect(await mishaps(before)).toEqual([]);
  },
  400_000,
);

test('8: kube-scheduler had no error or time-out with the extender', async () => {
  expect(extenderComplaints(await system.log('kube-scheduler'))).toEqual([]);
});

/** Makes pods of one to three claims each, in whole extents, that ask for `totalMib` together. */
function mixedPods(count: number, totalMib: number): PodWish[] {
  const weights = Array.from({ length: count }, (_, i) =>
    Array.from({ length: 1 + (i % 3) }, (_, j) => 20 + ((i * 37 + j * 61) % 80)),
  );
  const sum = weights.flat().reduce((a, b) => a + b, 0);
  return weights.map((claims, i) => ({
    name: `mixed-${i}`,
    sizes: claims.map((weight) => `${Math.floor((weight * totalMib) / sum / 4) * 4}Mi`),
  }));
}
