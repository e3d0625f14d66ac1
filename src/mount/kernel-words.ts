import { realpath } from 'node:fs/promises';
import path from 'node:path';
import { CommandFailed } from '../exec/command-failed.ts';
import type { Run } from '../exec/run.ts';
import { deviceNumber } from './device-number.ts';

const TIMEOUT_MS = 10_000;
/** The last ones name the cause, and what helps. */
const LINES = 3;

/**
 * Gives what tells what the kernel has said, since this call, of the filesystem on a device: mount(8) only tells that
 * there may be something. Undefined where it said nothing, or its log cannot be read. The log is read now as well:
 * its clock is not one that a program could ask.
 */
export async function hearKernel(
  run: Run,
  signal: AbortSignal,
): Promise<(device: string, signal: AbortSignal) => Promise<string | undefined>> {
  const before = await readLog(run, signal);
  return async (device, later) => {
    const number = await deviceNumber(device);
    const folder = number === undefined ? undefined : await realpath(`/sys/dev/block/${number}`).catch(() => undefined);
    if (before === undefined || folder === undefined) return undefined;
    const log = await readLog(run, later);
    return log === undefined ? undefined : wordsOf(log, path.basename(folder), lastTimeOf(before));
  };
}

async function readLog(run: Run, signal: AbortSignal): Promise<string | undefined> {
  try {
    return (await run(['dmesg', '--kernel', '--color=never'], { timeoutMs: TIMEOUT_MS }, signal)).stdout;
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    return undefined;
  }
}

/** `[ 1722.356067] …`: seconds of the kernel's own clock. */
const LINE = /^\[ *(\d+\.\d+)\] (.*)$/;

/** Pure: the time of the last line of a log of the kernel; -1 of an empty one. */
export function lastTimeOf(log: string): number {
  const last = log.split('\n').findLast((line) => LINE.test(line)) ?? '';
  return Number(LINE.exec(last)?.[1] ?? -1);
}

/** Said of every mount, and nothing of why one failed. */
const OF_EVERY_MOUNT =
  /\b(?:un)?mount(?:ing|ed) (?:V\d )?filesystem\b|\b(?:first|last) (?:un)?mount of filesystem\b|\bending clean mount\b/i;

/**
 * Pure: the last lines of a log that are of a device, later than `since` (lastTimeOf) and tell of trouble: `XFS (dm-2):
 * …`, `EXT4-fs error (device dm-2): …`, `BTRFS info (device dm-2 state E): …`.
 */
export function wordsOf(log: string, name: string, since: number): string | undefined {
  const own = log.split('\n').flatMap((line) => {
    const [, time, text = ''] = LINE.exec(line) ?? [];
    const isOwn = /\((?:device )?(\S+?)(?: state \w+)?\):/.exec(text)?.[1] === name;
    return isOwn && Number(time) > since && !OF_EVERY_MOUNT.test(text) ? [text] : [];
  });
  return own.length === 0 ? undefined : own.slice(-LINES).join(' ');
}
