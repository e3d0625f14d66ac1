import type { GroupState, UnitState } from './state.ts';

/** Room in bytes. All parts together are the capacity, unless more is promised than is there. */
export interface Amounts {
  readonly capacity: number;
  /** By volumes, and by what else takes room in a group. */
  readonly used: number;
  /** For claims and pods whose volumes are not recorded yet. */
  readonly held: number;
  /** What nobody has and nobody gets: kept back by an administrator, or in a group that gets nothing new. */
  readonly reserved: number;
  readonly free: number;
}

export function amountsOfGroup({ total, reserved, taken, unattributed, ...state }: GroupState): Amounts {
  const [used, held] = [taken + unattributed, state.settled + state.floating];
  return {
    ...{ capacity: total, used, held },
    // Of a group that gets nothing new all is reserved, also what is used.
    reserved: Math.max(0, Math.min(reserved, total - used - held)),
    free: Math.max(0, state.free),
  };
}

/** A disk or mount point is one or the other as a whole. */
export function amountsOfUnit(unit: UnitState, cordoned: boolean): Amounts {
  const { size } = unit;
  const parts = { capacity: size, used: 0, held: 0, reserved: 0, free: 0 };
  return { ...parts, [standingOf(unit, cordoned)]: size };
}

export function standingOf(
  { usable, takenBy, held }: UnitState,
  cordoned: boolean,
): Exclude<keyof Amounts, 'capacity'> {
  if (takenBy.length > 0) return 'used';
  if (!usable) return cordoned ? 'reserved' : 'used';
  return held > 0 ? 'held' : 'free';
}

export function sumOf(places: readonly Amounts[]): Amounts {
  const sum = (of: (amounts: Amounts) => number): number => places.reduce((total, each) => total + of(each), 0);
  return {
    capacity: sum(({ capacity }) => capacity),
    used: sum(({ used }) => used),
    held: sum(({ held }) => held),
    reserved: sum(({ reserved }) => reserved),
    free: sum(({ free }) => free),
  };
}
