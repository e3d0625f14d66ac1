import { present } from './present.ts';
import { bytes, MIB, NO_BYTES, type Bytes } from './bytes.ts';

/** How a volume's data is encrypted on its device: cryptsetup's LUKS2. */
export type Encryption = 'luks2';

/** Of a LUKS2 volume of ours: its metadata and key slots take so much of the device, and data begins after them. */
export const LUKS_HEADER = bytes(16 * MIB);

/** Bytes of a sector of an opened device with a filesystem, which is read by no less whatever the disk has. */
export const SEALED_SECTOR = 4096;

/**
 * What encryption takes of a volume's device, in bytes. It is part of the logical volume (`spec.sizeBytes`, the ledger)
 * and not of what a claim asks for and sees.
 */
export const headerOf = (encryption: Encryption | undefined): Bytes =>
  encryption === undefined ? NO_BYTES : LUKS_HEADER;

/** What decides whether a volume's device can be taken over as it is: with its header and key slots. */
export interface Sealed {
  readonly encryption?: Encryption;
  readonly fsType?: string;
}

/** Undefined for a volume or snapshot that is not encrypted. */
export const sealedIn = ({ spec: { encryption, fsType } }: { readonly spec: Sealed }): Sealed | undefined =>
  encryption && { encryption, ...present({ fsType }) };

/** Why no volume of this encryption can be made from a source; undefined when one can. */
export function sealProblem(wanted: Encryption | undefined, { encryption, fsType }: Sealed): string | undefined {
  // Two filesystems of one UUID on one machine are one to btrfs, and only its key opens the copy to give it another.
  if (wanted && fsType === 'btrfs') return 'a btrfs that is encrypted cannot be copied as it is: copy its files';
  if (wanted === encryption) return undefined;
  const [is, other] = encryption ? ['encrypted', 'one that is'] : ['not encrypted', 'one that is not'];
  return `its source is ${is}: use a StorageClass of ${other}, or copy its files`;
}
