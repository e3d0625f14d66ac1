import { bytes, MIB, NO_BYTES, type Bytes } from './bytes.ts';

/** How a volume's data is encrypted on its device: cryptsetup's LUKS2. */
export type Encryption = 'luks2';

/** Of a LUKS2 volume of ours: its metadata and key slots take so much of the device, and data begins after them. */
export const LUKS_HEADER = bytes(16 * MIB);

/**
 * What encryption takes of a volume's device, in bytes. It is part of the logical volume (`spec.sizeBytes`, the ledger)
 * and not of what a claim asks for and sees.
 */
export const headerOf = (encryption: Encryption | undefined): Bytes =>
  encryption === undefined ? NO_BYTES : LUKS_HEADER;
