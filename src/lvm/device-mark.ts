import { createHash, randomBytes } from 'node:crypto';

/** LVM's alphabet for identifiers without its two signs (lib/uuid/uuid.c); nobody else's identifier fits by chance. */
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const RANDOM = 8;
const BOOT = 8;
const PROOF = 16;

/**
 * A new identifier for a device that is to join this group, of 32 letters in LVM's grouping: random ones, some told by
 * `boot`, which names the time from one start of the machine to the next, and some told by all that and the group's
 * name. So a device that was prepared, and whose group was then not made, can be told from anybody else's.
 */
export function newDeviceMark(group: string, boot: string, random: Uint8Array = randomBytes(RANDOM)): string {
  const start = lettersOf(random, RANDOM) + hashed(`boot ${boot}`, BOOT);
  return (start + proofOf(group, start)).replace(/(.{6})(.{4})(.{4})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-$5-$6-');
}

/** Whether we prepared the device with this identifier for this group. */
export function isMarkedFor(group: string, uuid: string): boolean {
  const letters = uuid.replaceAll('-', '');
  const start = letters.slice(0, RANDOM + BOOT);
  return letters.slice(RANDOM + BOOT) === proofOf(group, start);
}

/** Whether a device with this mark was prepared since the machine started: then who did may still be at it. */
export const isMarkedIn = (boot: string, uuid: string): boolean =>
  uuid.replaceAll('-', '').slice(RANDOM, RANDOM + BOOT) === hashed(`boot ${boot}`, BOOT);

const proofOf = (group: string, start: string): string => hashed(`open-local ${start} ${group}`, PROOF);

const hashed = (text: string, letters: number): string =>
  lettersOf(createHash('sha256').update(text).digest(), letters);

const lettersOf = (bytes: Uint8Array, count: number): string =>
  [...bytes.subarray(0, count)].map((byte) => LETTERS[byte % LETTERS.length]).join('');
