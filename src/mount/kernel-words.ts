import { realpath } from 'node:fs/promises';
import path from 'node:path';
import { CommandFailed } from '../exec/command-failed.ts';
import type { Run } from '../exec/run.ts';
import { deviceNumber } from './device-number.ts';

const TIMEOUT_MS = 10_000;
/** The last ones name the cause, and what helps. */
const LINES = 3;

/**
 * What the kernel last said of the filesystem on a device, of which mount(8) only tells that there may be something;
 * undefined where it said nothing.
 */
export async function kernelWords(device: string, run: Run, signal: AbortSignal): Promise<string | undefined> {
  const number = await deviceNumber(device);
  const folder = number === undefined ? undefined : await realpath(`/sys/dev/block/${number}`).catch(() => undefined);
  if (folder === undefined) return undefined;
  try {
    const { stdout } = await run(['dmesg', '--kernel', '--notime'], { timeoutMs: TIMEOUT_MS }, signal);
    return wordsOf(stdout, path.basename(folder));
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    return undefined;
  }
}

/** Pure: `XFS (dm-2): …`, `EXT4-fs error (device dm-2): …`, `BTRFS info (device dm-2 state E): …`. */
export function wordsOf(log: string, name: string): string | undefined {
  const own = log.split('\n').filter((line) => /\((?:device )?(\S+?)(?: state \w+)?\):/.exec(line)?.[1] === name);
  return own.length === 0 ? undefined : own.slice(-LINES).join(' ');
}
