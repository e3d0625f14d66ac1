import type { Bytes } from './bytes.ts';
import type { ClaimUse } from './claim-judge.ts';
import type { TopologyTerm } from './class-topologies.ts';
import type { Sealed } from './encryption.ts';
import type { NodeWish } from './node-choice.ts';
import type { LabelSelector } from './objects.ts';
import type { MediaType, VolumeKind } from './storage-class.ts';

/**
 * What we know of the cluster, in our own words: the few facts of each Kubernetes object that a decision needs. The
 * operator makes them from watch events; `capacity` sees nothing else.
 */

/** One node's storage, from its NodeLocalStorage: only what is managed (filtered) is here. */
export interface NodeStorage {
  readonly name: string;
  readonly groups: readonly GroupFacts[];
  /** Whole disks and whole mounted filesystems that a claim may take for itself alone. */
  readonly units: readonly UnitFacts[];
}

export interface GroupFacts {
  readonly name: string;
  readonly total: Bytes;
  /** Free according to LVM (vg_free) when the agent last looked. */
  readonly available: Bytes;
  readonly extentSize: Bytes;
  /** Room the administrator keeps back (annotation csi.aliyun.com/storage-reserved). */
  readonly reserved: Bytes;
  /** Of what is reserved, that which the volumes of the group may still grow into: it is cordoned. Absent: nothing. */
  readonly forGrowth?: Bytes;
  /** Every logical volume in the group, ours or not. */
  readonly volumes: readonly { readonly name: string; readonly size: Bytes }[];
}

export interface UnitFacts {
  readonly kind: 'Device' | 'MountPoint';
  /** `/dev/sdb` or `/mnt/open-local/data-0`. */
  readonly path: string;
  readonly size: Bytes;
  readonly mediaType?: MediaType;
  /** False while it may not be given to a claim: mounted elsewhere, partitioned, in a group, read-only, faulty. */
  readonly usable: boolean;
}

/** A LocalVolume object. Its name is the CSI volume id and the logical volume's name. */
export interface VolumeFacts {
  readonly name: string;
  /** Of the object: tells a volume from an earlier one of the same name. */
  readonly uid?: string;
  readonly node: string;
  readonly kind: VolumeKind;
  /** The group of an LVM volume; the path of a Device or MountPoint. */
  readonly where: string;
  readonly size: Bytes;
  readonly claimUid?: string;
  /** The pod of an inline volume. */
  readonly podUid?: string;
  /** Absent: it is not encrypted. */
  readonly sealed?: Sealed;
}

/**
 * A PersistentVolume; one that is no CSI volume has an empty driver and handle. One that open-local made before us has
 * no LocalVolume: then this is all that records it.
 */
export interface PvFacts {
  readonly name: string;
  readonly driver: string;
  /** CSI volume id; the name of the logical volume. */
  readonly handle: string;
  /**
   * The only node that can reach it, by its node affinity: by its hostname label as decoded, by its name for the ledger
   * (operator/follow/pvs-by-node.ts).
   */
  readonly node?: string;
  readonly claimUid?: string;
  /** What it takes on its node; absent when its attributes do not say, and for a snapshot that is mounted as it is. */
  readonly takes?: { readonly kind: VolumeKind; readonly where: string; readonly size: Bytes };
  /** Its volume was let go as lost: LET_GO in well-known.ts. */
  readonly letGo?: true;
  /** Present while a claim may still be bound to it. */
  readonly offer?: PvOffer;
}

/**
 * What Kubernetes compares with a claim before it binds the claim to a PersistentVolume that exists already
 * (FindMatchingVolume in staging/src/k8s.io/component-helpers/storage/volume/pv_helpers.go).
 */
export interface PvOffer {
  /** Empty: none. */
  readonly storageClass: string;
  readonly capacity: Bytes;
  readonly block: boolean;
  readonly accessModes: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly attributesClass?: string;
  /** The only claim that may have it. Without a uid any claim of the name. */
  readonly claim?: { readonly namespace: string; readonly name: string; readonly uid?: string };
  /** Its phase is Available: any claim that it suits may have it, unless `claim` names one. */
  readonly available: boolean;
  /** The nodes that reach it, named as `node` of PvFacts is; absent: all. */
  readonly nodes?: readonly string[];
}

