import type { LocalVolume } from './local-volume.ts';
import { KEEP } from './well-known.ts';

/**
 * What keeps the data of a volume that is deleted: docs/decisions/0015-what-a-snapshot-gives.md. All of it is read from
 * LocalVolumes.
 */

/** Values of the annotation KEEP while only a call of CSI may end the volume. */
export const UNTIL_DELETE_VOLUME = 'until DeleteVolume';
export const UNTIL_DELETE_SNAPSHOT = 'until DeleteSnapshot';

/**
 * The name of the LocalVolume whose data this one needs: a snapshot needs its source, a volume that mounts a snapshot
 * the snapshot, and a copy what it is made from until it is whole.
 */
export function sourceNeededBy({ spec, status }: LocalVolume): string | undefined {
  const { volume, snapshot } = spec.source ?? {};
  const isWhole = status?.phase === 'Ready' || status?.progress === 100;
  return spec.role === 'Volume' && spec.readOnly !== true && isWhole ? undefined : (volume ?? snapshot);
}

/** Why data is kept, as the value of the annotation KEEP: by the first of those that need it, and how many more. */
export function keptBy([first, ...others]: readonly LocalVolume[]): string {
  const what = first?.spec.role === 'Snapshot' ? 'snapshot' : first?.spec.readOnly ? 'the mounted volume' : 'the copy';
  return `kept by ${what} ${first?.metadata.name}${others.length === 0 ? '' : ` and ${others.length} more`}`;
}

/** CSI was told that it is deleted. Its data may be needed for a while. */
export const isLetGo = ({ metadata }: LocalVolume): boolean =>
  metadata.deletionTimestamp !== undefined &&
  ![UNTIL_DELETE_VOLUME, UNTIL_DELETE_SNAPSHOT].includes(metadata.annotations?.[KEEP] ?? '');
