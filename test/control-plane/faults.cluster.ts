import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { streamPlainPods } from './plain-pods.ts';
import { broken, promised } from './promises.ts';
import { startSystem, type System } from './system.ts';
import { tell } from './tell.ts';
import { until } from './until.ts';
import { createPods, deletePods, untilRunning, type PodWish } from './workload.ts';

/** Four nodes, one of them a process of its own; room for 120 volumes of 1 GiB. */
const DISKS = `/dev/sdb:${30 * 1024 + 1}Mi:ssd`;
const COUNT = 100;
const RUN_MS = 150_000;

let system: System;
beforeAll(async () => {
  system = await startSystem({
    openLocal: inject('openLocal'),
    groups: [
      { prefix: 'three', count: 3, disks: DISKS },
      { prefix: 'one', count: 1, disks: DISKS },
    ],
    // As deploy/ has it: while nobody answers, the scheduler places pods blindly, and CreateVolume is the judge.
    extender: { ignorable: true },
  });
});
afterAll(() => system?.stop());

const untilSomeRun = (prefix: string, count: number): Promise<unknown> => {
  const running = (): number =>
    system.stores.pods
      .list()
      .filter(({ metadata, status }) => metadata.name?.startsWith(`${prefix}-`) && status?.phase === 'Running').length;
  return until(`${count} pods run`, [system.stores.pods], RUN_MS, () => running() >= count, running);
};

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
      await system.nodes[1]?.stop();
      await untilSomeRun('pod', COUNT / 2);
      system.nodes[1]?.start();
    },
  ],
  [
    'the API server is restarted',
    async () => {
      await system.cluster.stopComponent('kube-apiserver');
      await system.cluster.startComponent('kube-apiserver');
    },
  ],
];

test.each(FAULTS)(
  '3: %s in the middle of a burst: every pod runs, nothing is promised twice, other pods go on',
  async (what, fault) => {
    const pods: PodWish[] = Array.from({ length: COUNT }, (_, i) => ({ name: `pod-${i}`, sizes: ['1Gi'] }));
    const plain = streamPlainPods(system, 'plain');
    const startedAt = performance.now();
    await createPods(system, pods);
    await untilSomeRun('pod', COUNT / 4);
    await fault();
    await untilRunning(
      system,
      pods.map(({ name }) => name),
      RUN_MS,
    );
    const took = Math.round(performance.now() - startedAt);
    const { count, longestGapMs } = await plain.end();
    tell(`${what}: ${COUNT} pods ran after ${took} ms; ${count} pods without volumes, longest gap ${longestGapMs} ms`);
    expect(broken(await promised(system))).toEqual([]);
    expect(system.stores.localVolumes.list()).toHaveLength(COUNT);
    await deletePods(system, pods);
    expect((await promised(system)).map(({ onDisk }) => onDisk)).toEqual([0, 0, 0, 0]);
  },
  400_000,
);
