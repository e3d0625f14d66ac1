import { bytes } from '../../model/bytes.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { largestStore } from '../../model/snapshot-store.ts';
import { VOLUME_FINALIZER } from '../../model/well-known.ts';
import { brokenRecord } from './volume-rules.ts';
import { showsItsLimits } from './write-volume.ts';

/** Whether the object says that nothing is left to do. */
export function isSettled(volume: LocalVolume): boolean {
  const { metadata, spec, status } = volume;
  if (metadata.deletionTimestamp !== undefined) return !metadata.finalizers?.includes(VOLUME_FINALIZER);
  if (status?.phase !== 'Ready' || status.reason !== undefined) return false;
  if (!showsItsLimits(volume) || brokenRecord(volume) !== undefined) return false;
  const { sizeBytes = 0, snapshot } = status;
  // What a snapshot shows has its source's size; and its store needs no more room than its source.
  const enough = snapshot?.sourceBytes === undefined ? spec.sizeBytes : largestStore(bytes(snapshot.sourceBytes));
  return spec.readOnly === true || sizeBytes >= Math.min(spec.sizeBytes, enough);
}
