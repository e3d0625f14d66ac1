import { pause } from '../wait/pause.ts';

/**
 * Runs `task` now and then `ms` after each turn, never two at once, until aborted. What a turn throws goes to
 * `onError`.
 */
export async function repeat(
  ms: number,
  task: (signal: AbortSignal) => Promise<void> | void,
  onError: (error: unknown) => void,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await task(signal);
    } catch (error) {
      if (!signal.aborted) onError(error);
    }
    await pause(ms, signal);
  }
}
