import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { isMarked } from '../../src/model/marked-pods.ts';
import type { Pod } from '../../src/model/objects.ts';
import type { Supervised } from './cluster/supervised.ts';
import { callsOfPlainPods, placeMoreThanFit, PLACED_BY_ROOM, ROOMY_NODES } from './instruments/second-scheduler.ts';
import { createPods, untilRunning } from './instruments/workload.ts';
import { startSecondScheduler } from './system/second-scheduler.ts';
import { startSystem, type System } from './system/system.ts';

/** The second scheduler that the chart brings; schedulers.cluster.ts has it with other versions of kube-scheduler. */
let system: System;
let scheduler: Supervised;
beforeAll(async () => {
  system = await startSystem({
    openLocal: inject('openLocal'),
    groups: [ROOMY_NODES],
    ...{ asPods: true, extender: { ignorable: true } },
  });
  const binary = system.cluster.binary('kube-scheduler');
  const options = { name: 'second-scheduler', binary, kubernetes: '1.36.3', canMark: true };
  scheduler = await startSecondScheduler(system, options);
}, 900_000);
afterAll(async () => {
  await scheduler?.stop();
  await system?.stop();
});

test('its pods are marked, and placed by real free room, and its rights are enough', async () => {
  expect(await placeMoreThanFit(system)).toEqual({ ...PLACED_BY_ROOM, marked: true });
  const log = await system.log(scheduler.name);
  expect(log).toContain('Successfully bound pod to node');
  expect(log).not.toMatch(/forbidden|tls: /);
});

test("plain pods cost no call, and nobody else's pods are marked", async () => {
  expect(await callsOfPlainPods(system, 10)).toEqual({ filter: 0, prioritize: 0, preempt: 0, bind: 0 });
  await createPods(system, [{ name: 'others', sizes: ['1Gi'] }]);
  await untilRunning(system, ['others'], 60_000);
  expect(isMarked(system.stores.pods.get('default/others') as Pod)).toBe(false);
});
