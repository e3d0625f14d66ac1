import { Fault } from '../../model/fault.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { limitsWith, parseMutableParameters, sameLimits } from '../../model/mutable-parameters.ts';
import type { IoLimits } from '../../model/storage-class.ts';
import type { ControllerModifyVolumeRequest } from '../gen/csi.ts';
import type { Volumes } from '../ports.ts';

/** A volume that is to have other limits. */
export interface WantedLimits {
  readonly id: string;
  /** Those that its VolumeAttributesClass names; none without a class. */
  readonly limits: IoLimits;
}

/** Throws Fault `invalid`, naming the field or the key with its value. */
export function parseModifyVolume({ volumeId, mutableParameters }: ControllerModifyVolumeRequest): WantedLimits {
  if (volumeId === '') throw new Fault('invalid', 'volume_id is missing');
  return { id: volumeId, limits: parseMutableParameters(mutableParameters) };
}

/**
 * Gives the volume the limits of a VolumeAttributesClass in place of those of the class before. What it does not name
 * is as the StorageClass has it, so that a class that names nothing undoes every class. Its node's agent applies them
 * to running pods.
 */
export async function modifyVolume(
  { id, limits }: WantedLimits,
  { spec }: LocalVolume,
  { volumes }: { readonly volumes: Pick<Volumes, 'setLimits'> },
  signal: AbortSignal,
): Promise<void> {
  const storageClassLimits = limitsOfStorageClass(spec);
  const wanted = limitsWith(storageClassLimits, limits);
  if (sameLimits(wanted, spec.limits)) return;
  await volumes.setLimits(id, { limits: wanted, storageClassLimits }, signal);
}

/** What the volume started with. */
export const limitsOfStorageClass = ({ storageClassLimits, limits = {} }: LocalVolume['spec']): IoLimits =>
  storageClassLimits ?? limits;
