import type { Bytes } from '../../model/bytes.ts';
import { Fault } from '../../model/fault.ts';
import type { InlineVolume } from './inline-volume.ts';
import type { IoLimits, VolumeKind } from '../../model/storage-class.ts';

/** A volume of this node that is ready. */
export interface NodeVolume {
  readonly id: string;
  readonly kind: VolumeKind;
  /** Its block device; the folder of a MountPoint volume. */
  readonly source: string;
  /** What the StorageClass asked for; empty: our choice. */
  readonly fsType: string;
  /** What its device was once formatted with; undefined when it never was, as far as we know. */
  readonly formatted: string | undefined;
  readonly sizeBytes: Bytes;
  /** For each pod that has it; none when empty. */
  readonly limits: IoLimits;
}

/** What the node service knows of volumes; the agent supplies it. */
export interface NodeVolumes {
  /** Undefined when this node has no such volume. Throws Fault `unavailable`, saying why, while it is not ready. */
  find(id: string, signal: AbortSignal): Promise<NodeVolume | undefined>;
  /** Remembers for good that the volume's device carries a filesystem. */
  markFormatted(id: string, fsType: string, signal: AbortSignal): Promise<void>;
  /** Makes an inline volume, or finds it as an earlier try left it; ends once it is ready. Throws Fault `exhausted` without room. */
  makeInline(volume: InlineVolume, signal: AbortSignal): Promise<void>;
  /** Has a volume removed if it is an inline one; others are nothing to this. */
  removeInline(id: string, signal: AbortSignal): Promise<void>;
}

/** Throws Fault `not-found` when this node has no such volume. */
export async function requireVolume(volumes: NodeVolumes, id: string, signal: AbortSignal): Promise<NodeVolume> {
  const volume = await volumes.find(id, signal);
  if (!volume) throw new Fault('not-found', `volume ${id} is not on this node`);
  return volume;
}
