// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
import { afterAll, beforeAll, expect } from 'vitest';
import { CLAIMS, LOCAL_VOLUMES, PODS, type Resource } from '../../../../src/kube/resource.ts';
import { NODE_LABEL } from '../../../../src/model/well-known.ts';
import { CSI_NODES } from '../../../../sandbox/controllers/kinds.ts';
import { POOL } from '../../../control-plane/system/system.ts';
import { until } from '../../../control-plane/cluster/until.ts';
import { testOn } from '../../../machine.ts';
import { NODE } from '../join.ts';
import type { KubeletNode } from '../kubelet-node.ts';
import { isReady } from '../node-in-cluster.ts';
import { claimed, toolClaim, toolPod, toolStatefulSet } from '../tool-pods.ts';

/** A pod's life: the driver is known, volumes are had in each way, grow, and go. */
export function podLife(theNode: () => KubeletNode, signal: AbortSignal): void {
  const test = testOn('root', 'qemu', 'go');
  const WITHIN_MS = 300_000;
  const MIB = 1024 ** 2;
  /** Counts on the disk, and ends with the first write that fails. */
  const COUNT = `set -e; n=0; while :; do n=$((n + 1)); echo $n >> /data/count; sync /data/count; sleep 0.1; done`;
  let node: KubeletNode;

  beforeAll(async () => {
    node = theNode();
  });

  const volumeOf = (claim: string): string => {
    const found = node.system.stores.localVolumes.list().find(({ spec }) => spec.claim?.name === claim);
    if (!found?.metadata.name) throw new Error(`claim ${claim} has no LocalVolume`);
    return found.metadata.name;
  };
  const remove = (resource: Resource, name: string): Promise<unknown> =>
    node.system.client.delete(resource, { namespace: 'default', name }, signal);
  const capacityOf = (claim: string): string | undefined =>
    node.system.stores.claims.get(`default/${claim}`)?.status?.capacity?.['storage'];

  test('the kubelet takes the driver by the socket of the agent, without a registrar beside it', async () => {
    const { spec } = await node.system.client.get(CSI_NODES, { name: NODE }, signal);
    expect(spec.drivers).toMatchObject([
      { name: 'local.csi.aliyun.com', nodeID: NODE, topologyKeys: ['kubernetes.io/hostname'] },
    ]);
    const [agent, ...more] = node.system.stores.pods
      .list()
      .filter(({ metadata }) => metadata.namespace === 'open-local');
    expect(agent?.spec?.containers?.map(({ name }) => name)).toEqual(['agent']);
    expect(more).toEqual([]);
  });

  test("the agent needs no network of pods, and listens to nothing in the node's", async () => {
    const [agent] = node.system.stores.pods.list().filter(({ metadata }) => metadata.namespace === 'open-local');
    expect(agent?.status).toMatchObject({ podIP: '10.0.2.15', hostIP: '10.0.2.15' });
    const listening = await node.onNode('ss -Hlntup');
    expect(listening).toContain('"kubelet"');
    const pid = await node.onNode('pgrep -f dist/agent.cjs');
    expect(pid).toMatch(/^\d+$/);
    expect(listening).not.toContain(`pid=${pid},`);
  });

  test('a pod of a StatefulSet runs with its claim, and finds its data when it comes back', async () => {
    await node.apply(
      toolStatefulSet(
        { name: 'web', containers: [{ script: 'date >> /data/starts; sync; exec sleep 99999' }] },
        '300Mi',
      ),
    );
    const first = await node.untilReady('web-0');
    node.progress('web-0 is ready');
    const volume = volumeOf('data-web-0');
    const [name, size, device] = (
      await node.onNode(`lvs --noheadings --nosuffix --units m -o lv_name,lv_size,lv_path ${POOL}/${volume}`)
    ).split(/\s+/);
    expect([name, Number(size), device]).toEqual([volume, 300, `/dev/${POOL}/${volume}`]);
    expect(await node.inPod('web-0', 'grep " /data " /proc/mounts')).toMatch(/^\/dev\/.* \/data ext4 rw/);
    const sum = await node.inPod(
      'web-0',
      'dd if=/dev/urandom of=/data/blob bs=1M count=8 conv=fsync 2> /dev/null; sha256sum /data/blob',
    );

    await remove(PODS, 'web-0');
    await node.untilPod(
      'web-0',
      'is another one, and ready',
      (pod) => pod.metadata.uid !== first.metadata.uid && isReady(pod),
    );
    expect(volumeOf('data-web-0')).toBe(volume);
    expect(await node.inPod('web-0', 'sha256sum /data/blob; wc -l < /data/starts')).toBe(`${sum}\n2`);
  });

  test('a pod has a raw block device of the size it claimed, and what it writes is on the volume', async () => {
    await node.apply(
      toolClaim({ name: 'raw', size: '64Mi', block: true }),
      toolPod({ name: 'raw', volume: claimed('raw'), block: true }),
    );
    await node.untilReady('raw');
    const written = await node.inPod(
      'raw',
      `dd if=/dev/urandom of=/tmp/blob bs=1M count=4 2> /dev/null; dd if=/tmp/blob of=/dev/data bs=1M oflag=direct 2> /dev/null
     sha256sum < /tmp/blob; blockdev --getsize64 /dev/data`,
    );
    const seen = await node.onNode(`head -c 4M /dev/${POOL}/${volumeOf('raw')} | sha256sum`);
    expect(written).toBe(`${seen}\n${64 * MIB}`);
  });

  test('the agent, in its container without modules, takes the first snapshot of its node', async () => {
    expect(await node.onNode('lsmod')).not.toContain('dm_snapshot');
    const [name, source] = ['first-snapshot', volumeOf('raw')];
    await node.apply({
      apiVersion: 'csi.aliyun.com/v1alpha1',
      kind: 'LocalVolume',
      metadata: { name, labels: { [NODE_LABEL]: NODE } },
      spec: {
        ...{ nodeName: NODE, kind: 'LVM', vgName: POOL, sizeBytes: 16 * MIB, role: 'Snapshot' },
        source: { volume: source },
        copyOnWrite: { thresholdPercent: 50, stepBytes: 16 * MIB },
      },
    });
    const told = () => node.system.stores.localVolumes.get(name)?.status;
    const isReadyOrFailed = () => told()?.phase === 'Ready' || told()?.reason !== undefined;
    await until('the snapshot is taken', [node.system.stores.localVolumes], WITHIN_MS, isReadyOrFailed, told);
    expect(told()).toMatchObject({ phase: 'Ready' });
    await node.system.client.delete(LOCAL_VOLUMES, { name }, signal);
    const isGone = () => node.system.stores.localVolumes.get(name) === undefined;
    await until('the snapshot is gone', [node.system.stores.localVolumes], WITHIN_MS, isGone, told);
  });

  test('a pod has a volume of its own, inline, which goes with it', async () => {
    const csi = { driver: 'local.csi.aliyun.com', volumeAttributes: { vgName: POOL, size: '64Mi' } };
    await node.apply(toolPod({ name: 'inline', volume: { csi } }));
    await node.untilReady('inline');
    await node.inPod('inline', 'echo hello > /data/file; sync');
    const inline = node.system.stores.localVolumes.list().find(({ spec }) => spec.role === 'Ephemeral')?.metadata.name;
    expect(await node.onNode(`lvs --noheadings -o lv_name ${POOL}`)).toContain(inline);
    await remove(PODS, 'inline');
    await node.untilGone('inline');
    await untilVolumes('the inline volume is gone', (names) => !names.includes(inline ?? ''));
    expect(await node.onNode(`lvs --noheadings -o lv_name ${POOL}; cat /proc/mounts`)).not.toContain(inline);
  });

  test('the group that a pod asks for owns its files, on xfs too', async () => {
    await node.apply(
      toolClaim({ name: 'grouped', size: '320Mi', storageClass: 'open-local-lvm-xfs' }),
      toolPod({
        name: 'grouped',
        volume: claimed('grouped'),
        spec: { securityContext: { fsGroup: 2000, runAsUser: 1000 } },
      }),
    );
    await node.untilReady('grouped');
    expect(
      await node.inPod('grouped', 'touch /data/mine; stat -c %g /data /data/mine; grep -o " /data xfs" /proc/mounts'),
    ).toBe('2000\n2000\n /data xfs');
  });

  test('volumes grow while they are written to, as ext4 and xfs', async () => {
    for (const [name, storageClass] of [
      ['grow-ext4', 'open-local-lvm'],
      ['grow-xfs', 'open-local-lvm-xfs'],
    ] as const)
      await node.apply(
        toolClaim({ name, size: '320Mi', storageClass }),
        toolPod({ name, volume: claimed(name), containers: [{ script: COUNT }] }),
      );
    const names = ['grow-ext4', 'grow-xfs'];
    for (const name of names) await node.untilReady(name);
    const before = await Promise.all(names.map(seenBy));
    const body = { spec: { resources: { requests: { storage: '640Mi' } } } };
    for (const name of names)
      await node.system.client.patch(CLAIMS, { namespace: 'default', name }, { type: 'merge', body }, signal);
    node.progress('asked for more');
    await until('both claims have grown', [node.system.stores.claims], WITHIN_MS, () =>
      names.every((name) => capacityOf(name) === '640Mi'),
    );
    node.progress('both have grown');
    for (const [at, name] of names.entries()) {
      const was = before[at];
      const is = await seenBy(name);
      expect(is.mib).toBeGreaterThan((was?.mib ?? 0) + 250);
      expect(is.count).toBeGreaterThan(was?.count ?? 0);
      expect(node.pod(name)?.status?.containerStatuses).toMatchObject([{ restartCount: 0 }]);
    }
  });

  test('what pods leave behind is gone with their claims', async () => {
    await node.system.kubectl('delete', 'statefulset,pod', '--all', '--wait=false');
    for (const name of ['web-0', 'raw', 'grouped', 'grow-ext4', 'grow-xfs']) await node.untilGone(name);
    await node.system.kubectl('delete', 'pvc', '--all', '--wait=false');
    await untilVolumes('every volume is gone', (names) => names.length === 0);
    const left = await node.onNode(
      `lvs --noheadings ${POOL}; losetup -l; grep kubernetes.io~csi /proc/mounts; ls /dev/${POOL} 2> /dev/null; :`,
    );
    expect(left).toBe('');
  });

  /** Size of the filesystem as the pod sees it, and how far it has counted. */
  async function seenBy(pod: string): Promise<{ readonly mib: number; readonly count: number }> {
    const [mib = 0, count = 0] = (await node.inPod(pod, `df -Pm /data | awk 'END { print $2 }'; tail -n 1 /data/count`))
      .split('\n')
      .map(Number);
    return { mib, count };
  }

  async function untilVolumes(what: string, wanted: (names: readonly string[]) => boolean): Promise<void> {
    const { stores } = node.system;
    const names = (): string[] => stores.localVolumes.list().map(({ metadata }) => metadata.name ?? '');
    await until(what, [stores.localVolumes], WITHIN_MS, () => wanted(names()), names);
  }

  afterAll(() => node?.clear());
}