/** A snapshot that claims may be made from. */
export interface SourceFacts {
  readonly namespace: string;
  readonly name: string;
  /** Where its data can be read. */
  readonly node: string;
  /** It was taken for claims that mount the snapshot itself, so such a claim takes no room. */
  readonly readOnly: boolean;
  /** What its source had: a claim that mounts it cannot have more, and one that is filled from it gets all of it. */
  readonly size?: Bytes;
  /** The least that a claim may ask for, which is less than `size` by what its source had unasked. Absent: `size`. */
  readonly least?: Bytes;
  /** The only volumeMode that a claim may ask for. Absent: any. */
  readonly mode?: string;
  /** Absent: it is not encrypted. */
  readonly sealed?: Sealed;
  /** It is not ready, or its node is away: what is made from it waits, and nothing else is known of it. */
  readonly waits?: true;
  /** Why no claim can be made from it, whatever happens. */
  readonly problem?: string;
}

export interface ClaimFacts {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly storageClass?: string;
  readonly requested: Bytes;
  /** Set once the claim is bound or pre-bound to a PersistentVolume. */
  readonly volumeName?: string;
  readonly bound: boolean;
  /** Annotation volume.kubernetes.io/selected-node. */
  readonly selectedNode?: string;
  readonly source?: {
    readonly kind: 'VolumeSnapshot' | 'PersistentVolumeClaim';
    readonly name: string;
    /** Where that is not the claim's own. */
    readonly namespace?: string;
  };
  /** It is filled by a volume populator: no volume is ever made for it, it gets that of a claim that stands in. */
  readonly populated?: true;
  /** Uid of the claim for which a volume populator made this one, which hands over its volume once that is filled. */
  readonly standsInFor?: string;
  /**
   * Of a restore by Velero, whose two claims name each other nowhere: the claim that is to have what is restored, which
   * is populated, and the one whose volume is filled for it.
   */
  readonly restore?: 'into' | 'from';
  readonly deleting: boolean;
  /** Uid of the pod that controls it: of a claim that was made for its generic ephemeral volume. */
  readonly ofPod?: string;
  /** `spec.selector`: the labels of the PersistentVolumes that it may be bound to. */
  readonly selector?: LabelSelector;
  /** `spec.volumeAttributesClassName`. */
  readonly attributesClass?: string;
  /** Absent: a filesystem for one node, and nothing else. */
  readonly use?: ClaimUse;
}

export interface ClassFacts {
  readonly name: string;
  readonly provisioner: string;
  readonly parameters: Readonly<Record<string, string>>;
  /** Absent: none. */
  readonly mountOptions?: readonly string[];
  /** Its `allowedTopologies`. Absent: any node. */
  readonly topologies?: readonly TopologyTerm[];
  /** Its volumes are made once a scheduler has chosen a node. Absent: at once. */
  readonly waitsForConsumer?: true;
}

export interface PodFacts {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly nodeName?: string;
  readonly nominatedNode?: string;
  /** Succeeded, Failed or deleted: it needs no room that is not recorded. */
  readonly finished: boolean;
  /**
   * Present while its scheduler says that it fits nowhere (condition PodScheduled is False): what it asks of its node.
   */
  readonly unscheduled?: NodeWish;
  readonly volumes: readonly PodVolume[];
  /** Name of its scheduler, which has not said anything of it. Absent: it has, or nobody has looked. */
  readonly unseenBy?: string;
  /** It has the label of an agent, of ours where it is in our namespace. */
  readonly isAgent?: true;
}

/**
 * The volumes of a pod that may concern us; all others (config maps, host paths, other drivers' inline volumes) are
 * left out.
 */
export type PodVolume =
  | { readonly kind: 'claim'; readonly claimName: string }
  /** A generic ephemeral volume: its claim is made by a controller after the pod, named `<pod>-<volume>`. */
  | {
      readonly kind: 'ephemeral';
      readonly claimName: string;
      readonly storageClass?: string;
      readonly requested: Bytes;
      readonly use?: ClaimUse;
    }
  | {
      readonly kind: 'inline';
      readonly volumeName: string;
      readonly attributes: Readonly<Record<string, string>>;
      /** Absent: our choice. */
      readonly fsType?: string;
    };

/** Where one volume goes. `path` is `/dev/sdb` or a mount point; sizes in bytes as taken, rounded to extents. */
export type Placement =
  | { readonly kind: 'LVM'; readonly node: string; readonly vgName: string; readonly size: Bytes }
  | { readonly kind: 'Device' | 'MountPoint'; readonly node: string; readonly path: string; readonly size: Bytes };
