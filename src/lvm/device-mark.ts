import { createHash, randomBytes } from 'node:crypto';

/** LVM's alphabet for identifiers without its two signs (lib/uuid/uuid.c); nobody else's identifier fits by chance. */
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const HALF = 16;

/**
 * A new identifier for a device that is to join this group, of 32 letters in LVM's grouping: half of it random, half told by the random half and
 * the group's name. So a device that was prepared, and whose group was then not made, can be told from anybody else's.
 */
export function newDeviceMark(group: string, random: Uint8Array = randomBytes(HALF)): string {
  const nonce = lettersOf(random);
  return grouped(nonce + proofOf(group, nonce));
}

/** Whether we prepared the device with this identifier for this group. */
export function isMarkedFor(group: string, uuid: string): boolean {
  const letters = uuid.replaceAll('-', '');
  return letters.length === 2 * HALF && letters.slice(HALF) === proofOf(group, letters.slice(0, HALF));
}

const proofOf = (group: string, nonce: string): string =>
  lettersOf(createHash('sha256').update(`open-local ${nonce} ${group}`).digest().subarray(0, HALF));

const lettersOf = (bytes: Uint8Array): string =>
  [...bytes.subarray(0, HALF)].map((byte) => LETTERS[byte % LETTERS.length]).join('');

const grouped = (letters: string): string =>
  letters.replace(/^(.{6})(.{4})(.{4})(.{4})(.{4})(.{4})(.{6})$/, '$1-$2-$3-$4-$5-$6-$7');
