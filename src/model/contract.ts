import { CLASS_PARAMETERS, INLINE_ATTRIBUTES, MUTABLE_PARAMETERS } from './parameters.ts';
import { EVENT_REASONS } from './event-reasons.ts';
import { SNAPSHOT_CLASS_PARAMETERS } from './snapshot-class.ts';
import { ANY_MODE, RESTORE_SOURCE, SNAPSHOT_SOURCE } from './snapshot-objects.ts';
import {
  APP_COMPONENT,
  APP_MANAGED_BY,
  BETA_STORAGE_CLASS,
  DISK,
  ENCRYPTED,
  ENCRYPTING,
  EXTENDER_CALLED,
  FILESYSTEM,
  FORMATTING,
  FORMATTED,
  FREED,
  KEEP,
  GONE_SINCE,
  KNOWN_GROUPS,
  SNAPSHOT_CONTENT,
  LET_GO,
  LOG_LEVEL,
  LOST,
  MARK,
  MANAGED_BY,
  DRIVER_NAME,
  NODE_LABEL,
  NOT_IN_BACKUPS,
  PARAM_EXPAND_SECRET,
  PARAM_FS_TYPE,
  PARAM_PVC_NAME,
  PARAM_PVC_NAMESPACE,
  PARAM_STAGE_SECRET,
  POD_SECURITY,
  POD_UID,
  EPHEMERAL,
  PUBLISHED_AT,
  PV_ALLOCATED,
  READ_ONLY_SNAPSHOT,
  REMOVE_STRAYS,
  SELECTED_NODE,
  SNAPSHOT_ID,
  SLICE_MANAGED_BY,
  SLICE_OF_SERVICE,
  STORAGE_CORDONED,
  STORAGE_RESERVED,
  TOPOLOGY_KEY,
  TRACEPARENT,
  VOLUME_FINALIZER,
} from './well-known.ts';

/** What kind of name it is. */
type Kind =
  | 'annotation'
  | 'label'
  | 'finalizer'
  | 'extended resource'
  | 'StorageClass parameter'
  | 'VolumeAttributesClass parameter'
  | 'VolumeSnapshotClass parameter'
  | 'inline attribute'
  | 'volume attribute'
  | 'condition'
  | 'event reason';

/** `user`: whoever writes claims and pods. `open-local`: the system whose volumes we take over. */
type Party =
  | 'administrator'
  | 'user'
  | 'operator'
  | 'agent'
  | 'open-local'
  | 'kube-scheduler'
  | 'kube-proxy'
  | 'kube-controller-manager'
  | 'csi-provisioner'
  | 'snapshot-controller'
  | 'kubelet'
  | 'velero'
  | 'people';

/** A name that other programs or people's YAML depend on. */
export interface ContractName {
  readonly name: string;
  readonly kind: Kind;
  /** The kind of the object that carries it. */
  readonly on: string;
  readonly writers: readonly Party[];
  readonly readers: readonly Party[];
  /** Whose word it is: kept from open-local, Kubernetes' own, Velero's, or added by us. */
  readonly from: 'open-local' | 'Kubernetes' | 'Velero' | 'ours';
}

type Row = readonly [
  name: string,
  kind: Kind,
  on: string,
  writers: readonly Party[],
  readers: readonly Party[],
  from: ContractName['from'],
];

