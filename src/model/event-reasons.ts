import { DISK_REASONS, type DiskReason } from './disk-reasons.ts';
import { VOLUME_REASONS, type VolumeReason } from './volume-reasons.ts';

/** An Event's reason: the object that the Event is about, who records it, and whether open-local has it too. */
export interface EventReasonEntry {
  readonly on:
    | 'NodeLocalStorage'
    | 'NodeLocalStorageInitConfig'
    | 'LocalVolume'
    | 'CustomResourceDefinition'
    | 'NodeLocalStorage, StorageClass'
    | 'PersistentVolume, VolumeSnapshotContent, Pod'
    | 'VolumeSnapshot, VolumeSnapshotContent'
    | 'Pod';
  readonly by: 'operator' | 'agent';
  readonly from: 'open-local' | 'ours';
}

const agent = (on: EventReasonEntry['on'], from: EventReasonEntry['from'] = 'ours'): EventReasonEntry => ({
  on,
  by: 'agent',
  from,
});
const operator = (on: EventReasonEntry['on'], from: EventReasonEntry['from'] = 'ours'): EventReasonEntry => ({
  on,
  by: 'operator',
  from,
});

const STORAGE = 'NodeLocalStorage';
const OLDER = 'PersistentVolume, VolumeSnapshotContent, Pod';

/**
 * Reasons of conditions and of Events about them, and of Events about other things. Reasons of volumes are in
 * volume-reasons.ts, those of failing disks in disk-reasons.ts.
 */
