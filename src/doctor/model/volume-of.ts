import { volumeFacts } from '../../model/decode.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import type { PersistentVolumeClaim } from '../../model/objects.ts';

/** Whether the volume was made for the claim, and not for an earlier one of its name, which may still have it. */
export function isVolumeOf(volume: LocalVolume, { metadata }: Pick<PersistentVolumeClaim, 'metadata'>): boolean {
  const { claim, role } = volume.spec;
  if (role !== 'Volume' || claim?.namespace !== metadata.namespace || claim?.name !== metadata.name) return false;
  const { claimUid } = volumeFacts(volume);
  return claimUid === undefined || metadata.uid === undefined || claimUid === metadata.uid;
}
