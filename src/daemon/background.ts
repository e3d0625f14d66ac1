import type { Component } from './lifecycle.ts';

/**
 * A part of the process that works by itself: `work` runs until its signal is aborted, and then ends. What it throws
 * ends the process.
 */
export function background(name: string, work: (signal: AbortSignal) => Promise<void>): Component {
  const stopping = new AbortController();
  const failure = Promise.withResolvers<never>();
  failure.promise.catch(() => {}); // it may come when nobody waits any more
  let running: Promise<void> | undefined;
  return {
    name,
    failed: failure.promise,
    start: async () => {
      running = work(stopping.signal).catch(failure.reject);
    },
    stop: async () => {
      stopping.abort(new Error(`${name} is stopping`));
      await running;
    },
  };
}
