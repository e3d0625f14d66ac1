import type { Capacity } from '../capacity/get-capacity.ts';
import type { PlaceAnswer, PlaceRequest } from '../capacity/books/create-volume.ts';
import type { GrowAnswer } from '../capacity/books/grow-volume.ts';
import type { Bytes } from '../model/bytes.ts';
import type { LocalVolume } from '../model/local-volume.ts';
import type { StorageTroubles } from '../model/storage-troubles.ts';
import type { IoLimits, VolumePolicy } from '../model/storage-class.ts';

/**
 * What the controller asks of the world. The operator answers from its ledger and the API server, a test from memory.
 */

/** The last judge of room. Every verb acts at once, in one step. */
export interface Room {
  /** Takes the room. The same name again gets the same place and takes no second share. */
  place(request: PlaceRequest): PlaceAnswer;
  /** Gives back what `place` took for a volume that was not made. */
  unplace(name: string): void;
  /**
   * The node could not make the volume where it was placed; `whole`: the trouble is with the group or unit, not with
   * the
   * size. To be called before the volume is removed. The same is not tried there again until something changes.
   */
  refused(name: string, whole: boolean): void;
  /** Takes the difference to the new size; the size may come out larger, in whole extents. */
  grow(name: string, size: Bytes): GrowAnswer;
  /** What `size` bytes take where that volume is, in whole extents; undefined for one that is not known. */
  inExtents(name: string, size: Bytes): Bytes | undefined;
  /** Gives back what `grow` took: the volume's object still has `size` bytes. */
  shrinkTo(name: string, size: Bytes): void;
  /** What volumes of this policy can have, on one node or on all. */
  capacity(policy: VolumePolicy, node?: string): Pick<Capacity, 'largest' | 'available'>;
}

/** The records of volumes. Every verb throws Fault. */
export interface Volumes {
  /** All that were heard of; those that this process made or removed are right at once. */
  all(): Iterable<LocalVolume>;
  /** What was heard of, at no cost; undefined may mean that another process made it a moment ago. */
  heard(id: string): LocalVolume | undefined;
  /** Also what another process made a moment ago; undefined when there is none. */
  find(id: string, signal: AbortSignal): Promise<LocalVolume | undefined>;
  /**
   * Throws Fault `aborted` when it may have been made all the same, or was by another process, which has been heard of
   * then: the room stays taken.
   */
  create(volume: LocalVolume, signal: AbortSignal): Promise<LocalVolume>;
  /** Asks its node for a larger size. Throws Fault `aborted` when it may have been asked all the same. */
  grow(id: string, size: Bytes, signal: AbortSignal): Promise<void>;
  /**
   * Takes a growth back that its node had no room for; `size` is what the node provides, or more. Throws Fault, also
   * where the cluster's definition of LocalVolume is older and lets no size be taken back.
   */
  takeBack(id: string, size: Bytes, signal: AbortSignal): Promise<void>;
  /** Asks its node for these limits of IO in place of all others. Throws Fault `aborted` as `grow` does. */
  setLimits(id: string, limits: LimitsToSet, signal: AbortSignal): Promise<void>;
  /** Asks its node to remove it; done when there is none. */
  remove(id: string, signal: AbortSignal): Promise<void>;
  /**
   * Deletes the record, whose data stays for those that need it; `why` is told to people. It is removed by itself once
   * nobody needs it. Done when there is none.
   */
  removeLater(id: string, why: string, signal: AbortSignal): Promise<void>;
  /**
   * Takes the record away without asking its node, of which nothing is heard; done when there is none. Throws Fault
   * `aborted` when the node has begun the volume after all: it removes it, too.
   */
  abandon(id: string, signal: AbortSignal): Promise<void>;
  /** Those that are heard of and need the data of this one, in the order of their names. */
  needing(id: string): readonly LocalVolume[];
  /** Looks at the volume now and after every change (undefined: it is gone), until `decide` returns something. */
  until<T>(
    id: string,
    decide: (volume: LocalVolume | undefined) => T | undefined,
    signal: AbortSignal,
  ): Promise<NonNullable<T>>;
}

/** What a volume is held to now, and what it is held to without a VolumeAttributesClass. */
export interface LimitsToSet {
  readonly limits: IoLimits;
  readonly storageClassLimits: IoLimits;
}

/** What the nodes say of a volume that has no record, so that nothing is called removed that is still there. */
export type Trace =
  /** No node has anything of it. */
  | { readonly kind: 'none' }
  /** One node has a logical volume of that name, where a PersistentVolume of ours says that it is. */
  | { readonly kind: 'found'; readonly node: string; readonly vgName: string }
  /** A PersistentVolume of ours says that it is this mount point of the node, which may hold its files. */
  | { readonly kind: 'found'; readonly node: string; readonly path: string }
  /** Something of that name is there and may be another's, or a disk that may hold its data. `what` is a sentence. */
  | { readonly kind: 'doubtful'; readonly what: string }
  /** The node where it was cannot tell now. `what` is a sentence. */
  | { readonly kind: 'unknown'; readonly what: string };

export interface Traces {
  /**
   * Of the PersistentVolumes of ours that have this volume, if there are several, the names of those whose data is to
   * stay; administrators make a second one to give a volume to a claim of another namespace.
   */
  keptBy(id: string): readonly string[];
  /**
   * The same of a snapshot, and the VolumeSnapshotContents of it that are not being deleted. Throws Fault `unavailable`
   * when nobody can be asked.
   */
  snapshotKeptBy(id: string, signal: AbortSignal): Promise<readonly string[]>;
  /**
   * Of a part of a group snapshot: the VolumeSnapshotContents that were given it by its handle, and are not being
   * deleted. The one that snapshot-controller makes for the part has its volume's handle instead, and goes after the
   * group snapshot. Throws Fault `unavailable` when nobody can be asked.
   */
  snapshotGivenTo(id: string, signal: AbortSignal): Promise<readonly string[]>;
  /** Throws Fault `unavailable` when nobody can be asked. */
  traceOf(id: string, signal: AbortSignal): Promise<Trace>;
}

/**
 * The two names of a node: that of its Node object, and the value of its label kubernetes.io/hostname, which CSI knows
 * it by.
 */
export interface Topology {
  /** Nodes with this label value; a node without the label is known by its name. */
  nodesAt(hostname: string): readonly string[];
  hostnameOf(node: string): string;
}

/** What the nodes report of their storage. */
export interface StorageReports {
  /** Undefined: the node has no NodeLocalStorage. */
  troublesOf(node: string): StorageTroubles | undefined;
  /** Nothing was heard of its agent for long. */
  isSilent(node: string): boolean;
}
