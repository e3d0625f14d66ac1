import type { BlockDevice } from '../disk/disks.ts';
import { diskIdentity } from '../disk/identity.ts';
import type { CopiedDevice, LvmReport } from '../lvm/report.ts';

/**
 * The devices that carry another one's physical volume and are disks of their own: copies, made with dd or by a storage
 * system. A second path to the same disk is none: whichever lvm chooses, it is the same data.
 */
export function copiedDisks(
  { duplicates = [], groups }: LvmReport,
  devices: readonly BlockDevice[],
): readonly CopiedDevice[] {
  const identityAt = (path: string | undefined): string | undefined => {
    const device = devices.find((candidate) => candidate.path === path || candidate.links?.includes(path ?? ''));
    return device && diskIdentity(device, devices);
  };
  const members = groups.flatMap((group) => group.devices);
  return duplicates.filter(({ device, uuid }) => {
    const identity = identityAt(device);
    return identity === undefined || identity !== identityAt(members.find((member) => member.uuid === uuid)?.device);
  });
}
