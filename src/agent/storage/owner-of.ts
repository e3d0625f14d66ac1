import type { Observation } from './observe.ts';

/** What of an observation tells what a path leads to. */
export type UnitPlaces = Pick<Observation, 'devices' | 'mountPoints'>;

/** Names the volume that has the disk or filesystem at a path for itself. */
export type OwnerOf = (path: string, places: UnitPlaces) => string | undefined;
