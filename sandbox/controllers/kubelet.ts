import { isAlreadyExists } from '../../src/kube/errors.ts';
import { CLAIMS, NODES, PODS } from '../../src/kube/resource.ts';
import { Fault } from '../../src/model/fault.ts';
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../src/model/objects.ts';
import { DEFAULT_DRIVER } from '../../src/model/well-known.ts';
import { rpcStatus, type NodeCalls } from './csi-calls.ts';
import type { Deps, KubeletStores } from './deps.ts';
import { CSI_NODES, type PodTemplate } from './kinds.ts';
import { reaches } from './node-affinity.ts';
import { inlineVolumesOf, type MountedVolume, type PodVolumes } from './pod-volumes.ts';
import { storageOf } from './resizer.ts';
import { claimNamesOf, isBound } from './pod-claims.ts';
import { onChange, type StandIn } from './stand-in.ts';
import { keyOf, splitKey } from './store.ts';
import { unlessGone } from '../../src/kube/find.ts';

export interface KubeletsDeps extends Omit<Deps, 'stores'> {
  readonly stores: KubeletStores;
  /** Volumes by the name of the node. */
  readonly nodes: ReadonlyMap<string, PodVolumes>;
}

/** Pods of one node that may wait for the driver at the same time. */
const PODS_AT_ONCE = 10;

/**
 * Stands in for the kubelets of these nodes: mounts the volumes of pods bound to one of them; containers start at once,
 * and those that nothing restarts end at once with success. One stand-in serves all nodes, since hundreds of them would
 * each hear of every change. Keys are pods.
 */
export function createKubelets(deps: KubeletsDeps): StandIn {
  const { nodes, stores } = deps;
  /** Mounts by pod UID. An entry outlives the pod's object, as mounts do. */
  const mounts: Mounts = new Map();
  return {
    name: 'kubelets',
    concurrency: PODS_AT_ONCE * nodes.size,
    wakes: [
      onChange(stores.pods, (pod) => (volumesFor(pod, deps) ? [keyOf(pod)] : [])),
      onChange(stores.claims, ({ metadata }) => podsUsing(metadata, deps)),
      onChange(stores.volumes, ({ spec }) => (spec?.claimRef ? podsUsing(spec.claimRef, deps) : [])),
    ],
    reconcile: async (key, signal) => {
      const pod = stores.pods.get(key);
      for (const [uid, { key: owner }] of mounts)
        if (owner === key && uid !== pod?.metadata.uid) await unmountAll(uid, mounts, signal);
      const volumes = pod && volumesFor(pod, deps);
      if (!volumes) return;
      if (pod.metadata.deletionTimestamp !== undefined) await end(pod, mounts, deps, signal);
      else if (hasEnded(pod)) await unmountAll(pod.metadata.uid ?? '', mounts, signal);
      else await run(pod, { mounts, volumes }, deps, signal);
    },
  };
}

const volumesFor = ({ spec }: Pod, { nodes }: KubeletsDeps): PodVolumes | undefined => nodes.get(spec?.nodeName ?? '');

interface Mount {
  readonly target: MountedVolume;
  ready: boolean;
}

/** Mounts of a pod by the name of claim or inline volume, its key, and the volumes of its node, which unmount them. */
type Mounts = Map<string, PodMounts>;

interface PodMounts {
  readonly key: string;
  readonly node: PodVolumes;
  readonly volumes: Map<string, Mount>;
}

function podsUsing(
  { namespace, name = '' }: { readonly namespace?: string; readonly name?: string },
  deps: KubeletsDeps,
): string[] {
  const { stores } = deps;
  const uses = (pod: Pod): boolean =>
    pod.metadata.namespace === namespace && claimNamesOf(pod).includes(name) && volumesFor(pod, deps) !== undefined;
  return stores.pods.list().filter(uses).map(keyOf);
}

async function run(
  pod: Pod,
  { mounts, volumes }: { readonly mounts: Mounts; readonly volumes: PodVolumes },
  deps: KubeletsDeps,
  signal: AbortSignal,
): Promise<void> {
  const uid = pod.metadata.uid ?? '';
  const own: PodMounts = mounts.get(uid) ?? { key: keyOf(pod), node: volumes, volumes: new Map() };
  mounts.set(uid, own);
  for (const name of claimNamesOf(pod)) {
    const { claim, volume } = findVolume(pod, name, deps);
    // The mount is recorded before the first call: a call whose answer was lost may have mounted.
    const mount = own.volumes.get(name) ?? { target: volumes.target(pod, volume), ready: false };
    own.volumes.set(name, mount);
    const source = { name: volume.metadata.name, attributes: volume.spec?.csi?.volumeAttributes };
    if (!mount.ready) await mountOne(pod, { mount, source, volumes }, deps, signal);
    await expandIfGrown({ claim, volume, target: mount.target, volumes }, deps, signal);
  }
  await mountInline(pod, { own, volumes }, deps, signal);
  if (pod.status?.phase !== 'Running') await report(pod, { phase: 'Running', ready: true }, deps, signal);
  else if (endsByItself(pod)) await report(pod, { phase: 'Succeeded', ready: false }, deps, signal);
}

