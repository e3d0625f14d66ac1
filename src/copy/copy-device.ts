import { roundDown, bytes, KIB, MIB, type Bytes } from '../model/bytes.ts';
import { Fault, textOf } from '../model/fault.ts';
import type { Run } from '../exec/run.ts';
import type { Clock } from '../wait/clock.ts';
import { openUncached, pageAligned, type Uncached } from './uncached.ts';

/** What is to be copied onto what: block devices, or files. */
export interface Copy {
  readonly source: string;
  readonly target: string;
  /** So many bytes from the start of the source; the target has as many or more. */
  readonly size: Bytes;
  /** So many are on the target since an earlier try. */
  readonly from: Bytes;
}

export interface CopyOptions {
  /** No more is read in a second; absent: as fast as the disks are. */
  readonly bytesPerSecond?: number;
  /** Told so many bytes from the start, once they are on the target's disk for good and the source is still sound. */
  readonly copied: (done: Bytes) => Promise<void>;
}

export interface CopyDeps {
  readonly run: Run;
  readonly clock: Clock;
}

/** Read and written at once. Two of it are in memory, and as many zeros. */
const CHUNK = bytes(4 * MIB);
/** So much, or what is copied in so many ms, is copied before it is synced and told. */
const SYNC_BYTES = 256 * MIB;
const SYNC_MS = 5000;
/** From here on starting a program costs less than sending zeros. */
const LONG_ZEROS = 16 * MIB;
const ZEROS = pageAligned(CHUNK);
/** Where reads go whose bytes nobody needs. */
const SCRATCH = pageAligned(64 * KIB);

/**
 * Copies a device onto another, range by range. A range is told only when it is on the disk; a copy that was cut goes
 * on from what was told. Bytes that are zero are made zero on the target, by its disk where it can: what was on it
 * before never stays. Throws Fault `precondition` when the source cannot be read, which a snapshot that overflowed
 * cannot, and `unavailable` when the target cannot be written or something else uses it.
 */
export async function copyDevice(
  copy: Copy,
  { bytesPerSecond, copied }: CopyOptions,
  { run, clock }: CopyDeps,
  signal: AbortSignal,
): Promise<void> {
  await using source = await opened(copy.source, 'source');
  await using target = await opened(copy.target, 'target');
  const pace = createPace(bytesPerSecond, clock);
  let syncedAt = clock.now();
  let zeros = { at: roundDown(copy.from, CHUNK) as number, length: 0 };
  let told = zeros.at;

  const flush = async (): Promise<void> => {
    await zero(target, zeros, run, signal);
    zeros = { at: zeros.at + zeros.length, length: 0 };
  };
  const sync = async (done: number): Promise<void> => {
    await flush();
    await onTarget(target, () => target.sync());
    await checkSource(source, copy.size);
    signal.throwIfAborted();
    await copied(bytes(done));
    told = done;
    syncedAt = clock.now();
  };

  for await (const { at, data } of readAhead(source, { from: zeros.at, end: copy.size }, pace, signal)) {
    const end = at + data.length;
    if (data.equals(ZEROS.subarray(0, data.length))) zeros.length += data.length;
    else {
      await flush();
      await onTarget(target, () => target.write(data, at));
      zeros = { at: end, length: 0 };
    }
    if (end - told >= SYNC_BYTES || clock.now() - syncedAt >= SYNC_MS) await sync(end);
  }
  if (told < copy.size) await sync(copy.size);
}

interface Chunk {
  readonly at: number;
  readonly data: Buffer;
}

/**
 * Reads a chunk while the one before it is written. A chunk is good until the next but one is asked for. Nobody waits
 * for the last read when the copy fails: closing its file does.
 */
async function* readAhead(
  source: Uncached,
  { from, end }: { readonly from: number; readonly end: number },
  pace: (length: number, signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): AsyncGenerator<Chunk> {
  const buffers = [pageAligned(CHUNK), pageAligned(CHUNK)] as const;
  const read = async (at: number): Promise<Chunk | undefined> => {
    if (at >= end) return undefined;
    const data = buffers[(at / CHUNK) % 2 === 0 ? 0 : 1].subarray(0, Math.min(CHUNK, end - at));
    await pace(data.length, signal);
    await onSource(source, () => source.read(data, at));
    return { at, data };
  };
  let ahead = read(from);
  for (let chunk = await ahead; chunk; chunk = await ahead) {
    signal.throwIfAborted();
    ahead = read(chunk.at + chunk.data.length);
    ahead.catch(() => {}); // told when it is waited for
    yield chunk;
  }
}

/**
 * Waits before each piece so that no more than the limit is read in a second; what was not used of it is not caught up.
 */
function createPace(bytesPerSecond: number | undefined, clock: Clock) {
  let free = clock.now();
  return async (length: number, signal: AbortSignal): Promise<void> => {
    if (bytesPerSecond === undefined) return;
    const now = clock.now();
    if (free > now) await clock.sleep(free - now, signal);
    free = Math.max(free, now) + (length / bytesPerSecond) * 1000;
  };
}

const FLOOR_MS = 600_000;
/** A disk that is slower has hung. */
const SLOWEST_BYTES_PER_MS = (5 * MIB) / 1000;

/** By the kernel, which has the disk itself do it where it can (fallocate(2), FALLOC_FL_ZERO_RANGE). */
async function zero(
  target: Uncached,
  { at, length }: { readonly at: number; readonly length: number },
  run: Run,
  signal: AbortSignal,
): Promise<void> {
  if (length >= LONG_ZEROS && target.isBlockDevice) {
    const range = ['--offset', String(at), '--length', String(length)];
    const argv = ['fallocate', '--zero-range', '--keep-size', ...range, '--', target.path];
    return onTarget(target, async () => {
      await run(argv, { timeoutMs: FLOOR_MS + length / SLOWEST_BYTES_PER_MS }, signal);
    });
  }
  for (let done = 0; done < length; done += CHUNK) {
    signal.throwIfAborted();
    await onTarget(target, () => target.write(ZEROS.subarray(0, Math.min(CHUNK, length - done)), at + done));
  }
}

/**
 * Device-mapper refuses every read of a snapshot that overflowed, from then on and for good (drivers/md/dm-snap.c); a
 * read that was under way when it did may have given bytes of another time. So whatever was read before a read that
 * succeeds is sound.
 */
const checkSource = (source: Uncached, size: Bytes): Promise<void> =>
  onSource(source, () => source.read(SCRATCH.subarray(0, Math.min(SCRATCH.length, size)), 0));

async function opened(path: string, role: 'source' | 'target'): Promise<Uncached> {
  try {
    return await openUncached(path, role === 'source' ? 'read' : 'write');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EBUSY')
      throw new Fault('unavailable', `${path} is in use: nothing is copied onto it`, { cause: error });
    throw role === 'source' ? unreadable(path, error) : unwritable(path, error);
  }
}

async function onSource(source: Uncached, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw unreadable(source.path, error);
  }
}

async function onTarget(target: Uncached, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw unwritable(target.path, error);
  }
}

const unreadable = (path: string, error: unknown): Fault =>
  new Fault('precondition', `${path}, the source of a copy, cannot be read: ${textOf(error)}`, { cause: error });

const unwritable = (path: string, error: unknown): Fault =>
  new Fault('unavailable', `${path} cannot be written: ${textOf(error)}`, { cause: error });
