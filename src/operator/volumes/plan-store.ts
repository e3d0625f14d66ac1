import { bytes, type Bytes } from '../../model/bytes.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { largestStore } from '../../model/snapshot-store.ts';

/** How a snapshot's store is to grow: the size that is wanted, and the least that helps, in bytes. */
export interface StoreGrowth {
  readonly wanted: Bytes;
  readonly least: Bytes;
}

/** A snapshot's store that has taken in so much in one look is given room for so many looks more. */
const LOOKS_AHEAD = 2;

/**
 * Whether the store of a snapshot is to grow: when more of it is used than its class's threshold. It grows by the
 * class's step, or by more where what was written since the last look would pass the threshold again before it is
 * looked at again; never beyond what its source could fill. `usedBefore` are the bytes used at the last look; absent:
 * there was none.
 */
export function planStoreGrowth(
  { spec, status }: LocalVolume,
  usedBefore: number | undefined,
): StoreGrowth | undefined {
  const { usedBytes: used = 0, sourceBytes, overflowed } = status?.snapshot ?? {};
  const { thresholdPercent, stepBytes } = spec.copyOnWrite ?? {};
  if (thresholdPercent === undefined || stepBytes === undefined || sourceBytes === undefined || overflowed)
    return undefined;
  const limit = largestStore(bytes(sourceBytes));
  if (spec.sizeBytes >= limit || used * 100 < spec.sizeBytes * thresholdPercent) return undefined;
  const written = Math.max(0, used - (usedBefore ?? used));
  const enough = Math.ceil(((used + LOOKS_AHEAD * written) * 100) / thresholdPercent);
  const least = Math.min(spec.sizeBytes + stepBytes, limit);
  return { wanted: bytes(Math.min(Math.max(least, enough), limit)), least: bytes(least) };
}

/** How full the store is, for people. */
export const percentFull = ({ spec, status }: LocalVolume): number =>
  Math.floor(((status?.snapshot?.usedBytes ?? 0) * 100) / (status?.sizeBytes ?? spec.sizeBytes));
