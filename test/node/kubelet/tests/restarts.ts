// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
import { afterAll, beforeAll, expect } from 'vitest';
import { CSI_NODES } from '../../../../sandbox/controllers/kinds.ts';
import { POOL } from '../../../control-plane/system/system.ts';
import { testOn } from '../../../machine.ts';
import { ofWhole } from '../../../whole.ts';
import { NODE } from '../join.ts';
import type { KubeletNode } from '../kubelet-node.ts';
import { evict, isReady, type SeenPod } from '../node-in-cluster.ts';
import { claimed, COUNT, COUNTED, toolClaim, toolPod, toolStatefulSet } from '../tool-pods.ts';

/** What holds volumes goes and comes back while pods use them. */
export function restarts(theNode: () => KubeletNode, signal: AbortSignal): void {
  const test = testOn('root', 'qemu', 'go');
  const testOfWhole = ofWhole(test);
  const POLL = { timeout: 200_000, interval: 500 };
  const COUNT_RAW = `set -e; n=0; while :; do n=$((n + 1)); echo $n > /tmp/n; dd if=/tmp/n of=/dev/data conv=fsync,notrunc 2> /dev/null; sleep 0.1; done`;
  let node: KubeletNode;
  let volumes = 0;

  beforeAll(async () => {
    node = theNode();
    await node.loadAgent('2', 'second');
    await node.apply(
      toolStatefulSet({ name: 'files', containers: [{ script: COUNT }] }, '128Mi'),
      toolClaim({ name: 'raw', size: '64Mi', block: true }),
      toolPod({ name: 'raw', volume: claimed('raw'), block: true, containers: [{ script: COUNT_RAW }] }),
    );
    for (const name of ['files-0', 'raw']) await node.untilReady(name);
    node.progress('two pods write');
  });

  const agentPod = (): SeenPod | undefined =>
    node.system.stores.pods
      .list()
      .find(
        ({ metadata }) => metadata.labels?.['app.kubernetes.io/component'] === 'agent' && !metadata.deletionTimestamp,
      );
  const volumeOf = (claim: string): string =>
    node.system.stores.localVolumes.list().find(({ spec }) => spec.claim?.name === claim)?.metadata.name ?? '';
  const counted = async (): Promise<readonly [number, number]> => [
    Number(await node.inPod('files-0', COUNTED)),
    Number(await node.inPod('raw', 'head -n 1 /dev/data')),
  ];
  const uidOf = (pod: string): string | undefined => node.pod(pod)?.metadata.uid;
  const driversOf = async () => (await node.system.client.get(CSI_NODES, { name: NODE }, signal)).spec.drivers;

  /**
   * Does something to the node, and expects of the pods that write that they go on as if nothing had been, and that new
   * ones come up.
   */
  async function expectUnmoved(disturb: () => Promise<void>): Promise<void> {
    const before = await counted();
    const uids = [uidOf('files-0'), uidOf('raw')];
    await disturb();
    const name = `new-${(volumes += 1)}`;
    await node.apply(toolClaim({ name, size: '32Mi' }), toolPod({ name, volume: claimed(name) }));
    await node.untilReady(name);
    node.progress(`a new pod is ready after it: ${name}`);
    const [files, raw] = await counted();
    expect(files).toBeGreaterThan(before[0]);
    expect(raw).toBeGreaterThan(before[1]);
    expect([uidOf('files-0'), uidOf('raw')]).toEqual(uids);
    for (const pod of ['files-0', 'raw'])
      expect(node.pod(pod)?.status?.containerStatuses).toMatchObject([{ restartCount: 0 }]);
    expect(await driversOf()).toMatchObject([{ name: 'local.csi.aliyun.com' }]);
  }

  testOfWhole('the kubelet is killed and started again: pods write on', async () => {
    await expectUnmoved(async () => {
      await node.onNode('kill -9 "$(< /run/kubelet.pid)"; setsid node-join &> /run/node/join.log &');
    });
  });

  testOfWhole('the agent is killed: pods write on, and it serves again', async () => {
    await expectUnmoved(async () => {
      const before = agentPod()?.status?.containerStatuses?.[0];
      const id = before?.containerID?.replace(/^.*:\/\//, '');
      await node.onNode(`ctr -n k8s.io task kill --signal SIGKILL ${id}`);
      await expect
        .poll(() => agentPod()?.status?.containerStatuses?.[0], POLL)
        .toMatchObject({ restartCount: (before?.restartCount ?? 0) + 1, ready: true });
    });
  });

  test('the agent is upgraded: pods write on', async () => {
    await expectUnmoved(async () => {
      await node.deployAgent('2');
      expect(agentPod()?.spec?.containers?.[0]?.image).toMatch(/:2$/);
    });
  });

  test('a pod is deleted by force: the next one has its data, and nothing else holds the volume', async () => {
    const [before] = await counted();
    const uid = uidOf('files-0');
    await node.system.kubectl('delete', 'pod', 'files-0', '--force', '--grace-period=0');
    await node.untilPod('files-0', 'is another one, and ready', (pod) => pod.metadata.uid !== uid && isReady(pod));
    const [after] = await counted();
    expect(after).toBeGreaterThanOrEqual(before);
    await expect.poll(targetsOfFiles, POLL).toEqual([uidOf('files-0')]);
  });

  testOfWhole('a pod is evicted: it comes back with its data when the node takes pods again', async () => {
    const [before] = await counted();
    const uid = uidOf('files-0');
    await node.system.kubectl('cordon', NODE);
    await evict(node.system, 'default', 'files-0');
    await node.untilPod('files-0', 'waits', (pod) => pod.metadata.uid !== uid && pod.status?.phase === 'Pending');
    await expect.poll(targetsOfFiles, POLL).toEqual([]);
    await node.system.kubectl('uncordon', NODE);
    await node.untilReady('files-0');
    expect((await counted())[0]).toBeGreaterThanOrEqual(before);
  });

  testOfWhole(
    'a pod is deleted by force while the kubelet is away: its mounts are cleaned up once it is back',
    async () => {
      const name = 'new-1';
      const uid = uidOf(name);
      const volume = volumeOf(name);
      await node.onNode('kill -9 "$(< /run/kubelet.pid)"');
      await node.system.kubectl('delete', 'pod', name, '--force', '--grace-period=0');
      await node.system.kubectl('delete', 'pvc', name, '--wait=false');
      expect(await node.onNode(`grep -c ${uid}.*kubernetes.io~csi /proc/mounts`)).toBe('1');
      await node.onNode('setsid node-join &> /run/node/join.log &');
      await expect.poll(() => node.onNode(`grep ${uid} /proc/mounts; :`), POLL).toBe('');
      await expect.poll(() => node.onNode(`lvs --noheadings -o lv_name ${POOL}`), POLL).not.toContain(volume);
    },
  );

  /** Uids of the pods at whose paths the volume of files-0 is mounted. */
  async function targetsOfFiles(): Promise<readonly (string | undefined)[]> {
    const device = await node.onNode(`readlink -f /dev/${POOL}/${volumeOf('data-files-0')}`);
    const mounts = await node.onNode(`findmnt -rn -o TARGET -S ${device}; :`);
    return [...mounts.matchAll(/\/pods\/([^/]+)\//g)].map(([, uid]) => uid);
  }

  afterAll(() => node?.clear());
}
