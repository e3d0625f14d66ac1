// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
import { afterAll, beforeAll, expect } from 'vitest';
import { POOL } from '../control-plane/system/system.ts';
import { CHART } from '../deploy/chart.ts';
import { testOn } from '../machine.ts';
import { DISK_LINK, placeFlags, startHelmNode, type HelmNode } from './kubelet/helm-node.ts';
import { isReady, type NodeInCluster, type SeenPod } from './kubelet/node-in-cluster.ts';
import { claimed, COUNT, COUNTED, toolClaim, toolPod } from './kubelet/tool-pods.ts';

/** The chart as it is shipped: all of open-local is pods, from the image of `make image`, under a real kubelet. */
const test = testOn('root', 'qemu', 'go');
const signal = AbortSignal.timeout(3_300_000);
const SCHEDULER = { schedulerName: 'open-local-scheduler' };
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
    await expect.poll(() => counted('files'), { timeout: 60_000 }).toBeGreaterThan(3);
  },
  TEST_MS,
);
