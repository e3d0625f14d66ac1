import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import type { Supervised } from './cluster/supervised.ts';
import { callsOfPlainPods, placeMoreThanFit, PLACED_BY_ROOM, ROOMY_NODES } from './instruments/second-scheduler.ts';
import { startSecondScheduler } from './system/second-scheduler.ts';
import { startSystem, type System } from './system/system.ts';

/**
 * Other versions of kube-scheduler with the configuration that the chart makes for a second scheduler, before the same
 * API server. Before Kubernetes 1.36 nothing marks pods, so they ask about every pod; where the API server is newer
 * already, or `scheduler.image.tag` names an older one, they ask about marked pods alone.
 */
const PLAIN_PODS = 10;
/**
 * Flags of a version that is newer than this API server, which Kubernetes does not support: 1.37 waits for a list of
 * DeviceTaintRules before it places anything, and only an API server of 1.37 has them and lets it read them.
 */
const NEWER: Readonly<Record<string, readonly string[]>> = { 'v1.37': ['--feature-gates=DRADeviceTaintRules=false'] };

let system: System;
beforeAll(async () => {
  system = await startSystem({
    openLocal: inject('openLocal'),
    groups: [ROOMY_NODES],
    ...{ asPods: true, extender: { ignorable: true } },
  });
}, 900_000);
afterAll(() => system?.stop());

let scheduler: Supervised | undefined;
afterEach(async () => {
  await scheduler?.stop();
  scheduler = undefined;
});

// In this order: a policy that marks pods stays.
describe.each([
  { where: 'where nothing marks pods', canMark: false, calls: PLAIN_PODS },
  { where: 'where the API server marks its pods', canMark: true, calls: 0 },
])('$where', ({ canMark, calls }) => {
  test.each(inject('schedulers'))('kube-scheduler $version places by real free room', async ({ version, binary }) => {
    const kubernetes = canMark ? '1.36.3' : version.slice(1);
    const name = `scheduler-${version}-${canMark ? 'marked' : 'all'}`;
    const flags = NEWER[version.replace(/\.\d+$/, '')] ?? [];
    scheduler = await startSecondScheduler(system, { name, binary, kubernetes, canMark, flags });
    expect(await placeMoreThanFit(system)).toEqual({ ...PLACED_BY_ROOM, marked: canMark });
    expect(await callsOfPlainPods(system, PLAIN_PODS)).toMatchObject({ filter: calls, bind: 0 });
    const log = await system.log(name);
    expect(log).toContain(`"Starting Kubernetes Scheduler" version="${version}"`);
    expect(log).not.toMatch(/forbidden|tls: /);
  });
});
