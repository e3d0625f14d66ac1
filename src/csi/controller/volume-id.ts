import { createHash } from 'node:crypto';

/** An object name (RFC 1123 subdomain), which is also a logical volume's name: both take these characters. */
const OBJECT_NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
/** LVM keeps these beginnings for itself (lvm(8), "Reserved names"). */
const LVM_RESERVED = /^(snapshot|pvmove)/;
/**
 * Device-mapper names a volume `<group>-<volume>` with every hyphen inside doubled, in at most 127 characters: this
 * leaves the group 63.
 */
const MAX_DM_CHARS = 63;

/**
 * The volume id of a CSI name: the name itself when it can name a LocalVolume and a logical volume, as it is for every
 * PersistentVolume of external-provisioner; else a hash of it.
 */
export function volumeIdOf(name: string): string {
  const dmChars = name.length + name.split('-').length - 1;
  if (OBJECT_NAME.test(name) && !LVM_RESERVED.test(name) && dmChars <= MAX_DM_CHARS) return name;
  return `local-${createHash('sha256').update(name).digest('hex').slice(0, 40)}`;
}
