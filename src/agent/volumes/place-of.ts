import type { LocalVolume } from '../../model/local-volume.ts';

/** The group or path whose disks a volume is on. */
export const placeOf = ({ spec }: Pick<LocalVolume, 'spec'>): string => spec.vgName ?? spec.path ?? '';
