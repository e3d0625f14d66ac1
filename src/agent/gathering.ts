/**
 * How long the node's report waits for more volumes to change. Ready is written at once, since CreateVolume waits for
 * it; nothing is promised twice meanwhile: what was made is counted by its LocalVolume, and what was removed by the
 * last report.
 */
export interface Gathering {
  /** A look at the node, with its report, has taken so many ms. */
  took(ms: number): void;
  /** Ms from a change to the report of it. */
  waitMs(): number;
}

/** Volumes that come together share a report. */
const SHORTEST_MS = 500;
/** Room that was freed is seen after this, at most. */
const LONGEST_MS = 3000;
/** Where a look takes long, as on a node with many disks, they take a fifth of the time while volumes come. */
const TIMES_A_LOOK = 4;

export function createGathering(): Gathering {
  let wait = SHORTEST_MS;
  return {
    took: (ms) => {
      wait = Math.min(Math.max(SHORTEST_MS, TIMES_A_LOOK * ms), LONGEST_MS);
    },
    waitMs: () => wait,
  };
}
