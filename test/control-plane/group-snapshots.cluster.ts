import path from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { CLAIMS, PODS } from '../../src/kube/resource.ts';
import { CHECKOUT } from './cluster/program.ts';
import { createGroupSnapshots, type GroupSnapshots } from './instruments/group-snapshots.ts';
import { claimSpec, createPods, untilRunning } from './instruments/workload.ts';
import { startSystem, type System } from './system/system.ts';

const WITHIN_MS = 90_000;
const never = new AbortController().signal;
const DEFAULT = 'default';
const ON_EACH = ['node-1', 'node-2'];

/** Two nodes, and the real csi-snapshotter and snapshot-controller in a cluster with the kinds of group snapshots. */
let system: System;
let groups: GroupSnapshots;
beforeAll(async () => {
  system = await startSystem({
    openLocal: inject('openLocal'),
    groups: [{ prefix: 'node', count: 2, disks: `/dev/sdb:${60 * 1024 + 1}Mi:ssd` }],
    replicas: 1,
    snapshots: 'with groups',
  });
  groups = createGroupSnapshots(system);
});
afterAll(() => system?.stop());

/** A pod on that node with so many claims of 1 GiB: `name-0`, `name-1`, … */
async function run(name: string, node: string, count: number): Promise<readonly string[]> {
  const spec = { nodeSelector: { 'kubernetes.io/hostname': node } };
  await createPods(system, [{ name, sizes: Array.from({ length: count }, () => '1Gi'), spec }]);
  await untilRunning(system, [name], WITHIN_MS);
  return Array.from({ length: count }, (_, at) => `${name}-${at}`);
}
const parts = () => system.stores.localVolumes.list().filter(({ spec }) => spec.groupSnapshot !== undefined);

test('three claims are snapshotted together as the example has it, one is restored, and the group goes as a whole', async () => {
  for (const claim of await run('db', 'node-1', 3)) await system.kubectl('label', 'pvc', claim, 'app=database');
  await system.kubectl('apply', '-f', path.join(CHECKOUT, 'examples/with-snapshots/group-snapshot.yaml'));
  const snapshots = await groups.untilReady('database');
  expect(snapshots).toHaveLength(3);
  expect(snapshots.map(({ status }) => status?.readyToUse)).toEqual([true, true, true]);
  const sources = parts().map(({ spec }) => spec.source?.volume ?? '');
  expect(parts().map(({ spec }) => spec.groupSources?.toSorted())).toEqual(sources.map(() => sources.toSorted()));
  expect(new Set(parts().map(({ status }) => status?.snapshot?.takenAt)).size).toBe(1);

  const dataSource = {
    ...{ apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: snapshots[0]?.metadata.name ?? '' },
  };
  const claim = { metadata: { namespace: DEFAULT, name: 'r-0' }, spec: { ...claimSpec('1Gi'), dataSource } };
  await system.client.create(CLAIMS, claim, never);
  const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'r-0' } }];
  await createPods(system, [{ name: 'r', sizes: [], spec: { volumes } }]);
  await untilRunning(system, ['r'], WITHIN_MS);
  expect(system.stores.pods.get(`${DEFAULT}/r`)?.spec?.nodeName).toBe('node-1');

  await system.client.delete(PODS, { namespace: DEFAULT, name: 'r' }, never);
  await system.client.delete(CLAIMS, { namespace: DEFAULT, name: 'r-0' }, never);
  await groups.remove('database');
  expect(parts()).toEqual([]);
});

test('claims whose volumes are on two nodes are refused, in words that a person finds', async () => {
  const claims = (await Promise.all(ON_EACH.map((node, at) => run(`far-${at}`, node, 1)))).flat();
  await groups.take('far', claims);
  expect(await groups.untilRefused('far')).toMatch(
    /on several nodes \(default\/far-0-0 on node-1; default\/far-1-0 on node-2\)/,
  );
  expect(parts()).toEqual([]);
  await groups.remove('far');
});