const ON_OBJECTS: readonly Row[] = [
  [STORAGE_RESERVED, 'annotation', 'NodeLocalStorage', ['administrator'], ['operator', 'agent'], 'open-local'],
  [STORAGE_CORDONED, 'annotation', 'NodeLocalStorage', ['administrator'], ['operator', 'agent'], 'ours'],
  [GONE_SINCE, 'label', 'NodeLocalStorage', ['operator'], ['operator', 'agent'], 'ours'],
  [KNOWN_GROUPS, 'annotation', 'NodeLocalStorage', ['operator'], ['agent'], 'ours'],
  [PV_ALLOCATED, 'annotation', 'PersistentVolume', ['open-local'], ['operator'], 'open-local'],
  [KEEP, 'annotation', 'LocalVolume', ['operator'], ['operator', 'agent'], 'ours'],
  [SNAPSHOT_CONTENT, 'annotation', 'LocalVolume', ['operator'], ['operator'], 'ours'],
  [FORMATTED, 'annotation', 'LocalVolume', ['agent'], ['agent'], 'ours'],
  [FORMATTING, 'annotation', 'NodeLocalStorage, LocalVolume', ['agent'], ['agent'], 'ours'],
  [ENCRYPTING, 'annotation', 'LocalVolume', ['agent'], ['agent'], 'ours'],
  [ENCRYPTED, 'annotation', 'LocalVolume', ['agent'], ['agent'], 'ours'],
  [DISK, 'annotation', 'LocalVolume', ['agent'], ['agent', 'operator'], 'ours'],
  [FILESYSTEM, 'annotation', 'LocalVolume', ['agent'], ['agent'], 'ours'],
  [REMOVE_STRAYS, 'annotation', 'NodeLocalStorage', ['administrator'], ['agent'], 'ours'],
  [LOST, 'annotation', 'NodeLocalStorage, LocalVolume', ['administrator'], ['operator'], 'ours'],
  [LET_GO, 'annotation', 'PersistentVolume', ['operator'], ['operator'], 'ours'],
  [PUBLISHED_AT, 'annotation', 'LocalVolume', ['agent', 'operator'], ['agent'], 'ours'],
  [TRACEPARENT, 'annotation', 'LocalVolume', ['operator', 'agent'], ['agent'], 'ours'],
  [
    LOG_LEVEL,
    'annotation',
    'NodeLocalStorage, NodeLocalStorageInitConfig',
    ['administrator'],
    ['operator', 'agent'],
    'ours',
  ],
  [FREED, 'annotation', 'CSIStorageCapacity', ['operator'], ['kube-scheduler'], 'ours'],
  [EXTENDER_CALLED, 'annotation', 'Lease', ['operator'], ['people'], 'ours'],
  [SELECTED_NODE, 'annotation', 'PersistentVolumeClaim', ['kube-scheduler'], ['operator'], 'Kubernetes'],
  [BETA_STORAGE_CLASS, 'annotation', 'PersistentVolumeClaim', ['user'], ['operator'], 'Kubernetes'],
  [NODE_LABEL, 'label', 'LocalVolume', ['operator', 'agent'], ['agent'], 'ours'],
  [NOT_IN_BACKUPS, 'label', 'LocalVolume', ['operator', 'agent'], ['velero'], 'Velero'],
  [DRIVER_NAME, 'label', 'CSIStorageCapacity', ['operator'], ['csi-provisioner', 'operator'], 'Kubernetes'],
  [MANAGED_BY, 'label', 'CSIStorageCapacity', ['operator'], ['csi-provisioner', 'operator'], 'Kubernetes'],
  [SLICE_OF_SERVICE, 'label', 'EndpointSlice', ['operator'], ['kube-proxy', 'operator'], 'Kubernetes'],
  [SLICE_MANAGED_BY, 'label', 'EndpointSlice', ['operator'], ['kube-controller-manager'], 'Kubernetes'],
  [APP_MANAGED_BY, 'label', 'Secret', ['operator'], ['operator'], 'Kubernetes'],
  [APP_COMPONENT, 'label', 'Deployment, Pod', ['administrator'], ['operator', 'people'], 'Kubernetes'],
  [POD_SECURITY, 'label', 'Namespace', ['administrator'], ['people'], 'Kubernetes'],
  [TOPOLOGY_KEY, 'label', 'Node', ['kubelet'], ['operator', 'agent'], 'Kubernetes'],
  [SNAPSHOT_SOURCE, 'finalizer', 'PersistentVolumeClaim', ['snapshot-controller'], ['people'], 'Kubernetes'],
  [RESTORE_SOURCE, 'finalizer', 'VolumeSnapshot', ['csi-provisioner'], ['operator'], 'Kubernetes'],
  [ANY_MODE, 'annotation', 'VolumeSnapshotContent', ['administrator'], ['csi-provisioner', 'operator'], 'Kubernetes'],
  [VOLUME_FINALIZER, 'finalizer', 'LocalVolume', ['operator', 'agent'], ['agent'], 'ours'],
  [MARK, 'extended resource', 'Pod', ['administrator'], ['kube-scheduler', 'people'], 'ours'],
];

const parameter = (name: string, from: ContractName['from'], reader: Party = 'operator'): Row => [
  name,
  'StorageClass parameter',
  'StorageClass',
  ['administrator'],
  [reader],
  from,
];
const attribute = (name: string, from: ContractName['from']): Row => [
  name,
  'inline attribute',
  'Pod',
  ['user'],
  ['operator', 'agent'],
  from,
];

const mutable = (name: string, from: ContractName['from']): Row => [
  name,
  'VolumeAttributesClass parameter',
  'VolumeAttributesClass',
  ['administrator'],
  ['operator'],
  from,
];

