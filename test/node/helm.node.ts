// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { isMarked } from '../../src/model/marked-pods.ts';
import type { Pod } from '../../src/model/objects.ts';
import { MARK } from '../../src/model/well-known.ts';
import { CHECKOUT } from '../control-plane/cluster/program.ts';
import { POOL } from '../control-plane/system/system.ts';
import { CHART } from '../deploy/chart.ts';
import { testOn } from '../machine.ts';
import { streamPlainPods } from '../control-plane/instruments/plain-pods.ts';
import { DISK_LINK, placeFlags, REGISTRY, startHelmNode, type HelmNode } from './kubelet/helm-node.ts';
import { evict, isReady, type NodeInCluster, type SeenPod } from './kubelet/node-in-cluster.ts';
import { claimed, COUNT, COUNTED, toolClaim, toolPod } from './kubelet/tool-pods.ts';

/** The chart as it is shipped: all of open-local is pods, from the image of `make image`, under a real kubelet. */
const test = testOn('root', 'qemu', 'go');
const signal = AbortSignal.timeout(3_300_000);
const SCHEDULER = { schedulerName: 'open-local-scheduler' };
const POLL = { timeout: 300_000, interval: 1000 };
/** The time limit of one test: emulated, ten containers take minutes to start. */
const TEST_MS = 900_000;
const WAIT = ['--wait', '--timeout=9m'];
/** Emulated, a program may stand still for longer than a Lease usually lasts. */
const SLOW = ['lease-duration=60s', 'renew-deadline=40s', 'retry-period=8s'].map((flag) => `--leader-election-${flag}`);
const VALUES = [
  '--set=scheduler.enabled=true,scheduler.replicas=1,operator.leaseDuration=60s',
  `--set-json=sidecars=${JSON.stringify({ provisioner: { extraArgs: SLOW }, resizer: { extraArgs: SLOW } })}`,
  `--set-json=initConfig=${JSON.stringify({
    globalConfig: {
      listConfig: { vgs: { include: [POOL] } },
      resourceToBeInited: { vgs: [{ name: POOL, devices: [DISK_LINK] }] },
    },
  })}`,
];
let bare: HelmNode;
let node: NodeInCluster;

beforeAll(async () => {
  bare = await startHelmNode(signal);
  await bare.load('1', 'first');
  bare.progress('the image of open-local is loaded');
}, TEST_MS);
afterAll(() => bare?.[Symbol.asyncDispose]());

/** Without a volume. Only its placement counts: the kubelet turns it away, for which so many are too much here. */
const PLAIN = { ...SCHEDULER, os: { name: 'windows' } };
const PLAIN_EVERY_MS = 4000;

/** README's command, without its first word, with what a reader puts in for this place. */
function readmeCommand(beginning: string): readonly string[] {
  const lines = readFileSync(path.join(CHECKOUT, 'README.md'), 'utf8').split('\n');
  const [, ...words] = lines.find((line) => line.startsWith(beginning))?.split(' ') ?? [];
  return words.map((word) => word.replace('REGISTRY', REGISTRY).replace(/^deploy\/helm$/, CHART));
}

const install = (tag: string): Promise<string> =>
  bare.helm(...readmeCommand('helm install '), ...WAIT, ...VALUES, ...placeFlags(tag));
const uninstall = (): Promise<string> => bare.helm('uninstall', 'open-local', '-n', 'open-local', ...WAIT);
const ours = (): readonly SeenPod[] =>
  node.system.stores.pods
    .list()
    .filter(({ metadata }) => metadata.namespace === 'open-local' && metadata.deletionTimestamp === undefined);
const componentOf = ({ metadata }: SeenPod): string => metadata.labels?.['app.kubernetes.io/component'] ?? '';
const writer = (name: string, claim: string): object =>
  toolPod({ name, volume: claimed(claim), containers: [{ script: COUNT }], spec: SCHEDULER });
const counted = async (name: string): Promise<number> => Number(await node.inPod(name, COUNTED));

test(
  'helm install --wait ends, and every pod is Ready',
  async () => {
    expect(await install('1')).toContain('STATUS: deployed');
    node = await bare.follow();
    expect(ours().map(componentOf).toSorted()).toEqual(['agent', 'operator', 'operator', 'scheduler']);
    expect(ours().filter((pod) => !isReady(pod))).toEqual([]);
    bare.progress('installed');
  },
  TEST_MS,
);

