import { Fault } from '../model/fault.ts';
import { isLvmName, LVM_NAMES } from '../model/lvm-name.ts';

/** On every logical volume we made: what carries it is ours to grow and to remove. */
export const OUR_TAG = 'open-local';
/**
 * On a logical volume whose making has not ended: its old bytes may still be there, nobody has it yet, it may be made
 * anew.
 */
export const UNFINISHED_TAG = 'open-local.unfinished';
/**
 * On a logical volume that was filled from another one: it is whole, pods may have written to it since, and it is never
 * filled again, whatever its object says.
 */
export const FILLED_TAG = 'open-local.filled';

/**
 * Returns the name of a group or volume as LVM allows it (lvm(8), "Valid names"). Throws Fault `invalid` for anything
 * else, above all for a name that lvm would take for an option or a path.
 */
export function lvmName(text: string): string {
  if (isLvmName(text)) return text;
  throw new Fault('invalid', `"${text}" cannot be an LVM name: use ${LVM_NAMES}`);
}

/**
 * Device-mapper names the device of a volume `<group>-<volume>`, with every hyphen inside doubled and `-real` or `-cow`
 * behind it where there are snapshots, in at most 127 characters (DM_NAME_LEN of Linux). A volume that is named as
 * external-provisioner names PersistentVolumes takes 45.
 */
const MAX_GROUP_CHARS = 76;

/** Whether a group's name leaves too few characters for its volumes: lvm makes such a group, and no volume in it. */
export const isNameTooLong = (group: string): boolean => group.replaceAll('-', '--').length > MAX_GROUP_CHARS;

/** A clause that goes on from the group's name. */
export const TOO_LONG = `has so long a name that none is left for volumes: ${MAX_GROUP_CHARS} characters can be, hyphens counted twice`;

/** The UUID that lvm gives to the device of a logical volume (build_dm_uuid in lib/activate/dev_manager.c). */
export const mapperUuidOf = (groupUuid: string, volumeUuid: string): string =>
  `LVM-${groupUuid.replaceAll('-', '')}${volumeUuid.replaceAll('-', '')}`;

/** The path under which an active logical volume appears. */
export const volumeDevicePath = (vgName: string, name: string): string => `/dev/${vgName}/${name}`;
