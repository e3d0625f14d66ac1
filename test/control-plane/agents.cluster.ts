// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
import path from 'node:path';
import { afterAll, beforeAll, expect, inject } from 'vitest';
import { INIT_CONFIGS, NODE_LOCAL_STORAGES, PODS } from '../../src/kube/resource.ts';
import { createLoopDisks, type LoopDisks } from '../lvm/loop-disks.ts';
import { testOn } from '../machine.ts';
import { startAgentProcess, type AgentProcess } from './system/agent-process.ts';
import { POOL, startSystem, type System } from './system/system.ts';
import { until } from './cluster/until.ts';
import { createPods, deletePods } from './instruments/workload.ts';

const test = testOn('root', 'lvm2', 'loop devices');
const never = new AbortController().signal;
const WITHIN_MS = 60_000;
const GIB = 2 ** 30;
const NAMES = ['real-1', 'real-2'];

/**
 * System with two agents as deploy/ starts them, each with a token of its own node, on a loop device of 2 GiB with real
 * lvm2.
 */
let system: System;
const disks = new Map<string, LoopDisks>();
const agents: AgentProcess[] = [];
beforeAll(async () => {
  if (process.getuid?.() !== 0) return;
  system = await startSystem({ openLocal: inject('openLocal'), groups: [], replicas: 1 });
  for (const name of NAMES) await startNode(name);
});
afterAll(async () => {
  await Promise.all(agents.map((agent) => agent[Symbol.asyncDispose]()));
  await system?.stop();
  for (const disk of disks.values()) await disk[Symbol.asyncDispose]();
});

async function startNode(name: string): Promise<void> {
  const loops = await createLoopDisks(2 * GIB);
  disks.set(name, loops);
  const names = loops.devices.map((device) => path.basename(device)).join('|');
  const agent = await startAgentProcess(
    system,
    inject('openLocal'),
    { name, labels: {}, disks: [] },
    async (directory) => [
      `--lvm-system-dir=${loops.systemDir}`,
      `--regexp=^(${names})$`,
      `--simulated-mounts=${path.join(directory, 'mounts.json')}`,
    ],
  );
  agents.push(agent);
}

test('two real agents, each with the token of its own node, make their groups and volumes with lvm2', async () => {
  const { client, stores } = system;
  const config = await client.get(INIT_CONFIGS, { name: 'open-local' }, never);
  const nodesConfig = NAMES.map((name) => ({
    selector: { matchLabels: { 'kubernetes.io/hostname': name } },
    listConfig: { vgs: { include: ['open-local-pool-[0-9]+'] } },
    resourceToBeInited: { vgs: [{ name: POOL, devices: [...(disks.get(name)?.devices ?? [])] }] },
  }));
  await client.patch(
    INIT_CONFIGS,
    { name: 'open-local' },
    { type: 'merge', body: { spec: { ...config.spec, nodesConfig } } },
    never,
  );
  await until(
    'both groups are reported',
    [stores.nodeStorages],
    WITHIN_MS,
    () => NAMES.every((name) => stores.nodeStorages.get(name)?.status?.nodeStorageInfo?.volumeGroups?.length === 1),
    () => NAMES.map((name) => stores.nodeStorages.get(name)?.status),
  );
  const pods = [
    { name: 'a', sizes: ['1200Mi'] },
    { name: 'b', sizes: ['1200Mi'] },
  ];
  await createPods(system, pods);
  await until('both claims are bound', [stores.claims], WITHIN_MS, () =>
    ['a-0', 'b-0'].every((name) => stores.claims.get(`default/${name}`)?.status?.phase === 'Bound'),
  );
  const volumes = stores.localVolumes.list();
  expect(volumes.map(({ spec }) => spec.nodeName).toSorted()).toEqual(NAMES);
  for (const { metadata, spec } of volumes) {
    const listed = await disks
      .get(spec.nodeName)
      ?.lvm('lvs', '--noheadings', '--nosuffix', '--units', 'b', '-o', 'lv_name,lv_size');
    expect(listed?.trim().split(/\s+/)).toEqual([metadata.name, String(1200 * 2 ** 20)]);
  }

  // These nodes have no kubelet: a pod that is bound by now would be deleted by nobody, and would keep its claim.
  await until('both pods are bound', [stores.pods], WITHIN_MS, () =>
    pods.every(({ name }) => stores.pods.get(`default/${name}`)?.spec?.nodeName !== undefined),
  );
  for (const { name } of pods)
    await client.delete(PODS, { namespace: 'default', name }, never, { gracePeriodSeconds: 0 });
  await deletePods(system, pods);
  for (const disk of disks.values()) expect((await disk.lvm('lvs', '--noheadings')).trim()).toBe('');
  expect((await client.list(NODE_LOCAL_STORAGES, {}, never)).items).toHaveLength(2);
});
