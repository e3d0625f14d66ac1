import { textOf } from '../model/fault.ts';
import { whenAborted } from '../wait/abort.ts';
import type { Log } from '../model/log.ts';

/** A part of a process that runs until it is stopped. */
export interface Component {
  readonly name: string;
  /** Resolves once it serves. Rejecting ends the process. */
  start(signal: AbortSignal): Promise<void>;
  /** Takes no new work, finishes what is under way, lets go. Also called when `start` failed or was cut short. */
  stop(): Promise<void>;
  /** Rejects when it can no longer do its job while running; the process then stops. */
  readonly failed?: Promise<never>;
}

export interface LifecycleOptions {
  readonly log: Log;
  /** A part that has not stopped after so many ms is left behind. */
  readonly stopMs: number;
}

/**
 * Starts the parts in order, waits until `signal` is aborted or a part fails, and stops them in reverse order. Rejects
 * with what a part failed with, after the others have stopped. Aborted while starting, it stops what had started and
 * resolves.
 */
export async function runComponents(
  components: readonly Component[],
  options: LifecycleOptions,
  signal: AbortSignal,
): Promise<void> {
  const started: Component[] = [];
  const failure = Promise.withResolvers<never>();
  failure.promise.catch(() => {}); // it may come when nobody waits any more
  const aborted = whenAborted(signal);
  for (const { failed } of components) failed?.catch(failure.reject);
  try {
    for (const component of components) {
      if (signal.aborted) return;
      started.push(component);
      await Promise.race([component.start(signal), aborted, failure.promise]);
      if (!signal.aborted) options.log.info({ component: component.name }, 'started');
    }
    await Promise.race([aborted, failure.promise]);
  } finally {
    for (const component of started.toReversed()) await stop(component, options);
  }
}

async function stop(component: Component, { log, stopMs }: LifecycleOptions): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`still busy after ${stopMs} ms`)), stopMs);
  try {
    await Promise.race([component.stop(), late.promise]);
    log.info({ component: component.name }, 'stopped');
  } catch (error) {
    log.error({ component: component.name, err: error, code: textOf(error) }, 'did not stop cleanly');
  } finally {
    clearTimeout(timer);
  }
}
