import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { isMarked } from '../../src/model/marked-pods.ts';
import type { Pod } from '../../src/model/objects.ts';
import { builtTools, manifests, template, type Manifest } from '../deploy/chart.ts';
import { serviceAccountKubeconfig } from './cluster/identities.ts';
import { supervise, type Supervised } from './cluster/supervised.ts';
import { untilMarks } from './instruments/admitted.ts';
import { extenderCalls } from './instruments/extender-calls.ts';
import { broken, promised } from './instruments/promised-bytes.ts';
import { createPods, deletePods, untilRunning, type PodWish } from './instruments/workload.ts';
import { startSystem, type System } from './system/system.ts';

/**
 * The second scheduler that the chart brings: the real kube-scheduler with its configuration, its rights and the
 * operator's certificates. Of this machine are only the addresses and the folder of the certificates.
 */
const WITHIN_MS = 60_000;
const NAME = 'open-local-scheduler';

let system: System;
let scheduler: Supervised | undefined;
beforeAll(async () => {
  system = await startSystem({
    openLocal: inject('openLocal'),
    groups: [{ prefix: 'node', count: 2, disks: `/dev/sdb:${20 * 1024 + 1}Mi:ssd` }],
    ...{ asPods: true, extender: { ignorable: true } },
  });
  const text = await template(
    await builtTools(),
    '--set=scheduler.enabled=true',
    // What a cluster tells helm of itself: its pods are marked then.
    ...['--kube-version=1.36.3', '--api-versions=admissionregistration.k8s.io/v1/MutatingAdmissionPolicy'],
    ...['--show-only=templates/scheduler.yaml', '--show-only=templates/marked-pods.yaml'],
  );
  const file = path.join(system.cluster.dir, 'second-scheduler.yaml');
  const objects = manifests(text);
  // No kubelet here runs its pods.
  await writeFile(file, objects.map((each) => stringify(paused(each))).join('---\n'));
  await system.kubectl('apply', '-f', file);
  await untilMarks(system, true, NAME);
  scheduler = await startScheduler(objects);
}, 900_000);
afterAll(async () => {
  await scheduler?.stop();
  await system?.stop();
});

const paused = (object: Manifest): object =>
  object.kind === 'Deployment' ? { ...object, spec: { ...(object['spec'] as object), replicas: 0 } } : object;

interface Configuration {
  readonly extenders: readonly { readonly tlsConfig: object }[];
}

async function startScheduler(objects: readonly Manifest[]): Promise<Supervised> {
  const { cluster, extender } = system;
  const data = objects.find(({ kind }) => kind === 'ConfigMap')?.['data'] as { 'scheduler.yaml': string };
  const config = parse(data['scheduler.yaml']) as Configuration;
  const tls = path.join(cluster.dir, 'second-scheduler-tls');
  await mkdir(tls);
  const secret = await system.kubectl(
    'get',
    'secret',
    'open-local-extender-tls-client',
    '-n',
    'open-local',
    '-o',
    'json',
  );
  const files = (JSON.parse(secret) as { data: Record<string, string> }).data;
  for (const [name, content] of Object.entries(files))
    await writeFile(path.join(tls, name), Buffer.from(content, 'base64'));
  const here = {
    ...config,
    clientConnection: { kubeconfig: await serviceAccountKubeconfig(cluster, NAME) },
    extenders: config.extenders.map((one) => ({
      ...one,
      urlPrefix: `https://127.0.0.1:${extender.port}/scheduler`,
    })),
  };
  const file = path.join(cluster.dir, 'second-scheduler-configuration.yaml');
  await writeFile(file, stringify(here).replaceAll('/etc/open-local-tls', tls));
  const argv = [cluster.binary('kube-scheduler'), `--config=${file}`, '--secure-port=0', '-v=2'];
  return supervise(cluster.dir, 'second-scheduler', argv);
}

test('its pods are marked, and placed by real free room, and its rights are enough', async () => {
  const pods: PodWish[] = Array.from({ length: 8 }, (_, i) => ({
    ...{ name: `pod-${i}`, sizes: ['4Gi'], spec: { schedulerName: NAME } },
  }));
  await createPods(system, pods);
  await untilRunning(
    system,
    pods.map(({ name }) => name),
    WITHIN_MS,
  );
  const marked = (name: string): boolean => isMarked(system.stores.pods.get(`default/${name}`) as Pod);
  expect(pods.filter(({ name }) => !marked(name))).toEqual([]);
  const nodes = pods.map(({ name }) => system.stores.pods.get(`default/${name}`)?.spec?.nodeName);
  expect(Map.groupBy(nodes, (node) => node).size).toBe(2);
  expect(broken(await promised(system))).toEqual([]);
  // No node takes more than five of them, so none has more than 8 GiB left. The extender says why.
  await createPods(system, [{ name: 'large', sizes: ['9Gi'], spec: { schedulerName: NAME } }]);
  const told = await system.kubectl(
    'wait',
    'pod/large',
    '--for=condition=PodScheduled=false',
    '--timeout=30s',
    '-o',
    'json',
  );
  expect(told).toContain('not enough room for 9 GiB in any volume group');
  // Nobody else's pods are marked, and plain ones of its own cost no call.
  await deletePods(system, [{ name: 'large', sizes: ['9Gi'] }]);
  await createPods(system, [{ name: 'others', sizes: ['1Gi'] }]);
  await untilRunning(system, ['others'], WITHIN_MS);
  const before = await extenderCalls(system.leader());
  await createPods(system, [{ name: 'plain', sizes: [], spec: { schedulerName: NAME } }]);
  await untilRunning(system, ['plain'], WITHIN_MS);
  expect((await extenderCalls(system.leader())).filter).toBe(before.filter);
  expect(marked('others')).toBe(false);
  const log = await readFile(path.join(system.cluster.dir, 'second-scheduler.log'), 'utf8');
  expect(log).toContain('Successfully bound pod to node');
  expect(log).not.toMatch(/forbidden|tls: /);
});
