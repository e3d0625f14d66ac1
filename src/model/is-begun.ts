import type { LocalVolume } from './local-volume.ts';

/**
 * Whether something of the volume may be on its node that anybody would miss: data of its source, or of a pod. Only a
 * volume that was Ready has been given to a pod. What a node may have made of one before that is a logical volume that
 * its agent finds and tells of.
 */
export const isBegun = ({ spec, status }: LocalVolume): boolean =>
  spec.role !== 'Volume' ||
  spec.source !== undefined ||
  status?.sizeBytes !== undefined ||
  status?.volumeUuid !== undefined;