const SETTINGS: readonly Row[] = [
  ...Object.entries(CLASS_PARAMETERS).map(([name, from]) => parameter(name, from)),
  parameter(PARAM_FS_TYPE, 'Kubernetes', 'csi-provisioner'),
  ...[PARAM_STAGE_SECRET, PARAM_EXPAND_SECRET].flatMap(({ name, namespace }) =>
    [name, namespace].map((each) => parameter(each, 'Kubernetes', 'csi-provisioner')),
  ),
  ...Object.entries(MUTABLE_PARAMETERS).map(([name, from]) => mutable(name, from)),
  ...Object.entries(INLINE_ATTRIBUTES).map(([name, from]) => attribute(name, from)),
  ...Object.entries(SNAPSHOT_CLASS_PARAMETERS).map(([name, from]): Row => [
    name,
    'VolumeSnapshotClass parameter',
    'VolumeSnapshotClass',
    ['administrator'],
    ['operator'],
    from,
  ]),
];

const context = (name: string, writer: Party, reader: Party, from: ContractName['from']): Row => [
  name,
  'volume attribute',
  'PersistentVolume',
  [writer],
  [reader],
  from,
];

const VOLUME_ATTRIBUTES: readonly Row[] = [
  ...['volumeType', 'vgName', 'Device', 'MountPoint'].map((name): Row => [
    name,
    'volume attribute',
    'PersistentVolume',
    ['operator', 'open-local'],
    ['operator'],
    'open-local',
  ]),
  ...[READ_ONLY_SNAPSHOT, SNAPSHOT_ID].map((name): Row => [
    name,
    'volume attribute',
    'PersistentVolume',
    ['operator', 'open-local'],
    name === READ_ONLY_SNAPSHOT ? ['operator'] : ['people'],
    'open-local',
  ]),
  context(PARAM_PVC_NAME, 'csi-provisioner', 'operator', 'Kubernetes'),
  context(PARAM_PVC_NAMESPACE, 'csi-provisioner', 'operator', 'Kubernetes'),
  [EPHEMERAL, 'volume attribute', 'Pod', ['kubelet'], ['agent'], 'Kubernetes'],
  [POD_UID, 'volume attribute', 'Pod', ['kubelet'], ['agent'], 'Kubernetes'],
];

/**
 * Types of conditions. `VolumeGroup/`, `MountPoint/` and `Disk/` are followed by the name of the group, the path, and
 * the kernel name of the disk.
 */
const CONDITIONS: readonly Row[] = [
  ['Accepted', 'condition', 'NodeLocalStorageInitConfig', ['operator'], ['people'], 'ours'],
  ['ConfigAccepted', 'condition', 'NodeLocalStorage', ['agent'], ['people'], 'ours'],
  ['VolumeGroup/', 'condition', 'NodeLocalStorage', ['agent'], ['people'], 'ours'],
  ['MountPoint/', 'condition', 'NodeLocalStorage', ['agent'], ['people'], 'ours'],
  ['Disk/', 'condition', 'NodeLocalStorage', ['agent'], ['people'], 'ours'],
  ['DevicesOffered', 'condition', 'NodeLocalStorage', ['agent'], ['people'], 'ours'],
  ['DriverRegistered', 'condition', 'NodeLocalStorage', ['agent'], ['operator', 'people'], 'ours'],
  ['StrayVolumes', 'condition', 'NodeLocalStorage', ['agent'], ['people'], 'ours'],
];

/** The types that a condition of ours may have. */
export type ConditionType =
  | 'Accepted'
  | 'ConfigAccepted'
  | 'DevicesOffered'
  | 'DriverRegistered'
  | 'StrayVolumes'
  | `VolumeGroup/${string}`
  | `MountPoint/${string}`
  | `Disk/${string}`;

const EVENTS: readonly Row[] = Object.entries(EVENT_REASONS).map(([name, { on, by, from }]): Row => [
  name,
  'event reason',
  on,
  [by],
  ['people'],
  from,
]);

/**
 * Every name that we read or write outside of the fields of objects. docs/compatibility.md has the same rows for
 * people.
 */
export const CONTRACT: readonly ContractName[] = [
  ...ON_OBJECTS,
  ...SETTINGS,
  ...VOLUME_ATTRIBUTES,
  ...CONDITIONS,
  ...EVENTS,
].map(([name, kind, on, writers, readers, from]) => ({ name, kind, on, writers, readers, from }));
