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
 * Returns the name of a group or volume as LVM allows it (lvm(8), "Valid names"). Throws Fault `invalid` for anything
 * else, above all for a name that lvm would take for an option or a path.
 */
export function lvmName(text: string): string {
  if (isLvmName(text)) return text;
  throw new Fault('invalid', `"${text}" cannot be an LVM name: use ${LVM_NAMES}`);
}

/** The UUID that lvm gives to the device of a logical volume (build_dm_uuid in lib/activate/dev_manager.c). */
export const mapperUuidOf = (groupUuid: string, volumeUuid: string): string =>
  `LVM-${groupUuid.replaceAll('-', '')}${volumeUuid.replaceAll('-', '')}`;

/** The path under which an active logical volume appears. */
export const volumeDevicePath = (vgName: string, name: string): string => `/dev/${vgName}/${name}`;
