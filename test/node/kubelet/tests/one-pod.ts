// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
import { afterAll, beforeAll, expect } from 'vitest';
import { until } from '../../../control-plane/cluster/until.ts';
import { testOn } from '../../../machine.ts';
import { ofWhole } from '../../../whole.ts';
import { NODE } from '../join.ts';
import type { KubeletNode } from '../kubelet-node.ts';
import type { SeenPod } from '../node-in-cluster.ts';
import { claimed, toolClaim, toolPod } from '../tool-pods.ts';

/** Volumes for one pod at a time (ReadWriteOncePod) while what holds them goes and comes back. */
export function onePod(theNode: () => KubeletNode): void {
  const test = testOn('root', 'qemu', 'go');
  const testOfWhole = ofWhole(test);
  const WITHIN_MS = 200_000;
  const POLL = { timeout: WITHIN_MS, interval: 500 };
  /** Goes on with what an earlier pod counted, each number on the disk before the next. */
  const COUNT = `set -e; n=$(cat /data/count 2> /dev/null | wc -l); while :; do n=$((n + 1)); echo $n >> /data/count; sync /data/count; sleep 0.2; done`;
  const COUNT_RAW = `set -e; n=$(head -c 16 /dev/data | head -n 1 | tr -dc 0-9); while :; do n=$((n + 1)); echo $n > /tmp/n; dd if=/tmp/n of=/dev/data conv=fsync,notrunc 2> /dev/null; sleep 0.2; done`;
  /** How a pod has its volume, by the name of its claim. The kubelet mounts each once more for itself. */
  const FORMS = {
    dot: { subPath: '.' },
    sub: { subPath: 'sub' },
    raw: { block: true },
  } as const;
  const NAMES = Object.keys(FORMS) as (keyof typeof FORMS)[];
  /** The scheduler is not asked about them, so that the kubelet and the agent alone keep a second pod out. */
  const spec = { nodeName: NODE };
  let node: KubeletNode;
  /** Pods have the number of their turn in their name. */
  let turn = 1;

  const holderOf = (claim: string): string => `${claim}-${turn}`;
  const nextOf = (claim: string): string => `${claim}-${turn + 1}`;
  const podOf = (claim: keyof typeof FORMS, name: string): object =>
    toolPod({
      name,
      volume: claimed(claim),
      containers: [{ script: claim === 'raw' ? COUNT_RAW : COUNT }],
      ...FORMS[claim],
      spec,
    });

  beforeAll(async () => {
    node = theNode();
    await node.apply(
      ...NAMES.flatMap((name) => [
        toolClaim({ name, size: '64Mi', block: name === 'raw', accessMode: 'ReadWriteOncePod' }),
        { ...podOf(name, holderOf(name)), spec: scheduled(podOf(name, holderOf(name))) },
      ]),
    );
    for (const name of NAMES) await node.untilReady(holderOf(name));
    node.progress('a pod has each volume');
  });

  const agentPod = (): SeenPod | undefined =>
    node.system.stores.pods.list().find(({ metadata }) => metadata.labels?.['app.kubernetes.io/component'] === 'agent');
  const agentStatus = () => agentPod()?.status?.containerStatuses?.[0];
  const killAgent = (): string => {
    const id = agentStatus()?.containerID?.replace(/^.*:\/\//, '');
    return `ctr -n k8s.io task kill --signal SIGKILL ${id}; while ctr -n k8s.io task ls | grep -q '^${id} .*RUNNING'; do sleep 0.1; done`;
  };
  const killKubelet = `kill -9 "$(< /run/kubelet.pid)"`;
  const startKubelet = 'setsid node-join &> /run/node/join.log &';
  const uidOf = (pod: string): string => node.pod(pod)?.metadata.uid ?? '';

  /** How many Events tell that a pod does not get its volume since another has it: one for each start of a kubelet. */
  const timesKeptOut = (pod: string): number =>
    node.system.stores.events
      .list()
      .filter(
        ({ involvedObject, message }) =>
          involvedObject.name === pod && message?.includes('already in use by another pod'),
      ).length;

  /** Resolves once a kubelet that was started since has kept out each pod that waits for its turn. */
  async function untilKeptOut(before: readonly number[]): Promise<void> {
    const isToldAnew = (): boolean => NAMES.every((name, at) => timesKeptOut(nextOf(name)) > (before[at] ?? 0));
    await until('every second pod is kept out', [node.system.stores.events], WITHIN_MS, isToldAnew, () =>
      NAMES.map((name, at) => [name, before[at], timesKeptOut(nextOf(name)), node.pod(nextOf(name))?.status]),
    );
    for (const name of NAMES) expect(await mountsOf(uidOf(nextOf(name)))).toEqual([]);
  }

  /** Makes a second pod for each volume, and sees it kept out. */
  async function addNext(): Promise<void> {
    await node.apply(...NAMES.map((name) => podOf(name, nextOf(name))));
    await untilKeptOut([]);
    node.progress('a second pod waits for each volume');
  }

  async function counted(pods: (claim: string) => string): Promise<readonly number[]> {
    const counts: number[] = [];
    for (const name of NAMES) {
      const script =
        name === 'raw'
          ? 'head -n 1 /dev/data'
          : `awk '$1 != NR { print "line " NR " says " $1; exit 1 } END { print NR }' /data/count`;
      counts.push(Number(await node.inPod(pods(name), script)));
    }
    return counts;
  }

  /** What of the volumes is mounted or kept as a loop device for a pod, or for all. */
  async function mountsOf(uid = ''): Promise<readonly string[]> {
    const script = String.raw`{ awk '/kubernetes.io.csi|volume-subpaths/ { print $5, $3, $4 }' /proc/self/mountinfo; losetup --noheadings --list --output NAME,BACK-FILE; } | grep -e '${uid}' | sort; :`;
    return (await node.onNode(script)).split('\n').filter(Boolean);
  }

  /** Has the kubelet started anew, and more, while a second pod waits for each volume: the first do not notice. */
  async function expectKept(disturb: () => Promise<unknown>): Promise<void> {
    const [before, uids] = [await counted(holderOf), NAMES.map((name) => uidOf(holderOf(name)))];
    const told = NAMES.map((name) => timesKeptOut(nextOf(name)));
    const mounts = await mountsOf();
    await disturb();
    await untilKeptOut(told);
    node.progress('it waits for it still');
    expect(await mountsOf()).toEqual(mounts);
    for (const [at, count] of (await counted(holderOf)).entries()) expect(count).toBeGreaterThan(before[at] ?? 0);
    expect(NAMES.map((name) => uidOf(holderOf(name)))).toEqual(uids);
    for (const name of NAMES)
      expect(node.pod(holderOf(name))?.status?.containerStatuses).toMatchObject([{ restartCount: 0 }]);
  }

  /** Has the first pods deleted: the second get the volumes with all that was written, and nothing else is left. */
  async function expectSucceeded(remove: (pods: readonly string[]) => Promise<void>): Promise<void> {
    const before = await counted(holderOf);
    const uids = NAMES.map((name) => uidOf(holderOf(name)));
    await remove(NAMES.map(holderOf));
    for (const name of NAMES) await node.untilReady(nextOf(name));
    node.progress('the second pods have the volumes');
    turn += 1;
    for (const [at, count] of (await counted(holderOf)).entries())
      expect(count).toBeGreaterThanOrEqual(before[at] ?? 0);
    for (const uid of uids) await expect.poll(() => mountsOf(uid), POLL).toEqual([]);
  }

  const withGrace = async (pods: readonly string[]): Promise<void> => {
    await node.system.kubectl('delete', 'pod', ...pods, '--wait=false');
  };
  const byForce = async (pods: readonly string[]): Promise<void> => {
    await node.system.kubectl('delete', 'pod', ...pods, '--force', '--grace-period=0');
  };

  /** Resolves once a killed agent has been started again and is ready. */
  async function untilAgentBack(act: () => Promise<unknown>): Promise<void> {
    const restarts = agentStatus()?.restartCount ?? 0;
    await act();
    await expect.poll(agentStatus, POLL).toMatchObject({ restartCount: restarts + 1, ready: true });
  }

  test('the kubelet is killed, and the agent while it is away: pods keep their volumes, and no other gets one', async () => {
    await addNext();
    await expectKept(() => untilAgentBack(() => node.onNode(`${killKubelet}; ${killAgent()}; ${startKubelet}`)));
  });

  test('they are deleted: the next pods get the volumes, and nothing is left of the first', () =>
    expectSucceeded(withGrace));

  testOfWhole('pods are deleted by force while kubelet and agent are away: the next ones get the volumes', async () => {
    await addNext();
    await expectSucceeded((pods) =>
      untilAgentBack(async () => {
        await node.onNode(`${killKubelet}; ${killAgent()}`);
        await byForce(pods);
        await node.onNode(startKubelet);
      }),
    );
  });

  testOfWhole('the agent is killed, and the kubelet before it is back: pods keep their volumes', async () => {
    await addNext();
    await expectKept(() => untilAgentBack(() => node.onNode(`${killAgent()}; ${killKubelet}; ${startKubelet}`)));
  });

  testOfWhole('they are deleted by force: the next pods get the volumes', () => expectSucceeded(byForce));

  afterAll(() => node?.clear());
}

/** The spec of a pod for which the scheduler finds the node. */
function scheduled(pod: object): object {
  const { nodeName: _, ...rest } = (pod as { readonly spec: { readonly nodeName?: string } }).spec;
  return rest;
}
