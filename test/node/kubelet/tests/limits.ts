// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
import { afterAll, beforeAll, expect } from 'vitest';
import { LOCAL_VOLUMES } from '../../../../src/kube/resource.ts';
import { POOL } from '../../../control-plane/system/system.ts';
import { testOn } from '../../../machine.ts';
import { ofWhole } from '../../../whole.ts';
import type { KubeletNode } from '../kubelet-node.ts';
import type { SeenPod } from '../node-in-cluster.ts';
import { claimed, LIMITED_CLASS, toolClaim, toolPod } from '../tool-pods.ts';

/** IO limits in the cgroups that a real kubelet makes. */
export function podLimits(theNode: () => KubeletNode, signal: AbortSignal): void {
  const test = testOn('root', 'qemu', 'go');
  const testOfWhole = ofWhole(test);
  const MIB = 1024 ** 2;
  const POLL = { timeout: 200_000, interval: 500 };
  const LIMITED = { rbps: MIB, wbps: MIB, riops: 500, wiops: 500 };
  type Max = Readonly<Record<keyof typeof LIMITED, number | 'max'>>;
  /** No limited volume takes 2 MiB faster. */
  const LIMITED_SECONDS = 1.6;
  const FREE: Max = { rbps: 'max', wbps: 'max', riops: 'max', wiops: 'max' };

  /** A pod of each class of service, with two containers; where its cgroup is below that of all pods. */
  const some = { cpu: '200m', memory: '24Mi' };
  const CLASSES = [
    { name: 'best-effort', resources: {}, folder: 'besteffort' },
    { name: 'burstable', resources: { requests: some }, folder: 'burstable' },
    { name: 'guaranteed', resources: { requests: some, limits: some }, folder: '' },
  ] as const;
  const PODS = CLASSES.map(({ name }) => name);
  let node: KubeletNode;

  beforeAll(async () => {
    node = theNode();
    await node.apply(LIMITED_CLASS);
    await node.apply(
      ...CLASSES.flatMap(({ name, resources }) => [
        toolClaim({ name, size: '64Mi', storageClass: 'limited' }),
        toolPod({ name, volume: claimed(name), containers: [{ resources }, { resources }] }),
      ]),
      toolClaim({ name: 'raw', size: '64Mi', storageClass: 'limited', block: true }),
      toolPod({ name: 'raw', volume: claimed('raw'), block: true }),
      toolClaim({ name: 'free', size: '64Mi' }),
      toolPod({ name: 'free', volume: claimed('free') }),
    );
    for (const name of [...PODS, 'raw', 'free']) await node.untilReady(name);
    node.progress('all pods are ready');
  });

  const groupOf = (pod: string): string => {
    const folder = CLASSES.find(({ name }) => name === pod)?.folder ?? 'besteffort';
    return `/sys/fs/cgroup/kubepods/${folder}/pod${node.pod(pod)?.metadata.uid}`;
  };
  const volumeOf = (claim: string): string =>
    node.system.stores.localVolumes.list().find(({ spec }) => spec.claim?.name === claim)?.metadata.name ?? '';

  /** What the kernel says of the pod's volume in the pod's cgroup. */
  async function maxOf(pod: string): Promise<Max> {
    const device = await node.onNode(`stat -L -c %Hr:%Lr /dev/${POOL}/${volumeOf(pod)}`);
    const line = (await node.onNode(`cat ${groupOf(pod)}/io.max`))
      .split('\n')
      .find((each) => each.startsWith(`${device} `));
    const words = (line ?? '')
      .split(' ')
      .slice(1)
      .map((word) => word.split('=') as [string, string]);
    return {
      ...FREE,
      ...Object.fromEntries(words.map(([key, value]) => [key, value === 'max' ? value : Number(value)])),
    };
  }

  /** How long 2 MiB take, written past all caches, in seconds. */
  async function secondsToWrite(pod: string, container?: string, file = '/data/written'): Promise<number> {
    const script = `read a x < /proc/uptime; dd if=/dev/zero of=${file} bs=64k count=32 oflag=direct 2> /dev/null || exit 1
    read b x < /proc/uptime; echo $a $b | awk '{ print $2 - $1 }'`;
    return Number(await node.inPod(pod, script, container));
  }

  /** The least of three times: a busy machine is slow now and then, a limited volume always. */
  async function quickest(pod: string, file?: string): Promise<number> {
    const times: number[] = [];
    for (let at = 0; at < 3; at += 1) times.push(await secondsToWrite(pod, 'c0', file));
    return Math.min(...times);
  }

  const change = (claim: string, limits: object): Promise<unknown> =>
    node.system.client.patch(
      LOCAL_VOLUMES,
      { name: volumeOf(claim) },
      { type: 'merge', body: { spec: { limits } } },
      signal,
    );
  const overwrite = (pod: string): Promise<string> =>
    node.onNode(`sed 's/ .*/ rbps=max wbps=max riops=max wiops=max/' ${groupOf(pod)}/io.max > /run/lines
    while read -r line; do echo "$line" > ${groupOf(pod)}/io.max; done < /run/lines`);
  const killContainer = async (pod: SeenPod | undefined, name: string): Promise<void> => {
    const found = pod?.status?.containerStatuses?.find((each) => each.name === name);
    await node.onNode(`ctr -n k8s.io task kill --signal SIGKILL ${found?.containerID?.replace(/^.*:\/\//, '')}`);
  };
  const agentPod = (): SeenPod | undefined =>
    node.system.stores.pods.list().find(({ metadata }) => metadata.labels?.['app.kubernetes.io/component'] === 'agent');

  test('pods of every class of service have the limits of their volume, in each of their containers', async () => {
    for (const pod of PODS) {
      expect(await maxOf(pod)).toEqual(LIMITED);
      for (const container of ['c0', 'c1']) {
        const seconds = await secondsToWrite(pod, container);
        node.progress(`${pod} ${container}: 2 MiB at 1 MiB/s took ${seconds} s`);
        expect(seconds).toBeGreaterThan(LIMITED_SECONDS);
      }
    }
  });

  testOfWhole('a raw block volume is limited, and a volume without limits is not', async () => {
    expect(await maxOf('raw')).toEqual(LIMITED);
    expect(await secondsToWrite('raw', 'c0', '/dev/data')).toBeGreaterThan(LIMITED_SECONDS);
    expect(await maxOf('free')).toEqual(FREE);
    expect(await quickest('free')).toBeLessThan(LIMITED_SECONDS);
  });

  testOfWhole('a container that is restarted is limited as before', async () => {
    await killContainer(node.pod('burstable'), 'c1');
    await node.untilPod('burstable', 'has a new container', ({ status }) =>
      (status?.containerStatuses ?? []).some(
        ({ name, restartCount, ready }) => name === 'c1' && restartCount === 1 && ready,
      ),
    );
    expect(await maxOf('burstable')).toEqual(LIMITED);
    expect(await secondsToWrite('burstable', 'c1')).toBeGreaterThan(LIMITED_SECONDS);
  });

  testOfWhole('limits that somebody overwrites are set again', async () => {
    await overwrite('guaranteed');
    await expect.poll(() => maxOf('guaranteed'), POLL).toEqual(LIMITED);
  });

  test('limits change while the pod runs, and can be taken away', async () => {
    await change('best-effort', { readBps: 8 * MIB, writeBps: 4 * MIB, readIops: null, writeIops: 200 });
    await expect
      .poll(() => maxOf('best-effort'), POLL)
      .toEqual({ rbps: 8 * MIB, wbps: 4 * MIB, riops: 'max', wiops: 200 });
    await change('best-effort', { readBps: null, writeBps: null, writeIops: null });
    await expect.poll(() => maxOf('best-effort'), POLL).toEqual(FREE);
    expect(await quickest('best-effort')).toBeLessThan(LIMITED_SECONDS);
  });

  testOfWhole('limits hold while the agent is away, and it sees to those that were lost meanwhile', async () => {
    const before = agentPod();
    const restarts = before?.status?.containerStatuses?.[0]?.restartCount ?? 0;
    await killContainer(before, 'agent');
    expect(await maxOf('burstable')).toEqual(LIMITED);
    await overwrite('guaranteed');
    await expect
      .poll(() => agentPod()?.status?.containerStatuses?.[0], POLL)
      .toMatchObject({ restartCount: restarts + 1, ready: true });
    await expect.poll(() => maxOf('guaranteed'), POLL).toEqual(LIMITED);
    expect(await maxOf('burstable')).toEqual(LIMITED);
  });

  testOfWhole('a pod that comes after a limited one on the same device is free', async () => {
    await node.system.kubectl('delete', 'pod', 'raw', '--wait=false');
    await node.untilGone('raw');
    await change('raw', { readBps: null, writeBps: null, readIops: null, writeIops: null });
    await node.apply(toolPod({ name: 'raw', volume: claimed('raw'), block: true }));
    await node.untilReady('raw');
    expect(await maxOf('raw')).toEqual(FREE);
    expect(await quickest('raw', '/dev/data')).toBeLessThan(LIMITED_SECONDS);
  });

  afterAll(() => node?.clear());
}
