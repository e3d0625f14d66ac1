import type { LvmGroup } from '../../lvm/report.ts';
import { ofSystemId } from '../../lvm/system-id.ts';
import { refuse, type Refusal } from './volume-step.ts';

/** Why nothing of a group is used here; undefined when it is this machine's. */
export function notOurs(group: Pick<LvmGroup, 'name' | 'systemId' | 'foreign' | 'exported'>): Refusal | undefined {
  if (group.foreign) return foreign(group);
  if (!group.exported) return undefined;
  return refuse('GroupExported', `Volume group ${group.name} is exported: run vgimport ${group.name}.`);
}

export const foreign = (group: Pick<LvmGroup, 'name' | 'systemId'>): Refusal =>
  refuse('GroupForeign', ofSystemId(group));

/**
 * Why nothing is made, taken, grown or finished in a group. LVM itself gives extents that are beyond the end of a disk.
 * Where disks are away it gives none, but changes tags and takes away the rest of a try that was cut, and with that
 * calls them missing when they are back.
 */
export function unfitGroup({
  name,
  devices,
  partial,
}: Pick<LvmGroup, 'name' | 'devices' | 'partial'>): Refusal | undefined {
  if (partial) return refuse('GroupFaulty', `Volume group ${name} lacks disks: nothing is made or grown in it.`);
  const cut = devices.find(({ cutTo }) => cutTo !== undefined);
  return (
    cut && refuse('GroupFaulty', `Volume group ${name} has extents beyond the end of ${cut.device}, which shrank.`)
  );
}
