import type { EventEmitter } from 'node:events';

/**
 * Aborts once nobody watches the sandbox any more: its terminal was closed (SIGHUP), or its output cannot be written,
 * as when the reader of a pipe has ended (EPIPE). Without a listener either of them ends the process on the spot, with
 * everything that it started left running.
 */
export function whenUnwatched(
  signals: Pick<EventEmitter, 'on'> = process,
  outputs: readonly Pick<EventEmitter, 'on'>[] = [process.stdout, process.stderr],
): AbortSignal {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  signals.on('SIGHUP', abort);
  for (const output of outputs) output.on('error', abort);
  return controller.signal;
}
