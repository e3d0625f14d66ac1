// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
import { afterAll, beforeAll, expect } from 'vitest';
import { CLAIMS, LOCAL_VOLUMES, NODE_LOCAL_STORAGES, NODES } from '../../../../src/kube/resource.ts';
import { NODE_LABEL, REMOVE_STRAYS, VOLUME_FINALIZER } from '../../../../src/model/well-known.ts';
import { until } from '../../../control-plane/cluster/until.ts';
import { POOL } from '../../../control-plane/system/system.ts';
import { testOn } from '../../../machine.ts';
import { ofWhole } from '../../../whole.ts';
import { NODE } from '../join.ts';
import type { KubeletNode } from '../kubelet-node.ts';
import { claimed, LIMITED_CLASS, toolClaim, toolPod } from '../tool-pods.ts';

/** What strangers' machines and objects did to systems like this one (docs/kinds-of-faults.md). */
export function strangers(theNode: () => KubeletNode, signal: AbortSignal): void {
  const test = testOn('root', 'qemu', 'go');
  const testOfWhole = ofWhole(test);
  const WITHIN_MS = 200_000;
  const POLL = { timeout: WITHIN_MS, interval: 500 };
  const COUNT = `n=0; while :; do n=$((n + 1)); echo $n >> /data/count; sync /data/count; done`;
  let node: KubeletNode;

  beforeAll(async () => {
    node = theNode();
    await node.apply(LIMITED_CLASS);
  });

  const volumeOf = (claim: string): string =>
    node.system.stores.localVolumes.list().find(({ spec }) => spec.claim?.name === claim)?.metadata.name ?? '';
  const logicalVolumes = (): Promise<string> => node.onNode(`lvs --noheadings -o lv_name ${POOL}`);
  const untilToldOn = (name: string, what: string): Promise<unknown> =>
    until(`an Event on ${name} says ${what}`, [node.system.stores.events], WITHIN_MS, () =>
      node.system.stores.events
        .list()
        .some(({ involvedObject, message }) => involvedObject.name === name && message?.includes(what)),
    );

  test('limits of milli-bytes are refused for claims and inline volumes, and their pods can be removed', async () => {
    const attributes = { vgName: POOL, size: '64Mi', bps: '10m' };
    const csi = { driver: 'local.csi.aliyun.com', volumeAttributes: attributes };
    await node.apply(
      {
        ...LIMITED_CLASS,
        metadata: { name: 'milli' },
        parameters: { ...LIMITED_CLASS.parameters, bps: '10m' },
      },
      toolClaim({ name: 'milli', size: '64Mi', storageClass: 'milli' }),
      toolPod({ name: 'milli', volume: claimed('milli') }),
      // The kubelet alone is asked.
      toolPod({ name: 'milli-inline', volume: { csi }, spec: { nodeName: NODE } }),
    );
    for (const name of ['milli', 'milli-inline']) await untilToldOn(name, 'did you mean 10M');
    await node.system.kubectl('delete', 'pod', 'milli', 'milli-inline', '--wait=false');
    for (const name of ['milli', 'milli-inline']) await node.untilGone(name);
    expect(node.system.stores.localVolumes.list()).toEqual([]);
  });

  test('a pod whose volume is limited to two bytes a second by an old object is killed all the same', async () => {
    await node.apply(
      toolClaim({ name: 'old', size: '64Mi', storageClass: 'limited' }),
      toolPod({ name: 'old', volume: claimed('old'), containers: [{ script: COUNT }] }),
    );
    await node.untilReady('old');
    const limits = { readBps: 2, writeBps: 2, readIops: 1, writeIops: 1 };
    await node.system.client.patch(
      LOCAL_VOLUMES,
      { name: volumeOf('old') },
      { type: 'merge', body: { spec: { limits } } },
      signal,
    );
    const file = `/sys/fs/cgroup/kubepods/besteffort/pod${node.pod('old')?.metadata.uid}/io.max`;
    await expect.poll(() => node.onNode(`cat ${file}`), POLL).toContain('rbps=65536 wbps=65536 riops=10 wiops=10');
    await node.system.kubectl('delete', 'pod', 'old', '--wait=false');
    await node.untilGone('old');
  });

  testOfWhole('a lost node returns: what was left is kept apart, adopted or removed on purpose', async () => {
    for (const name of ['keep', 'waste'])
      await node.apply(toolClaim({ name, size: '64Mi' }), toolPod({ name, volume: claimed(name) }));
    for (const name of ['keep', 'waste']) await node.untilReady(name);
    const [keep, waste] = [volumeOf('keep'), volumeOf('waste')];
    const { stores, client } = node.system;
    const { spec } = await client.get(LOCAL_VOLUMES, { name: keep }, signal);
    const uuid = await node.onNode(`lvs --noheadings -o lv_uuid ${POOL}/${waste}`);

    await node.vm.cutPower();
    await client.delete(NODES, { name: NODE }, signal);
    await node.system.kubectl('delete', 'pod', '--all', '--force', '--grace-period=0', '-n', 'default');
    await node.system.kubectl('delete', 'pod', '--all', '--force', '--grace-period=0', '-n', 'open-local');
    for (const name of ['keep', 'waste']) await client.delete(CLAIMS, { namespace: 'default', name }, signal);
    const all = [stores.claims, stores.volumes, stores.localVolumes];
    await until('its objects are gone', all, WITHIN_MS, () => all.every((store) => store.list().length === 0));
    for (const name of [keep, waste]) await untilToldOn(name, 'Its data was not touched');
    node.progress('the objects of the lost node are gone');

    await node.vm.boot(signal);
    const strays = await until('the node tells what was left', [stores.nodeStorages], WITHIN_MS, () =>
      stores.nodeStorages
        .get(NODE)
        ?.status?.conditions?.find(({ type, message }) => type === 'StrayVolumes' && message.includes(keep)),
    );
    expect(strays).toMatchObject({ status: 'False', message: expect.stringContaining(uuid) as string });
    node.progress('the node has returned');
    await node.apply(toolClaim({ name: 'new', size: '64Mi' }), toolPod({ name: 'new', volume: claimed('new') }));
    await node.untilReady('new');
    expect(await node.inPod('new', 'ls /data')).toBe('lost+found');

    const annotations = { [REMOVE_STRAYS]: uuid };
    await client.patch(
      NODE_LOCAL_STORAGES,
      { name: NODE },
      { type: 'merge', body: { metadata: { annotations } } },
      signal,
    );
    node.progress('the node is told to erase one of the two');
    await withLogs(() => expect.poll(logicalVolumes, POLL).not.toContain(waste));
    node.progress('it is erased');
    expect(await logicalVolumes()).toContain(keep);

    // As the condition tells: with the label of the node, and without a finalizer.
    const { nodeName, kind, vgName, sizeBytes, role } = spec;
    await node.apply({
      apiVersion: 'csi.aliyun.com/v1alpha1',
      kind: 'LocalVolume',
      metadata: { name: keep, labels: { [NODE_LABEL]: NODE } },
      spec: { nodeName, kind, vgName, sizeBytes, role },
    });
    const adopted = await until('it is adopted', [stores.localVolumes], WITHIN_MS, () => {
      const found = stores.localVolumes.get(keep);
      return found?.status?.phase === 'Ready' ? found : undefined;
    });
    expect(adopted.metadata.finalizers).toContain(VOLUME_FINALIZER);
    await client.delete(LOCAL_VOLUMES, { name: keep }, signal);
    await node.clear();
    await expect.poll(logicalVolumes, POLL).toBe('');
  });

  testOfWhole(
    'where the root folder of the kubelet is a link, volumes come, stay over its restart, and go',
    async () => {
      await node.clear();
      await node.onNode(`kill -9 "$(< /run/kubelet.pid)"
      for task in $(ctr -n k8s.io task ls -q); do ctr -n k8s.io task kill -s SIGKILL "$task" || :; done
      until [ -z "$(ctr -n k8s.io task ls | grep RUNNING)" ]; do sleep 0.1; done
      awk '$2 ~ "^/var/lib/kubelet/" { print $2 }' /proc/mounts | sort -r | xargs -r umount
      mv /var/lib/kubelet /srv/kubelet
      ln -s /srv/kubelet /var/lib/kubelet
      setsid node-join &> /run/node/join.log &`);
      const csi = { driver: 'local.csi.aliyun.com', volumeAttributes: { vgName: POOL, size: '64Mi' } };
      await node.apply(
        toolClaim({ name: 'files', size: '64Mi' }),
        toolPod({ name: 'files', volume: claimed('files'), subPath: '.' }),
        toolClaim({ name: 'raw', size: '64Mi', block: true }),
        toolPod({ name: 'raw', volume: claimed('raw'), block: true }),
        toolPod({ name: 'inline', volume: { csi } }),
      );
      for (const name of ['files', 'raw', 'inline']) await node.untilReady(name);
      node.progress('all pods are ready below a link');
      const before = await mountsBelow('/srv/kubelet');
      expect(before).toHaveLength(new Set(before).size);

      await node.onNode('kill -9 "$(< /run/kubelet.pid)"; setsid node-join &> /run/node/join.log &');
      await node.apply(
        toolClaim({ name: 'later', size: '64Mi' }),
        toolPod({ name: 'later', volume: claimed('later') }),
      );
      await node.untilReady('later');
      const later = node.pod('later')?.metadata.uid ?? '';
      const device = volumeOf('later').replaceAll('-', '--');
      expect(
        (await mountsBelow('/srv/kubelet')).filter((mount) => !mount.includes(later) && !mount.includes(device)),
      ).toEqual(before);
      await node.clear();
      await expect.poll(logicalVolumes, POLL).toBe('');
      await expect.poll(() => mountsBelow('/srv/kubelet'), POLL).toEqual([]);
    },
  );

  /** Adds to what is thrown what the agent has logged and the node reports: both go with the machine. */
  async function withLogs(wait: () => Promise<unknown>): Promise<void> {
    try {
      await wait();
    } catch (error) {
      const log = await node.onNode(
        'tail -n 60 /var/log/pods/open-local_*/agent/*.log; ps -eo pid,etimes,stat,wchan:20,args | grep -e lvm -e blkdiscard; :',
      );
      const report = JSON.stringify(node.system.stores.nodeStorages.get(NODE));
      throw new Error(`${String(error)}\n${log}\n${report}`, { cause: error });
    }
  }

  /** Mounts of volumes below a folder, each with its device. */
  async function mountsBelow(folder: string): Promise<readonly string[]> {
    const mounts = await node.onNode(
      String.raw`awk '$2 ~ "^${folder}/.*(kubernetes.io.csi|volume-subpaths)" { print $2, $1 }' /proc/mounts`,
    );
    return mounts.split('\n').filter(Boolean).toSorted();
  }

  afterAll(() => node?.clear());
}
