/** Which keys wait for work and which are worked on: a key waits once, and never while it is worked on. */
export interface PendingKeys {
  /** A key that is worked on will wait again once that is done. */
  add(key: string): void;
  /**
   * A key is now worked on: the one that has waited longest in the first place where fewer than so many are. Undefined
   * when none waits, or none may be worked on.
   */
  take(): string | undefined;
  done(key: string): void;
  readonly waiting: number;
  readonly running: number;
}

interface Options {
  /** So many keys of one place are worked on at the same time. */
  readonly atOnce: number;
  /** Where the work of a key is done; absent: all in one place. */
  readonly placeOf?: (key: string) => string;
}

/** The keys of one place. */
interface Place {
  readonly waiting: Set<string>;
  running: number;
}

export function createPendingKeys({ atOnce, placeOf = () => '' }: Options): PendingKeys {
  const places = new Map<string, Place>();
  /** The place of each key from when it waits until its work is done: what it is of may be told otherwise meanwhile. */
  const placed = new Map<string, string>();
  const running = new Set<string>();
  const addedWhileRunning = new Set<string>();

  const put = (key: string): void => {
    if (placed.has(key)) return;
    const name = placeOf(key);
    const place = places.get(name) ?? { waiting: new Set<string>(), running: 0 };
    places.set(name, place);
    placed.set(key, name);
    place.waiting.add(key);
  };
  const leave = (key: string): void => {
    const name = placed.get(key) ?? '';
    const place = places.get(name);
    placed.delete(key);
    if (!place) return;
    place.running -= 1;
    if (place.running === 0 && place.waiting.size === 0) places.delete(name);
  };

  return {
    add: (key) => void (running.has(key) ? addedWhileRunning.add(key) : put(key)),
    take: () => {
      for (const place of places.values()) {
        const [key] = place.waiting;
        if (key === undefined || place.running >= atOnce) continue;
        place.waiting.delete(key);
        place.running += 1;
        running.add(key);
        return key;
      }
      return undefined;
    },
    done: (key) => {
      if (!running.delete(key)) return;
      leave(key);
      if (addedWhileRunning.delete(key)) put(key);
    },
    get waiting() {
      return placed.size - running.size + addedWhileRunning.size;
    },
    get running() {
      return running.size;
    },
  };
}
