import { Fault } from './fault.ts';

const NAME = /^[A-Za-z0-9_+.][A-Za-z0-9_+.-]*$/;
const MAX_NAME_CHARS = 127;

/** What LVM allows as the name of a group or volume: lvm(8), "Valid names". */
export const LVM_NAMES = `up to ${MAX_NAME_CHARS} letters, digits, "_", "+", "." and "-", not "-" first`;

/** Whether LVM allows it; above all it is no option and no path. */
export const isLvmName = (text: string): boolean =>
  NAME.test(text) && text !== '.' && text !== '..' && text.length <= MAX_NAME_CHARS;

/** Throws Fault `invalid` that begins with `what` for a group that no node can have. */
export function checkGroupName(what: string, text: string): void {
  if (!isLvmName(text)) throw new Fault('invalid', `${what}: "${text}" cannot be a volume group: use ${LVM_NAMES}`);
}
