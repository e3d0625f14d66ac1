import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, expect, inject, test } from 'vitest';
import { tell } from './cluster/tell.ts';
import { until } from './cluster/until.ts';
import { lost } from './instruments/kept-volumes.ts';
import { streamPlainPods } from './instruments/plain-pods.ts';
import { broken, promised } from './instruments/promised-bytes.ts';
import { extenderComplaints, unexplained } from './instruments/scheduler-log.ts';
import { createPods, deletePods, untilRunning, type PodWish } from './instruments/workload.ts';
import { printedConfig, staticPod } from './system/printed-config.ts';
import { startSystem, type System } from './system/system.ts';

/** Kubernetes itself is asked whether the Deployment that deploy/ ships can be lived with. */
const NAMESPACE = ['-n', 'open-local'];
const DEPLOYMENT = 'deployment/open-local-operator';
const COUNT = 60;
/** No fault lasts longer than a Lease. */
const STANDSTILL_MS = 30_000;

let system: System;
beforeAll(async () => {
  system = await startSystem({
    openLocal: inject('openLocal'),
    groups: [{ prefix: 'node', count: 4, disks: '/dev/sdb:40Gi:ssd' }],
    asPods: true,
    // Until the operator has made its certificates the scheduler cannot call it, and must give its pods a node so.
    extender: { ignorable: true },
  });
}, 180_000);
afterAll(() => system?.stop());

// A test that failed must not leave pods for the next.
afterEach(async () => {
  const ours = system.stores.pods.list().filter(({ metadata }) => metadata.namespace === 'default');
  await deletePods(
    system,
    ours.map(({ metadata: { name = '' } }) => ({ name, sizes: ['1Gi'] })),
  );
});

const rolledOut = (): Promise<string> =>
  system.kubectl('rollout', 'status', DEPLOYMENT, ...NAMESPACE, '--timeout=120s');

const leaderPod = (): string => system.leader().name;

test('both replicas are Ready, and the Service leads to one', async () => {
  expect(await rolledOut()).toContain('successfully rolled out');
  const slice = await system.kubectl(
    ...['get', 'endpointslices', ...NAMESPACE, '-l', 'kubernetes.io/service-name=open-local-scheduler-extender'],
    ...['-o', 'jsonpath={.items[*].endpoints[*].targetRef.name}'],
  );
  expect(slice).toBe(leaderPod());
});

test('the sidecars of the replica that waits wait too, and do not end', async () => {
  const waiting = system.replicas.find(({ name }) => name !== leaderPod());
  const log = (): Promise<string> => system.log(`${waiting?.name}-csi-provisioner`);
  await expect.poll(log, { timeout: 60_000 }).toContain('CSI driver is not ready');
  expect(waiting?.sidecars.map(({ restarts }) => restarts)).toEqual([0, 0]);
});

test("kubeadm's static pod gets the configuration, and can resolve no name of a Service", async () => {
  const folder = await printedConfig(system.cluster, inject('openLocal'), 'kubeadm');
  const { spec } = await staticPod(system.cluster, folder);
  expect(spec.hostNetwork).toBe(true);
  expect(spec.dnsPolicy).toBeUndefined();
  expect(spec.containers[0]?.command).toContain('--config=/etc/kubernetes/open-local-scheduler.yaml');
  const service = await system.kubectl(
    ...['get', 'service', 'open-local-scheduler-extender', ...NAMESPACE, '-o', 'jsonpath={.spec.clusterIP}'],
  );
  const config = await readFile(path.join(folder, 'open-local-scheduler.yaml'), 'utf8');
  expect(config).toContain(`urlPrefix: https://${service}:23000/scheduler\n`);
});

test('the manifests of a second scheduler are accepted', async () => {
  const folder = await printedConfig(system.cluster, inject('openLocal'), 'deployment');
  const applied = await system.kubectl(
    'apply',
    '--dry-run=server',
    '-f',
    path.join(folder, 'open-local-scheduler.yaml'),
  );
  expect(applied).toContain('deployment.apps/open-local-scheduler created');
});

const DISRUPTIONS: readonly (readonly [string, () => Promise<unknown>])[] = [
  [
    'the Deployment is rolled out anew',
    async () => {
      const before = system.replicas.map(({ name }) => name);
      await system.kubectl('set', 'env', DEPLOYMENT, ...NAMESPACE, '-c', 'operator', 'NEXT=1');
      expect(await rolledOut()).toContain('successfully rolled out');
      const left = (): boolean => before.some((name) => system.stores.pods.get(`open-local/${name}`) !== undefined);
      await until('the old pods are gone', [system.stores.pods], 40_000, () => !left());
    },
  ],
  [
    "the leader's node is drained",
    async () => {
      const leader = leaderPod();
      const node = system.stores.pods.get(`open-local/${leader}`)?.spec?.nodeName ?? '';
      const drained = await system.kubectl('drain', node, '--delete-emptydir-data', '--timeout=90s');
      expect(drained).toContain(`node/${node} drained`);
      expect(await rolledOut()).toContain('successfully rolled out');
      await system.kubectl('uncordon', node);
    },
  ],
];

test.each(DISRUPTIONS)(
  '%s while pods come: it ends, every pod runs, nothing is promised twice',
  async (what, disrupt) => {
    const pods: PodWish[] = Array.from({ length: COUNT }, (_, i) => ({ name: `pod-${i}`, sizes: ['1Gi'] }));
    const plain = streamPlainPods(system, 'plain');
    const from = Date.now();
    const logAt = (await system.log('kube-scheduler')).length;
    await createPods(system, pods.slice(0, COUNT / 2));
    await disrupt();
    await createPods(system, pods.slice(COUNT / 2));
    await untilRunning(
      system,
      pods.map(({ name }) => name),
      120_000,
    );
    await system.extender.untilReady(60_000);
    const { count, longestGapMs } = await plain.end();
    const away = system.extender.absences.flatMap((period) => (period.from > from ? [period.to - period.from] : []));
    tell(
      `${what}: ${count} pods without volumes, longest gap ${longestGapMs} ms; no extender for ${away.join(', ')} ms`,
    );
    expect(away.length).toBeGreaterThan(0);
    expect(longestGapMs).toBeLessThan(STANDSTILL_MS);
    expect(lost(pods, system.stores)).toEqual([]);
    expect(broken(await promised(system))).toEqual([]);
    // With what `scheduler-config` printed the scheduler misses its extender only while no leader serves.
    const log = (await system.log('kube-scheduler')).slice(logAt);
    expect(unexplained(extenderComplaints(log), system.extender.absences)).toEqual([]);
    expect(log).not.toContain('tls: ');
  },
  400_000,
);
