import type { CsiNode } from '../../model/csi-node.ts';
import { driversOf } from '../../model/decode.ts';
import type { Definition } from '../../definitions/definition.ts';
import type { Lease } from '../../kube/lease/lease-record.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import type { MutatingBinding, MutatingPolicy } from '../../model/marked-pods.ts';
import type {
  InitConfig,
  KubeObject,
  Node,
  NodeLocalStorage,
  ObjectMeta,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  StorageClass,
} from '../../model/objects.ts';
import type { VolumeSnapshot, VolumeSnapshotContent } from '../../model/snapshot-objects.ts';
import type { TlsSecret } from '../../operator/serving/keep-certificates.ts';
import type { ClusterEvent, ComponentPod, DriverObject, Service, Slice, SnapshotClass, Workload } from './kinds.ts';
import type { Permission } from './permissions.ts';

/**
 * What was seen of a cluster, at one time. A list that is undefined could not be looked at, and no check that needs it
 * finds anything; `unseen` says why.
 */
export interface Facts {
  /** Of this program. */
  readonly version: string;
  readonly namespace: string;
  /** By the clock of the API server, ms since 1970. */
  readonly now: number;
  readonly settings: Settings;
  readonly unseen: readonly Unseen[];

  /** By the name of the kind: undefined where there is no such definition. */
  readonly definitions?: ReadonlyMap<string, Definition>;
  /** Of admission, by name: whether each is there. */
  readonly policies?: ReadonlyMap<string, boolean>;
  /** Those that change objects, and what puts them into effect; undefined in part: neither is. */
  readonly marking?: {
    readonly policies: readonly MutatingPolicy[];
    readonly bindings: readonly MutatingBinding[];
  };
  readonly ownNamespace?: KubeObject;
  /** All of the cluster. */
  readonly deployments?: readonly Workload[];
  readonly daemonSets?: readonly Workload[];
  /** The operator's Deployment and the agent's DaemonSet in the namespace. */
  readonly operator?: Workload;
  readonly agents?: Workload;
  readonly operatorPods?: readonly ComponentPod[];
  readonly agentPods?: readonly ComponentPod[];
  /** Of the operator. */
  readonly lease?: Lease;
  readonly service?: Service;
  readonly slices?: readonly Slice[];
  readonly schedulers?: readonly Scheduler[];
  /** Those that the operator keeps; undefined where it keeps none, or they could not be read. */
  readonly certificates?: Certificates;
  readonly denied?: readonly Denied[];
  /** Whether the operator has the right to bind pods, which only the extender's bind verb needs. */
  readonly mayBind?: boolean;

  readonly nodes?: readonly Node[];
  readonly storages?: readonly NodeLocalStorage[];
  readonly initConfigs?: readonly InitConfig[];
  readonly volumes?: readonly LocalVolume[];
  readonly classes?: readonly StorageClass[];
  readonly drivers?: readonly DriverObject[];
  readonly csiNodes?: readonly CsiNode[];
  readonly pvs?: readonly PersistentVolume[];
  readonly claims?: readonly PersistentVolumeClaim[];
  readonly pendingPods?: readonly Pod[];
  readonly snapshotClasses?: readonly SnapshotClass[];
  readonly snapshots?: readonly VolumeSnapshot[];
  readonly contents?: readonly VolumeSnapshotContent[];
  /** That a claim could not be provisioned. */
  readonly events?: readonly ClusterEvent[];
}

/** Something that could not be looked at. */
export interface Unseen {
  readonly what: string;
  readonly problem: string;
}

/** What the operator was told, by its arguments. */
export interface Settings {
  readonly driver: string;
  readonly initConfig: string;
  readonly service: string;
  /** Of the server's certificate; undefined where somebody else makes it. */
  readonly tlsSecret: string | undefined;
  readonly tls: boolean;
  readonly schedulerName: string;
  readonly leaderElection: boolean;
}

/** A kube-scheduler that runs in the cluster. */
export interface Scheduler {
  /** `Kind/namespace/name`. */
  readonly object: string;
  readonly hostNetwork: boolean;
  readonly dnsPolicy: string;
  /** Of its --config; undefined where it has none. */
  readonly configFile: string | undefined;
  /** The text of that file; undefined where it lies on a machine's disk. */
  readonly config: string | undefined;
}

export interface Certificates {
  readonly authority: TlsSecret | undefined;
  readonly server: TlsSecret | undefined;
  readonly client: TlsSecret | undefined;
}

/** A right that a service account should have and has not. */
export interface Denied {
  readonly account: string;
  readonly permission: Permission;
}

/** Whether it is, as far as can be seen: who may not read Deployments sees the rest all the same. */
export const isInstalled = ({ operator, deployments }: Facts): boolean =>
  operator !== undefined || deployments === undefined;

export const nameOf = ({ metadata }: { readonly metadata: ObjectMeta }): string => metadata.name ?? '';

/** `namespace/name`. */
export const placeOf = ({ metadata }: { readonly metadata: ObjectMeta }): string =>
  `${metadata.namespace ?? ''}/${metadata.name ?? ''}`;

/** Whether a CSI driver is ours. Clusters that changed from one of our names to the other have volumes of both. */
export const isOurDriver = (name: string | undefined, { settings }: Pick<Facts, 'settings'>): boolean =>
  driversOf(settings.driver).includes(name ?? '');

export const isReady = (pod: ComponentPod): boolean =>
  pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;

/** Whether a node has storage of ours, by its report or by the volumes that are recorded there. */
export function nodesWithStorage({
  storages = [],
  volumes = [],
}: Pick<Facts, 'storages' | 'volumes'>): ReadonlySet<string> {
  const reporting = storages.filter(({ status }) => {
    const { volumeGroups = [], mountPoints = [], devices = [] } = status?.filteredStorageInfo ?? {};
    return volumeGroups.length + mountPoints.length + devices.length > 0;
  });
  return new Set([...reporting.map(nameOf), ...volumes.map(({ spec }) => spec.nodeName)]);
}

/** Ms since the time in a text (RFC 3339); undefined where there is none. */
export function since(time: string | undefined, now: number): number | undefined {
  const at = Date.parse(time ?? '');
  return Number.isNaN(at) ? undefined : now - at;
}

/** The first few of many names, and how many more. */
export function some(names: readonly string[], most = 5): string {
  const more = names.length - most;
  return more > 0 ? `${names.slice(0, most).join(', ')} and ${more} more` : names.join(', ');
}

interface Managed {
  readonly time?: string;
  readonly subresource?: string;
}

/** When the status of an object was written, by the clock of the API server: ms since 1970, the last of them last. */
export function statusTimes({ metadata }: KubeObject): readonly number[] {
  const { managedFields = [] } = metadata as { readonly managedFields?: readonly Managed[] };
  return managedFields
    .flatMap(({ subresource, time }) => (subresource === 'status' && time !== undefined ? [Date.parse(time)] : []))
    .toSorted((a, b) => a - b);
}
