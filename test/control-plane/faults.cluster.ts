import { afterAll, afterEach, beforeAll, expect, inject, test } from 'vitest';
import { streamPlainPods } from './instruments/plain-pods.ts';
import { lost } from './instruments/kept-volumes.ts';
import { broken, promised } from './instruments/promised-bytes.ts';
import { extenderComplaints, unexplained } from './instruments/scheduler-log.ts';
import { startSystem, type System } from './system/system.ts';
import { WHOLE } from '../whole.ts';
import { tell } from './cluster/tell.ts';
import { until } from './cluster/until.ts';
import { createPods, deletePods, untilRunning, type PodWish } from './instruments/workload.ts';

/** Ten nodes, one of them a process of its own; room for exactly 300 volumes of 1 GiB, or 120 of 2.5. */
const COUNT = WHOLE ? 300 : 120;
const SIZE = `${(300 * 1024) / COUNT}Mi`;
const disks = (gib: number): string => `/dev/sdb:${gib * 1024 + 1}Mi:ssd`;
const RUN_MS = 150_000;
/** A scheduler that gives no pod a node for so long stands still: each fault is over long before. */
const STANDSTILL_MS = 60_000;

let system: System;
beforeAll(async () => {
  system = await startSystem({
    openLocal: inject('openLocal'),
    groups: [
      { prefix: 'big', count: 4, disks: disks(45) },
      { prefix: 'small', count: 5, disks: disks(15) },
      { prefix: 'one', count: 1, disks: disks(45) },
    ],
    // The extender is ignorable, as in deploy/: while it does not answer, the scheduler chooses blindly, and
    // CreateVolume refuses.
    extender: { ignorable: true },
  });
});
afterAll(() => system?.stop());
// A test that failed must not leave pods for the next.
afterEach(async () => {
  const left = system.stores.pods.list().map(({ metadata: { name = '' } }) => ({ name, sizes: [SIZE] }));
  await deletePods(system, left);
});

const untilSomeRun = (prefix: string, count: number): Promise<unknown> => {
  const running = (): number =>
    system.stores.pods
      .list()
      .filter(({ metadata, status }) => metadata.name?.startsWith(`${prefix}-`) && status?.phase === 'Running').length;
  return until(`${count} pods run`, [system.stores.pods], RUN_MS, () => running() >= count, running);
};

const API_SERVER = 'the API server is restarted';
const FAULTS: readonly (readonly [string, () => Promise<void>])[] = [
  [
    'the leader is killed',
    async () => {
      const leader = system.leader();
      await leader.operator.kill();
      // The fault is over once a replica serves again.
      await system.extender.untilReady(60_000);
    },
  ],
  [
    'an agent is away',
    async () => {
      await system.nodes[2]?.stop();
      await untilSomeRun('pod', (COUNT * 2) / 3);
      system.nodes[2]?.start();
    },
  ],
  [
    API_SERVER,
    async () => {
      await system.cluster.stopComponent('kube-apiserver');
      await system.cluster.startComponent('kube-apiserver');
    },
  ],
];

test.each(FAULTS)(
  '3: %s in the middle of a burst: every pod runs, nothing is promised twice, other pods go on',
  async (what, fault) => {
    const pods: PodWish[] = Array.from({ length: COUNT }, (_, i) => ({ name: `pod-${i}`, sizes: [SIZE] }));
    const plain = streamPlainPods(system, 'plain');
    const startedAt = performance.now();
    const logAt = (await system.log('kube-scheduler')).length;
    await createPods(system, pods);
    await untilSomeRun('pod', COUNT / 2);
    const from = Date.now();
    await fault();
    const away = what === API_SERVER ? [{ from, to: Date.now() }] : [];
    await untilRunning(
      system,
      pods.map(({ name }) => name),
      RUN_MS,
    );
    const took = Math.round(performance.now() - startedAt);
    const { count, longestGapMs } = await plain.end();
    const log = (await system.log('kube-scheduler')).slice(logAt);
    tell(`${what}: ${COUNT} pods ran after ${took} ms; ${count} pods without volumes, longest gap ${longestGapMs} ms`);
    expect(longestGapMs).toBeLessThan(STANDSTILL_MS);
    expect(lost(pods, system.stores)).toEqual([]);
    expect(broken(await promised(system))).toEqual([]);
    expect((await promised(system)).every(({ total, recorded }) => total === recorded)).toBe(true);
    expect(system.stores.localVolumes.list()).toHaveLength(COUNT);
    // 8: the scheduler misses its extender only while no leader serves, or its API server is away.
    expect(unexplained(extenderComplaints(log), [...system.extender.absences, ...away])).toEqual([]);
    await deletePods(system, pods);
    expect((await promised(system)).every(({ onDisk }) => onDisk === 0)).toBe(true);
  },
  400_000,
);
