import type { LvmGroup } from './report.ts';

/**
 * Why a group that carries a system ID is not used, and how it is given to this machine: two sentences. LVM lets only
 * who has the ID change anything of the group, the ID too, and an agent's lvm mostly has none, also where the machine's
 * own has one (lvmsystemid(7)).
 */
export function ofSystemId({ name, systemId = '' }: Pick<LvmGroup, 'name' | 'systemId'>): string {
  const asIt = `global { system_id_source="lvmlocal" } local { system_id="${systemId}" }`;
  return (
    `Volume group ${name} belongs to whoever has the system ID ${systemId}, and the agent's lvm has not. If that is this ` +
    `machine, or one that can reach the disks no more, take the ID off on the node: ` +
    `vgchange --yes --config '${asIt}' --systemid "" ${name}`
  );
}
