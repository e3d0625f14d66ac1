import type { Resource } from '../../kube/resource.ts';
import type { KubeObject, ObjectMeta } from '../../model/objects.ts';

/** Kinds that only the doctor reads, with the fields that it looks at. */

export interface Container {
  readonly name: string;
  readonly image?: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string; readonly subPath?: string }[];
}

interface PodVolume {
  readonly name: string;
  readonly hostPath?: { readonly path: string };
  readonly secret?: { readonly secretName?: string };
  readonly configMap?: { readonly name?: string };
}

export interface PodSpec {
  readonly nodeName?: string;
  readonly hostNetwork?: boolean;
  readonly dnsPolicy?: string;
  readonly serviceAccountName?: string;
  readonly containers?: readonly Container[];
  readonly volumes?: readonly PodVolume[];
}

interface ContainerStatus {
  readonly name: string;
  readonly ready?: boolean;
  readonly restartCount?: number;
  readonly state?: { readonly waiting?: { readonly reason?: string; readonly message?: string } };
}

/** A pod of the control plane or of ours. */
export interface ComponentPod extends KubeObject {
  readonly spec?: PodSpec;
  readonly status?: {
    readonly phase?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message?: string }[];
    readonly containerStatuses?: readonly ContainerStatus[];
  };
}

/** A Deployment or a DaemonSet. */
export interface Workload extends KubeObject {
  readonly spec?: {
    readonly replicas?: number;
    readonly template?: { readonly metadata?: ObjectMeta; readonly spec?: PodSpec };
  };
  readonly status?: {
    readonly readyReplicas?: number;
    readonly desiredNumberScheduled?: number;
    readonly currentNumberScheduled?: number;
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message?: string }[];
  };
}

export interface Service extends KubeObject {
  readonly spec?: {
    readonly clusterIP?: string;
    readonly selector?: Readonly<Record<string, string>>;
    readonly ports?: readonly { readonly name?: string; readonly port: number }[];
  };
}

export interface Slice extends KubeObject {
  readonly endpoints?: readonly { readonly addresses?: readonly string[] }[];
}

export interface DriverObject extends KubeObject {
  readonly spec?: {
    readonly attachRequired?: boolean;
    readonly podInfoOnMount?: boolean;
    readonly storageCapacity?: boolean;
    readonly volumeLifecycleModes?: readonly string[];
  };
}

export interface SnapshotClass extends KubeObject {
  readonly driver?: string;
}

interface EventSubject {
  readonly kind?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly uid?: string;
}

export interface ClusterEvent extends KubeObject {
  readonly reason?: string;
  readonly message?: string;
  readonly lastTimestamp?: string;
  readonly involvedObject?: EventSubject;
}

/** A Secret or a ConfigMap. */
export interface KeyedText extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

const core = { group: '', version: 'v1', namespaced: true } as const;
const apps = { group: 'apps', version: 'v1', namespaced: true } as const;
const clusterWide = { version: 'v1', namespaced: false } as const;

export const COMPONENT_PODS: Resource<ComponentPod> = { ...core, plural: 'pods', kind: 'Pod' };
export const NAMESPACES: Resource = { ...core, plural: 'namespaces', kind: 'Namespace', namespaced: false };
export const SERVICES: Resource<Service> = { ...core, plural: 'services', kind: 'Service' };
export const CONFIG_MAPS: Resource<KeyedText> = { ...core, plural: 'configmaps', kind: 'ConfigMap' };
export const EVENTS: Resource<ClusterEvent> = { ...core, plural: 'events', kind: 'Event' };
export const DEPLOYMENTS: Resource<Workload> = { ...apps, plural: 'deployments', kind: 'Deployment' };
export const DAEMON_SETS: Resource<Workload> = { ...apps, plural: 'daemonsets', kind: 'DaemonSet' };
export const SLICES: Resource<Slice> = {
  ...{ group: 'discovery.k8s.io', version: 'v1', namespaced: true },
  ...{ plural: 'endpointslices', kind: 'EndpointSlice' },
};
export const POLICIES: Resource = {
  ...{ ...clusterWide, group: 'admissionregistration.k8s.io' },
  ...{ plural: 'validatingadmissionpolicies', kind: 'ValidatingAdmissionPolicy' },
};
export const DRIVER_OBJECTS: Resource<DriverObject> = {
  ...{ ...clusterWide, group: 'storage.k8s.io', plural: 'csidrivers', kind: 'CSIDriver' },
};
export const SNAPSHOT_CLASSES: Resource<SnapshotClass> = {
  ...{ ...clusterWide, group: 'snapshot.storage.k8s.io' },
  ...{ plural: 'volumesnapshotclasses', kind: 'VolumeSnapshotClass' },
};
