import type { Log } from '../model/log.ts';
import { pause } from '../wait/pause.ts';
import type { DiskHealth } from './storage/disk-health.ts';

const HOUR_MS = 3_600_000;
/** The first round comes within so long after the start, so that nodes that start together do not ask together. */
const FIRST_MS = 300_000;

/** Asks for SMART once an hour or so, until aborted, and calls `onNews` when a disk said something new. */
export async function askNowAndThen(
  health: Pick<DiskHealth, 'ask'> | undefined,
  {
    onNews,
    log,
    random = Math.random,
  }: { readonly onNews: () => void; readonly log: Log; readonly random?: () => number },
  signal: AbortSignal,
): Promise<void> {
  if (!health) return; // nothing is real
  await pause(random() * FIRST_MS, signal);
  while (!signal.aborted) {
    try {
      if (await health.ask(signal)) onNews();
    } catch (err) {
      if (!signal.aborted) log.warn({ err }, 'disks could not be asked for their SMART');
    }
    await pause(HOUR_MS * (0.9 + 0.2 * random()), signal);
  }
}
