import { Fault } from '../model/fault.ts';
import type { GroupRef } from './commands.ts';
import type { LvmVolume } from './report.ts';

/** One logical volume: by its UUID where that is known, since another may have come to bear its name. */
export interface VolumeRef extends GroupRef {
  readonly name: string;
  readonly uuid?: string;
}

/** Throws Fault `precondition` when the volume that bears the name is another than is meant. */
export function assertIsIt({ vgName, name, uuid }: VolumeRef, found: Pick<LvmVolume, 'uuid'>): void {
  if (uuid !== undefined && uuid !== found.uuid)
    throw new Fault('precondition', `logical volume ${vgName}/${name} is ${found.uuid}, and ${uuid} is meant`);
}
