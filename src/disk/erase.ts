import { MIB, type Bytes } from '../model/bytes.ts';
import { Fault, textOf } from '../model/fault.ts';
import { CommandFailed } from '../exec/command-failed.ts';
import type { Run } from '../exec/run.ts';

/**
 * What becomes of the bytes of a volume that is removed, which the next owner of the disk's blocks could read through a
 * raw device. zero: overwritten, by the disk itself where it can. discard: given up to the disk, which mostly shows
 * zeros then and need not. keep: left.
 */
export const ERASE_POLICIES = ['zero', 'discard', 'keep'] as const;
export type ErasePolicy = (typeof ERASE_POLICIES)[number];

const FLOOR_MS = 600_000;
/** A disk that is slower has hung. */
const SLOWEST_BYTES_PER_MS = (5 * MIB) / 1000;

/** A device, and how much of it is to be erased. */
export interface Erased {
  readonly path: string;
  readonly size: Bytes;
  /** Only so many bytes from its start; absent: all of it. */
  readonly head?: Bytes;
}

/**
 * Erases all of a device, or its head, while nothing else has it open. May be cut at any point and repeated. Throws
 * Fault `precondition` while something holds it, `unavailable` when it cannot be written.
 */
export async function eraseDevice(
  { path, size, head }: Erased,
  policy: ErasePolicy,
  run: Run,
  signal: AbortSignal,
): Promise<void> {
  if (policy === 'keep') return;
  const how = policy === 'zero' ? ['--zeroout'] : [];
  const part = head === undefined ? [] : ['--length', String(head)];
  const argv = ['blkdiscard', ...how, ...part, '--', path];
  try {
    await run(argv, { timeoutMs: FLOOR_MS + size / SLOWEST_BYTES_PER_MS }, signal);
  } catch (error) {
    signal.throwIfAborted();
    const said = error instanceof CommandFailed ? error.stderr : '';
    if (policy === 'discard' && /not supported|not a block device/i.test(said)) return; // exit codes tell nothing
    const kind = /resource busy|in use/i.test(said) ? 'precondition' : 'unavailable';
    throw new Fault(kind, `${path} could not be erased: ${textOf(error)}`, { cause: error });
  }
}
