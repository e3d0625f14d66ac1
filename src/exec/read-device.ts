import type { Run } from './run.ts';

const TIMEOUT_MS = 60_000;

/** Bytes of a device. */
export interface Part {
  readonly at: number;
  readonly length: number;
}

/**
 * Reads a part of a device, less where the device ends. By a program: a disk that does not answer, such as one of which
 * multipath waits for a path, would keep one of Node's four threads for ever, until nothing of this program gets on.
 * Throws CommandFailed.
 */
export async function readDevice(device: string, { at, length }: Part, run: Run, signal: AbortSignal): Promise<Buffer> {
  const part = [`skip=${at}`, `count=${length}`, 'iflag=skip_bytes,count_bytes,fullblock'];
  const argv = ['dd', `if=${device}`, 'bs=1M', ...part, 'status=none'];
  const { stdout } = await run(argv, { timeoutMs: TIMEOUT_MS, binary: true }, signal);
  return Buffer.from(stdout, 'latin1');
}
