import type { Signature } from './disks.ts';

/** What is known of a device that may belong to something although nothing is seen to use it. */
export interface Ties {
  /**
   * UUIDs of LVM's physical volumes, those that are missing too, with the name of their group; empty for one in none.
   */
  readonly physicalVolumes?: ReadonlyMap<string, string>;
  /** Volume groups that the node had, and that are not there or lack devices. */
  readonly absentGroups?: readonly string[];
}

/** Signatures of what is spread over several devices: one device does not tell whether the whole is in use. */
const MEMBER = /_member$|raid|bcache|drbd|bluestore|mpath|vmfs|crypto_LUKS|btrfs/i;

/**
 * What to do about a device that carries something: a sentence. Commands that destroy are given only where it provably
 * belongs to nothing; else it says what it belongs to, or what to look at first.
 */
export function adviceFor(name: string, signatures: readonly Signature[], ties: Ties): string {
  return lvmTie(signatures, ties) ?? memberTie(signatures) ?? absentTie(ties) ?? wipe(name);
}

/** The same for a physical volume of no group; `isUsed` is lvm's word that it is in a group which it cannot see. */
export function adviceForOrphan(name: string, isUsed: boolean, ties: Ties): string {
  if (isUsed)
    return `It belongs to a group that LVM cannot read: bring the group's other devices back, and see that no filter of lvm.conf hides them; or its metadata is damaged here (pvck ${name} tells), and vgcfgrestore(8) restores it.`;
  return absentTie(ties) ?? `If it is not needed: pvremove ${name} && ${zero(name)}`;
}

function lvmTie(signatures: readonly Signature[], { physicalVolumes }: Ties): string | undefined {
  const label = signatures.find(({ type }) => type === 'LVM2_member');
  if (!label) return undefined;
  const group = label.uuid === undefined ? undefined : physicalVolumes?.get(label.uuid);
  if (group) return `It is another path to a disk of volume group ${group}, or a copy of one: take it off the list.`;
  return 'LVM does not show it here, so that its group is not known: see which filter hides it, or whose pod had the disk, before anything is done to it.';
}

function memberTie(signatures: readonly Signature[]): string | undefined {
  const member = signatures.find(({ type }) => MEMBER.test(type));
  return (
    member &&
    'It may be a part of something that lies on other devices too: find out of what, and take it out of there first.'
  );
}

const absentTie = ({ absentGroups = [] }: Ties): string | undefined =>
  absentGroups.length === 0
    ? undefined
    : `Volume group ${absentGroups.join(' and ')} is not whole on this node: make sure first that this is none of its devices.`;

const wipe = (name: string): string => `If its data is not needed: wipefs --all ${name} && ${zero(name)}`;

const zero = (name: string): string => `dd if=/dev/zero of=${name} bs=1M count=1`;
