// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
import { readdir } from 'node:fs/promises';
import { afterAll, beforeAll, expect, inject } from 'vitest';
import { testOn } from '../machine.ts';
import { runSanity, type SanityOptions } from './instruments/csi-sanity.ts';
import { MISJUDGED, SKIPPED, SKIPPED_OF_DISKS } from './instruments/sanity-skips.ts';
import { startLoopNode, type LoopNode } from './system/loop-node.ts';
import { POOL, startSystem, type System } from './system/system.ts';
import { tell } from './cluster/tell.ts';

const test = testOn('root', 'loop devices');
const MIB = 2 ** 20;
const GIB = 2 ** 30;
const DISK = 96 * MIB;

/** The system with one node that has everything real but LVM, whose volumes are loop devices. */
let system: System;
let node: LoopNode;
beforeAll(async () => {
  if (process.getuid?.() !== 0) return;
  system = await startSystem({ openLocal: inject('openLocal'), groups: [], replicas: 1 });
  node = await startLoopNode(system, { name: 'sanity', groupSize: 20 * GIB, diskSizes: [DISK, DISK, DISK] });
});
afterAll(async () => {
  await node?.[Symbol.asyncDispose]();
  await system?.stop();
});

type Run = Pick<SanityOptions, 'name' | 'access' | 'sizes'> & { readonly kind: 'LVM' | 'Device' };
const lvm = { kind: 'LVM', sizes: [64 * MIB, 128 * MIB] } as const;
const disk = { kind: 'Device', sizes: [DISK, DISK] } as const;
const RUNS: readonly Run[] = [
  { name: 'LVM-mount', access: 'mount', ...lvm },
  { name: 'LVM-block', access: 'block', ...lvm },
  { name: 'Device-mount', access: 'mount', ...disk },
  { name: 'Device-block', access: 'block', ...disk },
];

test.for(RUNS)('7: csi-sanity with $name volumes: none failed, and exactly what is listed is skipped', async (run) => {
  const { dir } = system.cluster;
  const leftOut = [...MISJUDGED, ...(run.kind === 'Device' ? SKIPPED_OF_DISKS : [])].flatMap(({ tests }) => tests);
  const { passed, failed, skipped } = await runSanity({
    ...run,
    parameters: { volumeType: run.kind, ...(run.kind === 'Device' ? { mediaType: node.mediaType } : {}) },
    mutableParameters: { iops: '1000' },
    snapshotParameters: { 'csi.aliyun.com/readonly': 'true', 'csi.aliyun.com/snapshot-initial-size': '16Mi' },
    program: system.cluster.binary('csi-sanity'),
    dir,
    controllerSocket: system.leader().csiSocket,
    nodeSocket: node.socket,
    skip: leftOut,
  });
  tell(`csi-sanity ${run.name}: ${passed.length} passed, ${skipped.length} skipped`);
  expect(failed).toEqual([]);
  expect(passed.length).toBeGreaterThan(40);
  const expected = new Set([...SKIPPED.flatMap(({ tests }) => tests), ...leftOut]);
  expect(skipped.toSorted()).toEqual([...expected].toSorted());
  expect(system.stores.localVolumes.list()).toEqual([]);
  expect(await readdir(`/dev/${POOL}`).catch(() => [])).toEqual([]);
});
