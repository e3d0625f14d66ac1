import type { Clock } from '../../wait/clock.ts';

/** Keys that wait for their moment, each once. */
export interface Delays {
  /** Wakes the key after so many ms; of two delays of one key the shorter counts. */
  add(key: string, ms: number): void;
  /** Forgets them all. */
  clear(): void;
  readonly size: number;
}

export function createDelays(clock: Clock, wake: (key: string) => void): Delays {
  const delayed = new Map<string, { readonly due: number; readonly cancel: AbortController }>();

  return {
    add: (key, ms) => {
      const due = clock.now() + ms;
      const earlier = delayed.get(key);
      if (earlier && earlier.due <= due) return;
      earlier?.cancel.abort();
      const cancel = new AbortController();
      delayed.set(key, { due, cancel });
      const onDue = (): void => {
        delayed.delete(key);
        wake(key);
      };
      void clock.sleep(ms, cancel.signal).then(onDue, () => {});
    },
    clear: () => {
      for (const { cancel } of delayed.values()) cancel.abort();
      delayed.clear();
    },
    get size() {
      return delayed.size;
    },
  };
}