test(
  'the second scheduler gives a pod with a claim its node, and the pod writes',
  async () => {
    await node.apply(toolClaim({ name: 'files', size: '128Mi' }), writer('files', 'files'));
    await node.untilReady('files');
    bare.progress('a pod writes');
    await expect.poll(() => counted('files'), POLL).toBeGreaterThan(3);
    // It asks for the extender by a resource that no node has, and the kubelet let it in.
    expect(isMarked(node.pod('files') as Pod)).toBe(true);
    const room = await node.system.kubectl('get', 'nodes', '-o', 'jsonpath={.items[*].status.allocatable}');
    expect(room).toContain('"memory"');
    expect(room).not.toContain(MARK);
  },
  TEST_MS,
);

/** Creates pods with a claim, one after another, until the promise is settled. Resolves to the ms until each ran. */
async function placeVolumes(prefix: string, ends: Promise<unknown>): Promise<readonly number[]> {
  const took: number[] = [];
  let isOver = false;
  void ends.finally(() => (isOver = true)).catch(() => undefined);
  for (let i = 0; !isOver; i += 1) {
    const name = `${prefix}-${i}`;
    const from = performance.now();
    await node.apply(toolClaim({ name, size: '32Mi' }), toolPod({ name, volume: claimed(name), spec: SCHEDULER }));
    await node.untilReady(name);
    took.push(Math.round(performance.now() - from));
  }
  return took;
}

/** The pod that the extender's Service leads to. */
const leader = (): Promise<string> =>
  node.system.kubectl(
    ...['get', 'endpointslices', '-n', 'open-local', '-o', 'jsonpath={.items[*].endpoints[*].targetRef.name}'],
    ...['-l', 'kubernetes.io/service-name=open-local-scheduler-extender'],
  );

/** Does something to open-local, and expects of the pod that writes that it goes on as if nothing had been. */
async function expectUnmoved(disturb: () => Promise<void>): Promise<void> {
  const before = await counted('files');
  const uid = node.pod('files')?.metadata.uid;
  await disturb();
  expect(await counted('files')).toBeGreaterThan(before);
  expect(node.pod('files')?.metadata.uid).toBe(uid);
  expect(node.pod('files')?.status?.containerStatuses).toMatchObject([{ restartCount: 0 }]);
}

test(
  'helm upgrade --wait ends while pods come and one writes: none waits for good',
  async () => {
    await bare.load('2', 'second');
    await expectUnmoved(async () => {
      const plain = streamPlainPods(node.system, 'plain', { everyMs: PLAIN_EVERY_MS, spec: PLAIN });
      const upgrading = bare.helm(
        ...['upgrade', 'open-local', CHART, '-n', 'open-local', ...WAIT, '--reuse-values', '--set-string=image.tag=2'],
      );
      const took = await placeVolumes('during', upgrading);
      await upgrading;
      const { count, longestGapMs } = await plain.end();
      bare.progress(
        `upgraded: ${count} pods without volumes, one each ${PLAIN_EVERY_MS} ms, longest gap ${longestGapMs} ms; with volumes, ms each: ${took.join(', ')}`,
      );
    });
    const images = ours().flatMap(({ spec }) => (spec?.containers ?? []).map(({ image }) => image ?? ''));
    expect(images.filter((image) => image.includes('/open-local:'))).toEqual(Array(3).fill('localhost/open-local:2'));
  },
  TEST_MS,
);

/** As `kubectl drain` does, tries again while the budget does not allow it. */
const untilEvicted = (name: string): Promise<void> =>
  expect.poll(() => evict(node.system, 'open-local', name).then(() => 'evicted', String), POLL).toBe('evicted');

const serverCertificate = (): Promise<string> =>
  node.system.kubectl(
    ...['get', 'secret', 'open-local-extender-tls', '-n', 'open-local', '--ignore-not-found'],
    ...['-o', String.raw`jsonpath={.data.tls\.crt}`],
  );

