import type { Bytes } from '../../model/bytes.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import type { Layout } from '../../model/storage-class.ts';
import type { VolumeReason } from '../../model/volume-reasons.ts';

/** What is to be made unreadable before a volume is removed. */
export interface Erasure {
  readonly path: string;
  readonly size: Bytes;
  /** What makes its device lead to its disks; nothing has to. */
  readonly first?: 'activate' | 'refresh';
}

/** Which group is meant, and which volume in it if it is there. */
export interface InGroup {
  readonly vgUuid: string;
  readonly uuid?: string;
}

/** One of the snapshots that are to be taken at one moment. */
export interface SnapshotToTake extends Omit<InGroup, 'uuid'> {
  readonly vgName: string;
  readonly name: string;
  readonly sizeBytes: Bytes;
  readonly origin: string;
  readonly originUuid: string;
}

/** The next thing to do for a volume. */
export type VolumeStep =
  | ({ readonly kind: 'create'; readonly sizeBytes: Bytes; readonly layout: Layout } & InGroup)
  | ({ readonly kind: 'extend'; readonly sizeBytes: Bytes } & InGroup)
  /** It was made by another program, and is to bear our tag from now on. */
  | ({ readonly kind: 'adopt' } & InGroup)
  /** A snapshot is to be taken. */
  | ({
      readonly kind: 'take';
      readonly sizeBytes: Bytes;
      readonly origin: string;
      readonly originUuid: string;
    } & InGroup)
  /** This snapshot is to be taken, and those of its group with it. */
  | { readonly kind: 'together'; readonly snapshots: readonly SnapshotToTake[] }
  /** It was taken together with others, of which one is finished. */
  | ({ readonly kind: 'finish' } & Required<InGroup>)
  /** Another volume's turn comes first, and brings us back. */
  | { readonly kind: 'later'; readonly message: string }
  /** The store of a snapshot that is to be removed is made an ordinary volume, so that it can be erased. */
  | ({ readonly kind: 'split' } & InGroup)
  /** It is there, and is to be filled from another volume: copy-volume.ts. */
  | ({ readonly kind: 'copy'; readonly sizeBytes: Bytes; readonly devicePath: string } & Required<InGroup>)
  /** Its device is not there, as after a boot. */
  | ({ readonly kind: 'activate' } & InGroup)
  /** Its disk was pulled and is back, a killed program stopped it, or its path is gone. */
  | ({ readonly kind: 'refresh' } & InGroup)
  /** It is to be removed, and mounted only where the kubelet forgot it, as `message` says: left-staged.ts. */
  | { readonly kind: 'unstage'; readonly targets: readonly string[]; readonly message: string }
  | ({ readonly kind: 'remove'; readonly erase?: Erasure } & InGroup)
  /** Its data is to be destroyed, and then nothing of it is left. */
  | { readonly kind: 'wipe'; readonly path: string; readonly filesystem?: string }
  /** It is as asked; `filesystem` is what a MountPoint volume's is known by, `InGroup` what an LVM volume is. */
  | ({
      readonly kind: 'ready';
      readonly sizeBytes: Bytes;
      readonly devicePath: string;
      readonly filesystem?: string;
      readonly snapshot?: SnapshotTold;
    } & Partial<InGroup>)
  /** Nothing of it is left: its finalizer may go. */
  | { readonly kind: 'gone' }
  /** Nothing can be done until something else has happened, which brings us back: it is told, and not tried again. */
  | { readonly kind: 'wait'; readonly reason: VolumeReason; readonly message: string }
  /** It is not what we may touch, or not what anybody could make of it. */
  | Refusal;

export interface Refusal {
  readonly kind: 'refuse';
  readonly reason: VolumeReason;
  readonly message: string;
  /** InUse: where it is mounted, where nothing else has it. */
  readonly targets?: readonly string[];
}

/** What is told of a snapshot beside its size, which is that of its store. */
export interface SnapshotTold {
  /** RFC 3339. */
  readonly takenAt?: string;
  readonly sourceBytes: Bytes;
}

/** Its size is told once it is there, and never taken back. */
export const hasBeenReady = ({ status }: LocalVolume): boolean => status?.sizeBytes !== undefined;

export const refuse = (reason: VolumeReason, message: string): Refusal => ({ kind: 'refuse', reason, message });
