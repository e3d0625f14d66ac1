import { bytes, NO_BYTES, plus, type Bytes } from '../model/bytes.ts';
import { count, text, type Row } from './rows.ts';

/** Hidden volumes are reported in brackets. */
const bare = (name: string): string => name.replace(/^\[(.*)\]$/, '$1');

/** Extents per visible volume: those of a hidden one (`[pool_tdata]`) count for the volume it is a part of. */
export function takenBy(segments: readonly Row[], extentSize: Bytes): ReadonlyMap<string, Bytes> {
  const parents = new Map(segments.map((row) => [bare(text(row, 'lv_name')), bare(text(row, 'lv_parent'))]));
  const owner = (name: string): string => {
    const parent = parents.get(name);
    return parent ? owner(parent) : name;
  };
  const taken = new Map<string, Bytes>();
  for (const row of segments) {
    const name = owner(bare(text(row, 'lv_name')));
    if (name === '') continue;
    taken.set(name, plus(taken.get(name) ?? NO_BYTES, bytes(count(row, 'pvseg_size') * extentSize)));
  }
  return taken;
}

/**
 * The volumes as they are while pvmove runs: the extents that it moves are its own hidden volume's, at the old place
 * and at the new one, and the volume is seen to have none of them. One that has each of its bytes once has all its
 * size, and what is taken besides is the move's.
 */
export function withMoved<T extends { readonly layout: string; readonly size: Bytes; readonly taken: Bytes }>(
  volumes: readonly T[],
  segments: readonly Row[],
): readonly T[] {
  if (!segments.some((segment) => /^\[pvmove\d+\]$/.test(text(segment, 'lv_name')))) return volumes;
  return volumes.map((volume) => {
    const isSimple = ['linear', 'striped'].includes(volume.layout);
    return isSimple && volume.taken < volume.size ? { ...volume, taken: volume.size } : volume;
  });
}
