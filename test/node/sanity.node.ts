// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, expect } from 'vitest';
import { joinNode } from '../../sandbox/cluster/simulated-node.ts';
import { registerDriver } from '../../sandbox/controllers/kubelet.ts';
import { createCsiClient } from '../../src/csi/client.ts';
import { INIT_CONFIGS } from '../../src/kube/resource.ts';
import { DEFAULT_DRIVER } from '../../src/model/well-known.ts';
import { serviceAccountKubeconfig } from '../control-plane/cluster/identities.ts';
import { buildProgram } from '../control-plane/cluster/program.ts';
import { until } from '../control-plane/cluster/until.ts';
import { runSanity, type SanityPlace } from '../control-plane/instruments/csi-sanity.ts';
import { optionsOf, SANITY_GROUP, SANITY_RUNS, skippedIn } from '../control-plane/instruments/sanity-runs.ts';
import { POOL, startSystem, type System } from '../control-plane/system/system.ts';
import { testOn } from '../machine.ts';
import { CSI_PORT, csiSocketOf, installAgent, startInstalled } from './agent/installed-agent.ts';
import { clusterOfHost, guestKubeconfig } from './machine/guest-kubeconfig.ts';
import { builtImage } from './machine/image.ts';
import { createProgress } from './machine/progress.ts';
import { openTcpDoor, type TcpDoor } from './machine/tcp-door.ts';
import { attachDisk, linkOf, startVm, type Vm } from './machine/vm.ts';

const test = testOn('root', 'qemu', 'go');
const progress = createProgress(import.meta.filename);
const HOUR_MS = 3_600_000;
const signal = AbortSignal.timeout(2 * HOUR_MS);
/** A run takes minutes where the machine is emulated. */
const RUN_MS = 2_400_000;
const REPORT_MS = 120_000;
const NODE = 'node';
const MIB = 2 ** 20;
const there = (file: string): string => `/root/${file}`;
let started = new AsyncDisposableStack();

/** For each run anew: control plane and operator on this machine, the agent on a real kernel with real LVM. */
let system: System;
let vm: Vm;
let door: TcpDoor;
beforeEach(async () => {
  started = new AsyncDisposableStack();
  const image = await builtImage(signal);
  const program = started.use(await buildProgram());
  const booting = startVm({ image, forward: [CSI_PORT] }, signal);
  started.defer(async () => (await booting.catch(() => undefined))?.[Symbol.asyncDispose]());
  system = await startSystem({ openLocal: program.file, groups: [], replicas: 1 });
  started.defer(() => system.stop());
  door = started.use(await openTcpDoor(system.leader().csiSocket));
  vm = await booting;
  progress('control plane and machine are there');
  await startAgent();
  await offer();
  progress('the agent offers its group');
});
afterEach(async () => {
  await started.disposeAsync();
});

/** As the kubelet has it do: with the token of its node, and registered there. */
async function startAgent(): Promise<void> {
  const { cluster, client } = system;
  await joinNode({ name: NODE, labels: {}, disks: [] }, client, signal);
  const file = await serviceAccountKubeconfig(cluster, 'open-local-agent', NODE);
  const { users } = JSON.parse(await readFile(file, 'utf8')) as { readonly users: readonly { readonly user: Token }[] };
  await vm.writeFile(there('ca.crt'), await readFile(path.join(cluster.dir, 'ca.crt')), signal);
  const kubeconfig = guestKubeconfig(clusterOfHost(cluster.server, there('ca.crt')), { ...users[0]?.user });
  await installAgent(vm, kubeconfig, signal);
  await startInstalled(vm, { node: NODE, name: 'agent', flags: [] }, signal);
  const csi = createCsiClient({ kind: 'tcp', host: '127.0.0.1', port: vm.portTo(CSI_PORT) }, REPORT_MS);
  started.defer(() => csi.close());
  await registerDriver({ driver: DEFAULT_DRIVER, nodeName: NODE, node: csi.node }, { client }, signal);
}
type Token = Readonly<Record<string, string>>;

/** Plugs in a disk for the group, and resolves when the node offers it. */
async function offer(): Promise<void> {
  await attachDisk(vm, { serial: 'pool', mib: SANITY_GROUP / MIB }, signal);
  const nodesConfig = [
    {
      selector: { matchLabels: { 'kubernetes.io/hostname': NODE } },
      listConfig: { vgs: { include: [POOL] } },
      resourceToBeInited: { vgs: [{ name: POOL, devices: [linkOf('pool')] }] },
    },
  ];
  const body = { spec: { nodesConfig } };
  await system.client.patch(INIT_CONFIGS, { name: 'open-local' }, { type: 'merge', body }, signal);
  const { nodeStorages } = system.stores;
  await until(
    'the node offers its group',
    [nodeStorages],
    REPORT_MS,
    () => nodeStorages.get(NODE)?.status?.filteredStorageInfo?.volumeGroups?.length === 1,
    () => nodeStorages.get(NODE)?.status,
  );
}

/** Installs csi-sanity beside the agent, whose mounts it looks at. */
async function onNode(): Promise<SanityPlace> {
  const program = there('csi-sanity');
  await vm.writeFile(program, await readFile(system.cluster.binary('csi-sanity')), signal);
  await vm.must(['chmod', '+x', program], signal);
  return {
    program,
    dir: '/root',
    write: (file, text) => vm.writeFile(file, text, signal),
    read: async (file) => (await vm.readFile(file, signal)).toString(),
    run: async (argv) => {
      const { stdout, stderr } = await vm.run(argv, signal, { timeoutMs: RUN_MS });
      return stdout + stderr;
    },
  };
}

/** Of whole disks nothing is replaced in ring 4. */
const RUNS = SANITY_RUNS.filter(({ kind }) => kind === 'LVM');

test.for(RUNS)(
  'the official csi-sanity on real LVM, $access: none failed, and exactly what is listed is skipped',
  { timeout: RUN_MS },
  async (run) => {
    const { passed, failed, skipped } = await runSanity({
      ...optionsOf(run),
      place: await onNode(),
      controller: `10.0.2.2:${door.port}`,
      node: `unix://${csiSocketOf('agent')}`,
    });
    progress(`${run.name}: ${passed.length} passed, ${failed.length} failed, ${skipped.length} skipped`);
    expect(failed).toEqual([]);
    expect(passed.length).toBeGreaterThan(40);
    expect(skipped.toSorted()).toEqual(skippedIn(run));
    expect(system.stores.localVolumes.list()).toEqual([]);
    expect(await vm.must('lvs --noheadings -o name; dmsetup ls | grep -v "No devices" || true', signal)).toBe('');
  },
);