test(
  'both operators are evicted, one after the other: the next leads, with a new certificate, and volumes are made',
  async () => {
    const before = await serverCertificate();
    await expectUnmoved(async () => {
      // As at the end of its time: who starts next makes it anew, and the scheduler trusts it by its authority.
      await node.system.kubectl('delete', 'secret', 'open-local-extender-tls', '-n', 'open-local');
      for (const turn of ['first', 'second']) {
        const evicted = await leader();
        await untilEvicted(evicted);
        await expect.poll(leader, POLL).toSatisfy((name: string) => name !== '' && name !== evicted);
        bare.progress(`${evicted} was evicted, and another leads`);
        await node.apply(
          toolClaim({ name: turn, size: '32Mi' }),
          toolPod({ name: turn, volume: claimed(turn), spec: SCHEDULER }),
        );
        await node.untilReady(turn);
      }
    });
    const after = await serverCertificate();
    expect([before, after].every((text) => text.length > 0)).toBe(true);
    expect(after).not.toBe(before);
  },
  TEST_MS,
);

/** The records of volumes: name, and the uid by which one made anew would be known. */
const records = (): readonly string[] =>
  node.system.stores.localVolumes
    .list()
    .map(({ metadata: { name, uid } }) => `${name} ${uid}`)
    .toSorted();

test(
  'uninstalled, a pod goes on writing and every record stays; installed again, volumes end and begin as before',
  async () => {
    const before = records();
    await expectUnmoved(async () => {
      await uninstall();
      await expect.poll(ours, POLL).toEqual([]);
      await node.system.kubectl('delete', 'pod', 'first', '--wait=false');
      bare.progress('uninstalled');
    });
    await install('2');
    expect(records()).toEqual(before);
    bare.progress('installed again');
    await node.untilGone('first');
    const lines = await counted('files');
    await node.system.kubectl('delete', 'pod', 'files');
    await node.apply(writer('again', 'files'));
    await node.untilReady('again');
    expect(await counted('again')).toBeGreaterThanOrEqual(lines);
  },
  TEST_MS,
);

/** What there is in the namespace of open-local or by its names, without what Kubernetes makes of it. */
async function remains(): Promise<readonly string[]> {
  const { kubectl } = node.system;
  const kinds = async (namespaced: boolean): Promise<string> =>
    (await kubectl('api-resources', '--verbs=list', `--namespaced=${namespaced}`, '-o', 'name'))
      .split('\n')
      .filter((kind) => kind && !kind.startsWith('events'))
      .join(',');
  const within = await kubectl('get', await kinds(true), '-n', 'open-local', '-o', 'name', '--ignore-not-found');
  const outside = await kubectl('get', await kinds(false), '-o', 'name', '--ignore-not-found');
  return [
    ...within
      .split('\n')
      .filter((name) => name && !/^(configmap\/kube-root-ca.crt|serviceaccount\/default)$/.test(name)),
    ...outside.split('\n').filter((name) => /^(?!apiservice).*(open-local|csi\.aliyun\.com)/.test(name)),
  ].toSorted();
}

test(
  'uninstalled when no volume is left, nothing of it stays but what README says',
  async () => {
    await node.clear();
    await uninstall();
    await expect
      .poll(remains, POLL)
      .toEqual([
        'customresourcedefinition.apiextensions.k8s.io/localvolumes.csi.aliyun.com',
        'customresourcedefinition.apiextensions.k8s.io/nodelocalstorageinitconfigs.csi.aliyun.com',
        'customresourcedefinition.apiextensions.k8s.io/nodelocalstorages.csi.aliyun.com',
        'endpointslice.discovery.k8s.io/open-local-scheduler-extender-leader',
        'lease.coordination.k8s.io/external-resizer-local-csi-aliyun-com',
        'lease.coordination.k8s.io/local-csi-aliyun-com',
        'lease.coordination.k8s.io/open-local-operator',
        'lease.coordination.k8s.io/open-local-scheduler',
        'namespace/open-local',
        'nodelocalstorage.csi.aliyun.com/node',
        'nodelocalstorageinitconfig.csi.aliyun.com/open-local',
        'secret/open-local-extender-tls',
        'secret/open-local-extender-tls-ca',
        'secret/open-local-extender-tls-client',
      ]);
    expect(await node.onNode('lvs --noheadings')).toBe('');
    expect(await node.onNode('grep open-local /proc/mounts; ls /var/lib/kubelet/plugins_registry')).toBe('');
  },
  TEST_MS,
);
