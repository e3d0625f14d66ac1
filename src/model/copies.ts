import type { LocalVolume } from './local-volume.ts';
import { sha256 } from './sha256.ts';
import { FORMATTED } from './well-known.ts';

/**
 * Volumes that are filled from others. A restored volume is copied from its snapshot; a clone from a temporary snapshot
 * of its source, which the operator makes next to the clone and removes when the clone is whole or gone.
 */

/** The volume has room of its own, which is filled from its source. */
export const isCopy = ({ spec }: Pick<LocalVolume, 'spec'>): boolean =>
  spec.role === 'Volume' && spec.readOnly !== true && spec.source !== undefined;

const MAX_DM_CHARS = 63;

/**
 * The name of a clone's temporary snapshot, for good. Device-mapper doubles the hyphens in a name and leaves it and
 * its group 126 characters: a name that would take more than half of them is a hash.
 */
export function cloneSnapshotId(clone: string): string {
  const name = `copying.${clone}`;
  const dmChars = name.length + name.split('-').length - 1;
  return dmChars <= MAX_DM_CHARS ? name : `copying.${sha256(clone).slice(0, 40)}`;
}

/** The filesystem that is known to be on a volume, or in a snapshot of it; undefined for a raw device. */
export const filesystemOn = ({ metadata, spec }: LocalVolume): string | undefined =>
  spec.fsType ?? metadata.annotations?.[FORMATTED];

/** A snapshot that was taken for a clone. CSI knows nothing of it. */
export const isTemporary = ({ spec }: Pick<LocalVolume, 'spec'>): boolean =>
  spec.role === 'Snapshot' && spec.restore === undefined;

/** The LocalVolume whose device a copy reads; undefined for what is no copy. */
export function copySourceId(volume: LocalVolume): string | undefined {
  if (!isCopy(volume)) return undefined;
  const { snapshot, volume: source } = volume.spec.source ?? {};
  return snapshot ?? (source === undefined ? undefined : cloneSnapshotId(volume.metadata.name ?? ''));
}
