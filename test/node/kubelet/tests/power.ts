// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
import { afterAll, beforeAll, expect } from 'vitest';
import { testOn } from '../../../machine.ts';
import { ofWhole } from '../../../whole.ts';
import { type KubeletNode } from '../kubelet-node.ts';
import { claimed, LIMITED_CLASS, toolClaim, toolPod } from '../tool-pods.ts';

/** The node goes off and comes back. */
export function power(theNode: () => KubeletNode, signal: AbortSignal): void {
  const test = testOn('root', 'qemu', 'go');
  const testOfWhole = ofWhole(test);
  const COUNT = `n=$(cat /data/count 2> /dev/null | wc -l); while :; do n=$((n + 1)); echo $n >> /data/count; sync /data/count; sleep 0.1; done`;
  const LIMITS = 'rbps=1048576 wbps=1048576 riops=500 wiops=500';
  /** A pod each, with a claim of the same name. */
  const PODS = {
    files: { storageClass: 'open-local-lvm', blob: '/data/blob' },
    xfs: { storageClass: 'open-local-lvm-xfs', blob: '/data/blob' },
    raw: { storageClass: 'open-local-lvm', blob: '/dev/data' },
    limited: { storageClass: 'limited', blob: '/data/blob' },
  } as const;
  const NAMES = Object.keys(PODS) as (keyof typeof PODS)[];
  let node: KubeletNode;
  let sums: readonly string[];

  beforeAll(async () => {
    node = theNode();
    await node.apply(LIMITED_CLASS);
    for (const name of NAMES) {
      const { storageClass } = PODS[name];
      const block = name === 'raw';
      const containers = [name === 'files' ? { script: COUNT } : {}];
      await node.apply(
        toolClaim({ name, size: '320Mi', storageClass, block }),
        toolPod({ name, volume: claimed(name), block, containers }),
      );
    }
    for (const name of NAMES) await node.untilReady(name);
    node.progress('all pods are ready');
    for (const name of NAMES)
      await node.inPod(
        name,
        `head -c 2097152 /dev/urandom > /tmp/b; dd if=/tmp/b of=${PODS[name].blob} conv=fsync 2> /dev/null`,
      );
    sums = await sumsOf();
  });

  const sumsOf = (): Promise<readonly string[]> =>
    Promise.all(NAMES.map((name) => node.inPod(name, `head -c 2097152 ${PODS[name].blob} | sha256sum`)));
  const restartsOf = (name: string): number => node.pod(name)?.status?.containerStatuses?.[0]?.restartCount ?? 0;
  const maxOf = (pod: string): Promise<string> =>
    node.onNode(`cat /sys/fs/cgroup/kubepods/besteffort/pod${node.pod(pod)?.metadata.uid}/io.max`);

  /** Turns the node on again, and waits until the containers that ran before have been started anew. */
  async function comeBack(names: readonly string[]): Promise<void> {
    const before = names.map(restartsOf);
    await node.vm.boot(signal);
    node.progress('the node has booted');
    for (const [at, name] of names.entries())
      await node.untilPod(name, 'is ready again', ({ status }) =>
        (status?.containerStatuses ?? []).some(({ restartCount, ready }) => ready && restartCount > (before[at] ?? 0)),
      );
    node.progress('all pods are ready again');
  }

  /** Where volumes are mounted: once for the node and once for each pod that has them, and never twice. */
  async function expectMountsAsBefore(names: readonly string[]): Promise<void> {
    const mounts = await node.onNode(`findmnt -rn -o TARGET | grep -E 'kubernetes.io.csi'`);
    const targets = mounts.split('\n').filter((target) => !target.includes('/volumeDevices/'));
    const files = names.filter((name) => name !== 'raw');
    expect(new Set(targets).size).toBe(targets.length);
    expect(targets).toHaveLength(2 * files.length);
    for (const name of files) expect(mounts).toContain(`/pods/${node.pod(name)?.metadata.uid}/`);
  }

  testOfWhole('after a reboot: groups, mounts, limits and every byte are back', async () => {
    await node.vm.shutDown(signal);
    await comeBack(NAMES);
    expect(await sumsOf()).toEqual(sums);
    expect(await maxOf('limited')).toContain(LIMITS);
    await expectMountsAsBefore(NAMES);
  });

  test('after a power cut: what was synced is there, and groups, mounts and limits are back', async () => {
    const counted = Number(await node.inPod('files', 'tail -n 1 /data/count'));
    await node.vm.cutPower();
    await comeBack(NAMES);
    expect(await sumsOf()).toEqual(sums);
    const script = `awk '$1 != NR { print "line " NR " says " $1; exit 1 } END { print NR }' /data/count`;
    expect(Number(await node.inPod('files', script))).toBeGreaterThanOrEqual(counted);
    expect(await maxOf('limited')).toContain(LIMITS);
    await expectMountsAsBefore(NAMES);
  });

  afterAll(() => node?.clear());
}
