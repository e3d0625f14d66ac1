// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
import { readdir } from 'node:fs/promises';
import { afterAll, beforeAll, expect, inject } from 'vitest';
import { testOn } from '../machine.ts';
import { hereWith, runSanity } from './instruments/csi-sanity.ts';
import { optionsOf, SANITY_DISK, SANITY_GROUP, SANITY_RUNS, skippedIn } from './instruments/sanity-runs.ts';
import { startLoopNode, type LoopNode } from './system/loop-node.ts';
import { POOL, startSystem, type System } from './system/system.ts';
import { tell } from './cluster/tell.ts';

const test = testOn('root', 'loop devices');
const DISKS = [SANITY_DISK, SANITY_DISK, SANITY_DISK];

/** The system with one node that has everything real but LVM, whose volumes are loop devices. */
let system: System;
let node: LoopNode;
beforeAll(async () => {
  if (process.getuid?.() !== 0) return;
  system = await startSystem({ openLocal: inject('openLocal'), groups: [], replicas: 1 });
  node = await startLoopNode(system, { name: 'sanity', groupSize: SANITY_GROUP, diskSizes: DISKS });
});
afterAll(async () => {
  await node?.[Symbol.asyncDispose]();
  await system?.stop();
});

test.for(SANITY_RUNS)(
  '7: csi-sanity with $name volumes: none failed, and exactly what is listed is skipped',
  async (run) => {
    const { cluster } = system;
    const { passed, failed, skipped } = await runSanity({
      ...optionsOf(run, node.mediaType),
      place: hereWith(cluster.binary('csi-sanity'), cluster.dir),
      controller: `unix://${system.leader().csiSocket}`,
      node: `unix://${node.socket}`,
    });
    tell(`csi-sanity ${run.name}: ${passed.length} passed, ${skipped.length} skipped`);
    expect(failed).toEqual([]);
    expect(passed.length).toBeGreaterThan(40);
    expect(skipped.toSorted()).toEqual(skippedIn(run));
    expect(system.stores.localVolumes.list()).toEqual([]);
    expect(await readdir(`/dev/${POOL}`).catch(() => [])).toEqual([]);
  },
);
