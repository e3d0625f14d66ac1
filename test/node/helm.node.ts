// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
import { afterAll, beforeAll, expect } from 'vitest';
import { POOL } from '../control-plane/system/system.ts';
import { CHART } from '../deploy/chart.ts';
import { testOn } from '../machine.ts';
import { streamPlainPods } from '../control-plane/instruments/plain-pods.ts';
import { DISK_LINK, placeFlags, startHelmNode, type HelmNode } from './kubelet/helm-node.ts';
import { evict, isReady, type NodeInCluster, type SeenPod } from './kubelet/node-in-cluster.ts';
import { claimed, COUNT, COUNTED, toolClaim, toolPod } from './kubelet/tool-pods.ts';

/** The chart as it is shipped: all of open-local is pods, from the image of `make image`, under a real kubelet. */
const test = testOn('root', 'qemu', 'go');
const signal = AbortSignal.timeout(3_300_000);
const SCHEDULER = { schedulerName: 'open-local-scheduler' };
const POLL = { timeout: 300_000, interval: 1000 };
/** The time limit of one test: emulated, ten containers take minutes to start. */
const TEST_MS = 900_000;
const PLACE = ['-n', 'open-local', '--create-namespace'];
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

/** Without a volume; it does nothing, and its placement is what counts. */
const PLAIN = { ...(toolPod({ name: 'plain' }) as { spec: object }).spec, ...SCHEDULER };
const PLAIN_EVERY_MS = 4000;

const install = (): Promise<string> =>
  bare.helm('install', 'open-local', CHART, ...PLACE, ...WAIT, ...VALUES, ...placeFlags('1'));
const ours = (): readonly SeenPod[] =>
  node.system.stores.pods.list().filter(({ metadata }) => metadata.namespace === 'open-local');
const componentOf = ({ metadata }: SeenPod): string => metadata.labels?.['app.kubernetes.io/component'] ?? '';
const writer = (name: string, claim: string): object =>
  toolPod({ name, volume: claimed(claim), containers: [{ script: COUNT }], spec: SCHEDULER });
const counted = async (name: string): Promise<number> => Number(await node.inPod(name, COUNTED));

test(
  'helm install --wait ends, and every pod is Ready',
  async () => {
    expect(await install()).toContain('STATUS: deployed');
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
    await expect.poll(() => counted('files')).toBeGreaterThan(3);
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

test(
  'both operators are evicted, one after the other: the next leads, and volumes are made',
  async () => {
    await expectUnmoved(async () => {
      for (const turn of ['first', 'second']) {
        const evicted = await leader();
        await evict(node.system, 'open-local', evicted);
        await expect.poll(leader, POLL).not.toBe(evicted);
        await node.apply(
          toolClaim({ name: turn, size: '32Mi' }),
          toolPod({ name: turn, volume: claimed(turn), spec: SCHEDULER }),
        );
        await node.untilReady(turn);
      }
    });
  },
  TEST_MS,
);