const OTHERS = {
  /** The init config counts. */
  Synced: operator('NodeLocalStorageInitConfig', 'open-local'),
  /** Something in the object has an error, so the object is not applied. */
  Invalid: operator('NodeLocalStorageInitConfig'),
  /** The init config is applied, but for parts that have no effect. */
  PartlyUsed: operator('NodeLocalStorageInitConfig'),
  /** Another init config is the one that counts. */
  NotUsed: operator('NodeLocalStorageInitConfig'),
  Accepted: agent(STORAGE),
  /** A definition in the cluster lacks fields of this version. */
  DefinitionOld: operator('CustomResourceDefinition'),
  /** A part of the object is left out because it cannot be read. */
  NotUnderstood: operator('NodeLocalStorage, StorageClass'),
  /** A LocalVolume is being deleted, and its data stays because a PersistentVolume refers to it. */
  DataKept: operator('LocalVolume'),
  /** The store of a snapshot fills, and its volume group has no room for it to grow. */
  StoreCannotGrow: operator('LocalVolume'),
  /** A LocalVolume of a node or disk that is lost is let go of; its data, if it comes back, is still there. */
  DataLeft: operator('LocalVolume'),
  /** A snapshot is removed, since no VolumeSnapshotContent ever had it and nobody asks for it. */
  SnapshotOfNobody: operator('LocalVolume'),
  /** The store of a snapshot was full, so what it held is lost. */
  SnapshotLost: operator('VolumeSnapshot, VolumeSnapshotContent'),
  /** Nothing was heard of the agent for long: its node gets no new volume. */
  AgentSilent: operator(STORAGE),
  /** No report shows a LocalVolume that is Ready. */
  VolumeUnseen: operator('LocalVolume'),
  /** No PersistentVolume refers to a LocalVolume, and no claim waits for it. */
  VolumeOfNobody: operator('LocalVolume'),
  /** Somebody took the label or the finalizer off a LocalVolume. */
  MarksPutBack: operator('LocalVolume'),
  /** A volume that was made before us has a LocalVolume now. */
  Adopted: operator(OLDER),
  /** It would get one, if `--adopt` were `yes`. */
  Adoptable: operator(OLDER),
  /** It gets none, since what is recorded of it does not fit what its node has. */
  NotAdopted: operator(OLDER),
  /** No node that the pod may go to has room for its volumes. */
  NoRoom: operator('Pod'),
  /** The room is held for other pods that are being placed. */
  RoomHeld: operator('Pod'),
  /** No node has such a volume group or disk for claims. */
  NoSuchStorage: operator('Pod'),
  /** A node has room, and the pod may not go there. */
  NodeNotAllowed: operator('Pod'),
  /** The pod's volumes, or what they are made from, are not on one node. */
  DataElsewhere: operator('Pod'),
  /** A claim of the pod, or its class, asks for what cannot be made. */
  ClaimRefused: operator('Pod'),
  /** No scheduler has said anything of the pod. */
  NoScheduler: operator('Pod'),
  /** A claim of the pod, or what it is made from, is not there yet. */
  ClaimNotReady: operator('Pod'),
  /** The kubelet knows the pod of an inline volume no more. */
  PodGone: agent('LocalVolume'),
  /** What is recorded of a volume, or was to be written, cannot be. */
  RuleBroken: agent('LocalVolume'),
  LimitsNotSet: agent('LocalVolume'),
  LimitsPartial: agent('LocalVolume'),
  /** Logical volumes of ours that no LocalVolume speaks of. */
  VolumesFound: agent(STORAGE),
  /** Another driver serves the node's kubelet, such as open-local's: this one waits until it has ended. */
  OtherDriver: agent(STORAGE),
  /** The kubelet does not know the driver: the node gets no new volume. */
  DriverNotRegistered: agent(STORAGE),
  Ready: agent(STORAGE),
  CreateVGFailed: agent(STORAGE, 'open-local'),
  ExtendVGFailed: agent(STORAGE),
  DeviceRefused: agent(STORAGE),
  /** Disks that tell nothing of themselves are not offered to claims. */
  NoIdentity: agent(STORAGE),
  /** A mount point is in memory, or on another machine. */
  NotOnDisk: agent(STORAGE),
  /** One filesystem is mounted at two mount points. */
  MountedTwice: agent(STORAGE),
  DuplicateGroup: agent(STORAGE),
  /** Two volume groups of the node have one name. */
  DuplicateName: agent(STORAGE),
  /** The disks of a volume group are there twice: one is a copy of the other. */
  DuplicateDevice: agent(STORAGE),
  /** A volume group has the name of another that the node had. */
  OtherGroup: agent(STORAGE),
  /** A volume group's metadata has lost volumes that are active. */
  MetadataLost: agent(STORAGE),
  /** A disk of a volume group has a copy of its metadata that cannot be read. */
  MetadataDamaged: agent(STORAGE),
  /** Another node has the volume group at the same time. */
  SharedGroup: agent(STORAGE),
  /** A volume group on a disk that is offered to claims has a name that the node's groups have. */
  OnOfferedDisk: agent(STORAGE),
  InvalidName: agent(STORAGE),
  Foreign: agent(STORAGE),
  Exported: agent(STORAGE),
  DevicesMissing: agent(STORAGE),
  /** A disk of the group is smaller than the group's extents on it. */
  DeviceShrunk: agent(STORAGE),
  NoDevices: agent(STORAGE),
  ListedTwice: agent(STORAGE),
  PathTaken: agent(STORAGE),
  FilesystemLost: agent(STORAGE),
  OtherFilesystem: agent(STORAGE),
  InvalidPath: agent(STORAGE),
  InvalidFilesystem: agent(STORAGE),
  /** A mount option of the configuration does more than mount the filesystem. */
  InvalidOptions: agent(STORAGE),
  FormatFailed: agent(STORAGE),
  MountFailed: agent(STORAGE),
} as const satisfies Readonly<Record<string, EventReasonEntry>>;

/** A reason that no table has does not compile. */
export type EventReason = keyof typeof OTHERS | VolumeReason | DiskReason;

export const EVENT_REASONS: Readonly<Record<EventReason, EventReasonEntry>> = {
  ...(Object.fromEntries(Object.keys(VOLUME_REASONS).map((reason) => [reason, agent('LocalVolume')])) as Record<
    VolumeReason,
    EventReasonEntry
  >),
  ...(Object.fromEntries(Object.keys(DISK_REASONS).map((reason) => [reason, agent(STORAGE)])) as Record<
    DiskReason,
    EventReasonEntry
  >),
  ...OTHERS,
};
