import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { createPods, untilRunning } from './instruments/workload.ts';
import { broken, promised } from './instruments/promised-bytes.ts';
import { startSystem, type System } from './system/system.ts';

/** Four equal nodes with room for three claims of 6 GiB each: for none of them is there room for five such pods. */
const COUNT = 4;
const ROUNDS = 2;
let system: System;
beforeAll(async () => {
  system = await startSystem({
    openLocal: inject('openLocal'),
    groups: [{ prefix: 'node', count: COUNT, disks: `/dev/sdb:${21 * 1024 + 1}Mi:ssd` }],
    replicas: 1,
  });
});
afterAll(() => system?.stop());

/** Prefers this node, as strongly as a pod can. */
function preferring(node: string): Record<string, unknown> {
  const matchExpressions = [{ key: 'kubernetes.io/hostname', operator: 'In', values: [node] }];
  const preferred = [{ weight: 100, preference: { matchExpressions } }];
  return { affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: preferred } } };
}

test('on an idle cluster every pod lands on the node that it prefers among equal ones', async () => {
  const wanted: string[] = [];
  const found: (string | undefined)[] = [];
  for (let i = 0; i < COUNT * ROUNDS; i += 1) {
    // From the last node on: the first is where equal scores lead.
    const node = `node-${COUNT - (i % COUNT)}`;
    const name = `pod-${i}`;
    await createPods(system, [{ name, sizes: ['6Gi'], spec: preferring(node) }]);
    await untilRunning(system, [name], 60_000);
    wanted.push(node);
    found.push(system.stores.pods.get(`default/${name}`)?.spec?.nodeName);
  }
  expect(found).toEqual(wanted);
  expect(broken(await promised(system))).toEqual([]);
}, 400_000);