async function mountInline(
  pod: Pod,
  { own, volumes }: { readonly own: PodMounts; readonly volumes: PodVolumes },
  deps: KubeletsDeps,
  signal: AbortSignal,
): Promise<void> {
  for (const inline of inlineVolumesOf(pod, DEFAULT_DRIVER)) {
    const key = `inline ${inline.name}`;
    const mount = own.volumes.get(key) ?? { target: volumes.inlineTarget(pod, inline), ready: false };
    own.volumes.set(key, mount);
    const source = { name: inline.name, attributes: inline.csi.volumeAttributes };
    if (!mount.ready) await mountOne(pod, { mount, source, volumes }, deps, signal);
  }
}

/** Throws Fault `unavailable` while the claim is not bound to a volume that this node reaches. */
function findVolume(pod: Pod, name: string, { stores }: KubeletsDeps) {
  const nodeName = pod.spec?.nodeName ?? '';
  const claim = stores.claims.get(`${pod.metadata.namespace ?? ''}/${name}`);
  const volume = stores.volumes.get(claim?.spec?.volumeName ?? '');
  const node = stores.nodes.get(nodeName);
  if (!claim || !isBound(claim) || !volume || !node) throw new Fault('unavailable', `claim ${name} is not bound`);
  if (!reaches(volume, node)) throw new Fault('precondition', `volume of claim ${name} is not on node ${nodeName}`);
  return { claim, volume };
}

async function mountOne(
  pod: Pod,
  {
    mount,
    source,
    volumes,
  }: {
    readonly mount: Mount;
    readonly source: {
      readonly name: string | undefined;
      readonly attributes: Readonly<Record<string, string>> | undefined;
    };
    readonly volumes: PodVolumes;
  },
  deps: KubeletsDeps,
  signal: AbortSignal,
): Promise<void> {
  try {
    await volumes.mount(pod, mount.target, source.attributes, signal);
    mount.ready = true;
  } catch (error) {
    const message = `MountVolume.SetUp failed for volume "${source.name ?? ''}" : ${rpcStatus(error).text}`;
    deps.record(PODS, pod, { type: 'Warning', reason: 'FailedMount', message });
    throw error;
  }
}

async function expandIfGrown(
  {
    claim,
    volume,
    target,
    volumes,
  }: { claim: PersistentVolumeClaim; volume: PersistentVolume; target: MountedVolume; volumes: PodVolumes },
  { client }: KubeletsDeps,
  signal: AbortSignal,
): Promise<void> {
  if (storageOf(volume.spec?.capacity) <= storageOf(claim.status?.capacity)) return;
  await volumes.expand(target, volume, signal);
  const conditions = (claim.status?.conditions ?? []).filter(({ type }) => type !== 'FileSystemResizePending');
  const body = { status: { capacity: volume.spec?.capacity, conditions } };
  await client.patch(CLAIMS, splitKey(keyOf(claim)), { type: 'merge', body }, signal, 'status');
}

const hasEnded = ({ status }: Pod): boolean => status?.phase === 'Succeeded' || status?.phase === 'Failed';

/** A Job's pods have such a policy; all others are to run for ever. */
const endsByItself = ({ spec }: Pod): boolean => {
  const { restartPolicy = 'Always' } = (spec ?? {}) as NonNullable<PodTemplate['spec']>;
  return restartPolicy !== 'Always';
};

async function report(
  pod: Pod,
  { phase, ready }: { readonly phase: 'Running' | 'Succeeded'; readonly ready: boolean },
  { client, stores }: KubeletsDeps,
  signal: AbortSignal,
): Promise<void> {
  const others = (stores.pods.get(keyOf(pod))?.status?.conditions ?? []).filter(({ type }) => type !== 'Ready');
  const conditions = [...others, { type: 'Ready', status: ready ? 'True' : 'False' }];
  const body = { status: { phase, conditions } };
  await client.patch(PODS, splitKey(keyOf(pod)), { type: 'merge', body }, signal, 'status');
}

/** Unmounts the volumes of a deleted pod, and then deletes its object. */
async function end(pod: Pod, mounts: Mounts, deps: KubeletsDeps, signal: AbortSignal): Promise<void> {
  const uid = pod.metadata.uid ?? '';
  await unmountAll(uid, mounts, signal);
  const options = { gracePeriodSeconds: 0, preconditions: { uid } };
  await unlessGone(deps.client.delete(PODS, splitKey(keyOf(pod)), signal, options));
}

async function unmountAll(uid: string, mounts: Mounts, signal: AbortSignal): Promise<void> {
  const own = mounts.get(uid);
  if (!own) return;
  const others = [...mounts].filter(([other]) => other !== uid).flatMap(([, { volumes }]) => [...volumes.values()]);
  for (const [name, { target }] of own.volumes) {
    const last = !others.some((other) => other.target.volumeId === target.volumeId);
    await own.node.unmount(target, { last }, signal);
    own.volumes.delete(name);
  }
  mounts.delete(uid);
}

/** Writes what a kubelet writes when a driver registers: the node's topology label, and its CSINode. */
export async function registerDriver(
  { driver, nodeName, node }: { readonly driver: string; readonly nodeName: string; readonly node: NodeCalls },
  { client }: Pick<Deps, 'client'>,
  signal: AbortSignal,
): Promise<void> {
  const info = await node.nodeGetInfo({}, signal);
  const labels = info.accessibleTopology?.segments ?? {};
  await client.patch(NODES, { name: nodeName }, { type: 'merge', body: { metadata: { labels } } }, signal);
  const csiNode = {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'CSINode',
    metadata: { name: nodeName },
    spec: { drivers: [{ name: driver, nodeID: info.nodeId, topologyKeys: Object.keys(labels) }] },
  };
  try {
    await client.create(CSI_NODES, csiNode, signal);
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
}
