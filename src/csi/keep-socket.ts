import { watchSocket } from '../daemon/socket-watch.ts';
import { textOf } from '../model/fault.ts';
import type { Log } from '../model/log.ts';
import { pause } from '../wait/pause.ts';

export interface KeepSocketOptions {
  readonly path: string;
  /** Makes the socket anew. Rejects while another process serves there, or its folder cannot be made. */
  readonly listen: () => Promise<void>;
  readonly log: Log;
  /** After so many ms a try that failed is repeated; absent: 5 s. */
  readonly retryMs?: number;
}

/**
 * Makes a socket that is served anew whenever somebody removed it, until aborted: who calls asks by its path, and finds
 * nobody there. Never throws.
 */
export async function keepSocket(
  { path, listen, log, retryMs = 5000 }: KeepSocketOptions,
  signal: AbortSignal,
): Promise<void> {
  let told: string | undefined;
  while (!signal.aborted) {
    const watching = new AbortController();
    try {
      await watchSocket(path, AbortSignal.any([signal, watching.signal]))();
      if (signal.aborted) return;
      await listen();
      log.warn({ address: path }, 'the socket was removed, and is made again');
      told = undefined;
    } catch (error) {
      if (textOf(error) !== told)
        log.warn({ address: path, err: error }, 'the socket was removed, and cannot be made again');
      told = textOf(error);
      await pause(retryMs, signal);
    } finally {
      watching.abort();
    }
  }
}
