import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { MIB } from '../model/bytes.ts';
import { textOf } from '../model/fault.ts';
import { readDevice } from '../exec/read-device.ts';
import type { Run } from '../exec/run.ts';
import type { BlockDevice, Probe, Signature } from './disks.ts';

const WIPEFS_TIMEOUT_MS = 60_000;
/** Looks at a device that is held before it counts as in use, and about the time between two of them. */
const LOOKS = 5;
const MOMENT_MS = 50;

type Device = Pick<BlockDevice, 'path' | 'size'>;

/**
 * Looks at what a device carries: whether it is free, readable at both ends, and whether anything is on it. Writes
 * nothing.
 */
export async function probeContent(device: Device, run: Run, signal: AbortSignal): Promise<Probe> {
  signal.throwIfAborted();
  try {
    const known = await readSignatures(device.path, run, signal); // a device that does not answer stops here
    await assertFree(device, signal);
    const ends = await readEnds(device, run, signal);
    const dataAt = findData(ends.first);
    const signatures = [...known, ...backupGpt(ends.last, device.size)];
    const isLvm = signatures.some(({ type }) => type === 'LVM2_member');
    return {
      busy: false,
      signatures,
      ...(dataAt < 0 ? {} : { dataAt }),
      ...(isLvm ? { lvmStates: lvmStates(ends.first) } : {}),
    };
  } catch (error) {
    signal.throwIfAborted();
    if ((error as NodeJS.ErrnoException).code === 'EBUSY') return { busy: true, signatures: [] };
    return { busy: false, unreadable: textOf(error), signatures: [] };
  }
}

/**
 * Throws EBUSY while somebody holds the device for longer than a moment. On a block device O_EXCL without O_CREAT fails
 * so while the kernel has claimed it: open(2). It is open for no longer than that takes, since meanwhile neither mkfs
 * nor mount could have it; and who looks as we do, or formats, is waited for.
 */
async function assertFree({ path }: Device, signal: AbortSignal): Promise<void> {
  for (let left = LOOKS; ; left -= 1) {
    try {
      const handle = await open(path, constants.O_RDONLY | constants.O_EXCL);
      return await handle.close();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY' || left === 1) throw error;
    }
    // Not all that look at once look again at once.
    await delay(MOMENT_MS * (0.5 + Math.random()), undefined, { signal });
  }
}

async function readEnds(
  { path, size }: Device,
  run: Run,
  signal: AbortSignal,
): Promise<{ readonly first: Buffer; readonly last: Buffer }> {
  const length = Math.min(MIB, size);
  const read = async (at: number): Promise<Buffer> => {
    const found = await readDevice(path, { at, length }, run, signal);
    if (found.length < length) throw new Error(`it ends after ${at + found.length} bytes`);
    return found;
  };
  return { first: await read(0), last: await read(size - length) };
}

async function readSignatures(path: string, run: Run, signal: AbortSignal): Promise<readonly Signature[]> {
  const argv = ['wipefs', '--no-act', '--json', '--', path];
  const { stdout } = await run(argv, { timeoutMs: WIPEFS_TIMEOUT_MS }, signal);
  return parseWipefs(stdout);
}

interface WipefsRow {
  readonly offset: string;
  readonly type: string;
  readonly uuid?: string | null;
  readonly label?: string | null;
}

/**
 * Reads the output of `wipefs --no-act --json`; a device without signatures may give no output at all. Throws
 * SyntaxError.
 */
export function parseWipefs(stdout: string): readonly Signature[] {
  if (stdout.trim() === '') return [];
  const { signatures = [] } = JSON.parse(stdout) as { signatures?: readonly WipefsRow[] };
  return signatures.map(({ offset, type, uuid, label }) => ({
    type,
    offset: Number(offset),
    ...(uuid ? { uuid } : {}),
    ...(label ? { label } : {}),
  }));
}

/**
 * Offset of the first byte that is not zero, and not of an empty header of LVM's; -1 without. Pieces without any are
 * compared as a whole: a look at each byte of a blank disk takes long, and is done for every one that is offered.
 */
function findData(first: Buffer): number {
  for (let at = 0; at < first.length; at += PIECE.length) {
    const piece = first.subarray(at, at + PIECE.length);
    const isBlank = piece.equals(PIECE.subarray(0, piece.length)) || (at === LVM_HEADER.at && isEmptyLvmHeader(piece));
    if (!isBlank) return at + piece.findIndex((byte) => byte !== 0);
  }
  return -1;
}

/** As long as LVM's header, which begins one. */
const PIECE = Buffer.alloc(512);

/**
 * Where LVM begins to write when it takes a device (struct mda_header in lib/format_text/layout.h); it writes its label
 * after that.
 */
const LVM_HEADER = { at: 4096, length: 512, magicAt: 4, magic: ' LVM2 x[5A%r0N*>', statesAt: 40 } as const;

/**
 * A header that names no state of a group: left by a pvcreate that was cut before its label was written, or by pvremove
 * of a device that never was in a group. No data of LVM's is behind it.
 */
const isEmptyLvmHeader = (header: Buffer): boolean =>
  header.toString('latin1', LVM_HEADER.magicAt, LVM_HEADER.magicAt + LVM_HEADER.magic.length) === LVM_HEADER.magic &&
  header.subarray(LVM_HEADER.statesAt).every((byte) => byte === 0);

/**
 * LVM writes each state of a group as text, behind the one before, around a ring that ends with the first MiB
 * (lib/format_text/layout.h).
 */
const lvmStates = (first: Buffer): readonly number[] =>
  [...first.toString('latin1').matchAll(/\bseqno = (\d+)/g)].map(([, seqno]) => Number(seqno));

/**
 * The copy of a GUID partition table in the last sector, which wipefs passes over once the first one is gone (UEFI
 * 2.10, 5.3.2).
 */
function backupGpt(last: Buffer, size: number): readonly Signature[] {
  const start = [512, 4096].map((sector) => last.length - sector).find((at) => at >= 0 && isGptHeader(last, at));
  return start === undefined ? [] : [{ type: 'gpt (backup header)', offset: size - last.length + start }];
}

const isGptHeader = (buffer: Buffer, at: number): boolean => buffer.toString('latin1', at, at + 8) === 'EFI PART';
