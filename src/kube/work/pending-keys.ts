/** Which keys wait for work and which are worked on: a key waits once, and never while it is worked on. */
export interface PendingKeys {
  /** A key that is worked on will wait again once that is done. */
  add(key: string): void;
  /** The key that has waited longest is now worked on; undefined when none waits. */
  take(): string | undefined;
  done(key: string): void;
  readonly waiting: number;
  readonly running: number;
}

export function createPendingKeys(): PendingKeys {
  const waiting = new Set<string>();
  const running = new Set<string>();
  const addedWhileRunning = new Set<string>();

  return {
    add: (key) => void (running.has(key) ? addedWhileRunning : waiting).add(key),
    take: () => {
      const [key] = waiting;
      if (key === undefined) return undefined;
      waiting.delete(key);
      running.add(key);
      return key;
    },
    done: (key) => {
      running.delete(key);
      if (addedWhileRunning.delete(key)) waiting.add(key);
    },
    get waiting() {
      return waiting.size + addedWhileRunning.size;
    },
    get running() {
      return running.size;
    },
  };
}
