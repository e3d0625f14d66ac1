import path from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { runSanity } from './instruments/csi-sanity.ts';
import { SKIPPED } from './instruments/sanity-skips.ts';
import { startSystem, type System } from './system/system.ts';
import { tell } from './cluster/tell.ts';

const MIB = 2 ** 20;

let system: System;
beforeAll(async () => {
  system = await startSystem({
    openLocal: inject('openLocal'),
    groups: [{ prefix: 'node', count: 1, disks: '/dev/sdb:20Gi:ssd' }],
    replicas: 1,
  });
});
afterAll(() => system?.stop());

test.each(['mount', 'block'] as const)(
  '7: csi-sanity with %s volumes: none failed, and exactly what is listed is skipped',
  async (access) => {
    const { dir } = system.cluster;
    const { passed, failed, skipped } = await runSanity({
      program: system.cluster.binary('csi-sanity'),
      dir,
      name: access,
      controllerSocket: system.leader().csiSocket,
      nodeSocket: path.join(dir, 'n/node-1/csi.sock'),
      access,
      parameters: { volumeType: 'LVM' },
      sizes: [64 * MIB, 128 * MIB],
    });
    tell(`csi-sanity ${access}: ${passed.length} passed, ${skipped.length} skipped`);
    expect(failed).toEqual([]);
    expect(passed.length).toBeGreaterThan(40);
    expect(skipped.toSorted()).toEqual(SKIPPED.flatMap(({ tests }) => tests).toSorted());
    expect(system.stores.localVolumes.list()).toEqual([]);
  },
);
