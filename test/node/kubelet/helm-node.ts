import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { silentLog } from '../../../src/model/log.ts';
import { run } from '../../../src/exec/run.ts';
import { loadKubeconfig } from '../../../src/kube/access/kubeconfig.ts';
import { createKubeClient } from '../../../src/kube/rest/rest-client.ts';
import { openKubeletStores, openStores } from '../../../sandbox/controllers/stores.ts';
import { builtTools } from '../../deploy/chart.ts';
import { startCluster, type Cluster } from '../../control-plane/cluster/cluster.ts';
import { kubectl } from '../../control-plane/cluster/identities.ts';
import { buildProgram } from '../../control-plane/cluster/program.ts';
import { createProgress } from '../machine/progress.ts';
import { attachDisk, linkOf, startVm, type Vm } from '../machine/vm.ts';
import { plainLayer, writeContainerImage } from './container-image.ts';
import { giveKubeconfig, joinCluster } from './join.ts';
import { builtImageOf, builtKubeletImage, importImage, loadOpenLocal } from './kubelet-image.ts';
import { nodeInCluster, type NodeInCluster } from './node-in-cluster.ts';

/** Three operators at once while one takes another's place, with their sidecars, and two schedulers. */
const MEMORY_MIB = 3072;
/** Of helm's own waiting too. */
const HELM_MS = 600_000;
/** What makes volumes may be on its way to another version meanwhile. */
const POD_MS = 600_000;
const DISK = 'pool';
/** A disk for a volume group. */
export const DISK_LINK = linkOf(DISK);
/** The registry of which the chart is told; its images are on the node already. */
export const REGISTRY = 'localhost';
/** Of the extender's Service, since dnsmasq must know it before it is there. */
const SERVICE_IP = '10.96.23.0';

/** The images beside open-local's that the chart asks for, and of which program each is. */
const PROGRAMS = {
  'sig-storage/csi-provisioner:v6.3.0': 'csi-provisioner',
  'sig-storage/csi-resizer:v2.3.0': 'csi-resizer',
  'kube-scheduler:v1.36.3': 'kube-scheduler',
} as const;

/** A cluster of one node with nothing of open-local but the images. */
export interface HelmNode extends AsyncDisposable {
  readonly vm: Vm;
  readonly cluster: Cluster;
  readonly progress: (what: string) => void;
  /** Runs helm with all rights. Resolves to its output; throws what it says. */
  helm(...args: readonly string[]): Promise<string>;
  /** Gives the node open-local's image under this tag; `mark` makes it differ from another. */
  load(tag: string, mark: string): Promise<void>;
  /** Opens what the API server has; our kinds must be there. */
  follow(): Promise<NodeInCluster>;
}

/** Values for the chart on this node: images that it has, and an address that its DNS knows. */
export const placeFlags = (tag: string): readonly string[] => [
  `--set=imageRegistry=${REGISTRY}`,
  `--set-string=image.tag=${tag}`,
  `--set=extender.clusterIP=${SERVICE_IP}`,
];

/** Boots the node and joins it to a cluster that has no open-local, and gives it the images of the chart. */
export async function startHelmNode(signal: AbortSignal): Promise<HelmNode> {
  const progress = createProgress(import.meta.filename);
  await using started = new AsyncDisposableStack();
  const image = await builtKubeletImage(signal);
  const program = started.use(await buildProgram());
  const openLocal = await builtImageOf(program, signal);
  progress('the images are there');
  const booting = startVm({ image, memoryMib: MEMORY_MIB, translationMib: 1024 }, signal);
  started.defer(async () => (await booting.catch(() => undefined))?.[Symbol.asyncDispose]());
  const cluster = await startCluster({
    components: ['kube-controller-manager', 'kube-scheduler'],
    realNodes: true,
    // By which the guest sees this machine: kube-proxy leads pods there.
    flags: { 'kube-apiserver': ['--advertise-address=10.0.2.2'] },
  });
  started.defer(() => cluster.stop());
  const client = createKubeClient(await loadKubeconfig(cluster.admin, { run }), { userAgent: 'test' });
  started.defer(() => client.close());
  const watching = new AbortController();
  started.defer(() => watching.abort());
  progress('the control plane is there');
  const vm = await booting;
  progress('the machine is there');
  await attachDisk(vm, { serial: DISK, mib: 4096 }, signal);
  const name = 'open-local-scheduler-extender.open-local.svc.cluster.local';
  await vm.writeFile('/etc/kubernetes/dnsmasq.conf', `address=/${name}/${SERVICE_IP}\n`, signal);
  await giveKubeconfig({ vm, cluster }, 'kube-proxy', '/CN=system:kube-proxy', signal);
  await joinCluster({ vm, cluster, stores: await openKubeletStores(client, silentLog, watching.signal) }, signal);
  progress('the node is Ready');
  for (const [image, file] of Object.entries(PROGRAMS))
    await loadProgram(vm, `${REGISTRY}/${image}`, cluster.binary(file), signal);
  progress('the images of the others are loaded');
  const { helm } = await builtTools();
  const kept = started.move();
  return {
    vm,
    cluster,
    progress,
    helm: async (...args) => {
      const options = { env: { ...process.env, KUBECONFIG: cluster.admin }, maxBuffer: 1 << 26, timeout: HELM_MS };
      return (await promisify(execFile)(helm, args, options)).stdout;
    },
    load: (tag, mark) => loadOpenLocal(vm, { image, openLocal }, { tag, mark }, signal),
    follow: async () => {
      const stores = await openStores(client, silentLog, watching.signal);
      const system = { cluster, client, stores, kubectl: (...args: readonly string[]) => kubectl(cluster, ...args) };
      return nodeInCluster({ vm, system, progress }, signal, POD_MS);
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** Gives the node an image with one program that is linked statically, as its own image has it. */
async function loadProgram(vm: Vm, name: string, file: string, signal: AbortSignal): Promise<void> {
  const program = path.basename(file);
  const [layer, archive] = ['layer', 'image'].map((what) => path.join(vm.dir, `${program}-${what}.tar`)) as [
    string,
    string,
  ];
  const tar = ['-C', path.dirname(file), '--transform=s,^,usr/local/bin/,', '--owner=0', '--group=0'];
  await promisify(execFile)('tar', [...tar, '-cf', layer, program]);
  const Env = ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'];
  const config = { Env, Entrypoint: [`/usr/local/bin/${program}`] };
  await writeContainerImage(archive, { name, layers: [await plainLayer(layer)], config });
  await importImage(vm, archive, signal);
  await Promise.all([layer, archive].map((each) => rm(each)));
}
