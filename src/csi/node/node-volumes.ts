import type { Bytes } from '../../model/bytes.ts';
import { Fault } from '../../model/fault.ts';
import type { InlineVolume } from './inline-volume.ts';
import type { IoLimits, VolumeKind } from '../../model/storage-class.ts';
import type { NewFilesystem } from '../../mount/filesystem.ts';

/** A volume of this node that is ready. */
export interface NodeVolume {
  readonly id: string;
  /** Of the record that all this was read from; another after every write to it. */
  readonly version?: string;
  readonly kind: VolumeKind;
  /** Its block device, which an encrypted volume has while it is open; the folder of a MountPoint volume. */
  readonly source: string;
  /** Of an encrypted volume. */
  readonly encryption?: EncryptedDevice;
  /** What the StorageClass asked for; empty: our choice. */
  readonly fsType: string;
  /** The filesystem that its device was once given; undefined when none is recorded. */
  readonly formatted: string | undefined;
  /**
   * The filesystem that its device is being given, with its UUID: formatting was begun, and is not done unless
   * `formatted` says so.
   */
  readonly formatting: NewFilesystem | undefined;
  readonly sizeBytes: Bytes;
  /** It is a snapshot, which is shown as it is: never formatted, checked, grown or written to. */
  readonly isSnapshot?: true;
  /** It was copied from a volume that may be smaller: its filesystem is to be made as large as its device. */
  readonly isCopy?: true;
  /** It was made before us, and is mounted as it always was. */
  readonly isAdopted?: true;
  /** Which disk it has is told by the disk's name alone, which may be another's after a boot. */
  readonly isKnownByName?: true;
  /** For each pod that has it; none when empty. */
  readonly limits: IoLimits;
}

/** What is below the `source` of an encrypted volume. */
export interface EncryptedDevice {
  /** The block device that carries the LUKS header. */
  readonly device: string;
  /** What was recorded of its formatting. */
  readonly recorded: 'begun' | 'done' | undefined;
  /** It was copied from another volume, header and all. */
  readonly copied: boolean;
  /** Its key is made for each opening and kept nowhere. */
  readonly forgetsKey: boolean;
}

/** `fresh`: as it is recorded now, and not as it was heard of last; for what cannot be undone. */
export type Lookup = 'fresh' | 'heard';

/** What the node service knows of volumes; the agent supplies it. */
export interface NodeVolumes {
  /**
   * Gives undefined when this node has no such volume. Throws Fault `unavailable`, saying why, while it is not ready.
   */
  find(id: string, signal: AbortSignal, how?: Lookup): Promise<NodeVolume | undefined>;
  /**
   * Records that the volume's device is about to be formatted. With a `version` only while the record has that one;
   * says whether it was recorded.
   */
  markFormatting(id: string, begun: NewFilesystem, signal: AbortSignal, version?: string): Promise<boolean>;
  /**
   * Throws Fault `precondition` when a whole disk with a filesystem of this UUID is another node's volume, too. To be
   * asked where the volume's record does not tell the UUID.
   */
  assertNotElsewhere(id: string, uuid: string, signal: AbortSignal): Promise<void>;
  /** Records for good that the volume's device carries a filesystem. */
  markFormatted(id: string, fsType: string, signal: AbortSignal): Promise<void>;
  /**
   * Records that the volume's device is about to be made a LUKS volume of this UUID, and that nothing in it counts any
   * more.
   */
  markEncrypting(id: string, uuid: string, signal: AbortSignal): Promise<void>;
  /** Records for good that the volume's device carries the LUKS header of this UUID. */
  markEncrypted(id: string, uuid: string, signal: AbortSignal): Promise<void>;
  /**
   * Makes an inline volume, or goes on with an earlier try; resolves once it is ready. Throws Fault `exhausted` without
   * room.
   */
  makeInline(volume: InlineVolume, signal: AbortSignal): Promise<void>;
  /** Starts the removal of an inline volume; does nothing for any other. */
  removeInline(id: string, signal: AbortSignal): Promise<void>;
}

/** Throws Fault `not-found` when this node has no such volume. */
export async function requireVolume(
  volumes: NodeVolumes,
  id: string,
  signal: AbortSignal,
  how: Lookup = 'heard',
): Promise<NodeVolume> {
  const volume = await volumes.find(id, signal, how);
  if (!volume) throw new Fault('not-found', `volume ${id} is not on this node`);
  return volume;
}
