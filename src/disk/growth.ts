/** How a counter has grown that only ever grows, as long as it is the same disk's. */
export interface Growth {
  /** When counting began, in ms, and what the counter said then. */
  readonly since: number;
  readonly base: number;
  /** When it was last seen to grow by as much as matters, in ms; absent: never. */
  readonly grewAt?: number;
}

/** How much growth within how long matters. */
export interface GrowthRule {
  readonly by: number;
  readonly withinMs: number;
}

/** The growth after one more look at the counter. The first look, and one that finds it set back, begin anew. */
export function growthOf(before: Growth | undefined, count: number, now: number, rule: GrowthRule): Growth {
  if (before === undefined || count < before.base) return { since: now, base: count };
  if (count - before.base >= rule.by) return { since: now, base: count, grewAt: now };
  return now - before.since < rule.withinMs ? before : { ...before, since: now, base: count };
}
