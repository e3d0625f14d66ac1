import { present } from '../../model/present.ts';
import { bytes, formatBytes, GIB, type Bytes } from '../../model/bytes.ts';
import { Fault } from '../../model/fault.ts';
import type { CapacityRange } from '../gen/csi.ts';

/** A capacity range as it was asked, in bytes; absent is not asked. */
export interface Asked {
  readonly required?: Bytes;
  readonly limit?: Bytes;
}

/** Of a volume for which nobody said how large: as open-local's inline volumes. */
const DEFAULT_SIZE = bytes(GIB);

/**
 * Throws Fault `invalid` for a range that no size could meet, and `out-of-range` for a size that no node could have.
 */
export function parseCapacityRange(range: CapacityRange | undefined): Asked {
  if (range === undefined) return {};
  const required = sizeOf('required_bytes', range.requiredBytes);
  const limit = sizeOf('limit_bytes', range.limitBytes);
  if (required === undefined && limit === undefined)
    throw new Fault('invalid', 'capacity_range asks for zero bytes: ask for at least one, or leave the range out');
  if (required !== undefined && limit !== undefined && limit < required)
    throw new Fault('invalid', `capacity_range: limit_bytes ${limit} is below required_bytes ${required}`);
  return { ...present({ required, limit }) };
}

/** The size to look for room with. */
export const wantedSize = ({ required, limit }: Asked): Bytes =>
  required ?? (limit !== undefined && limit < DEFAULT_SIZE ? limit : DEFAULT_SIZE);

/**
 * Sizes go in whole extents and whole disks. Throws Fault `out-of-range` when the one that can be had is above the
 * limit.
 */
export function checkLimit(size: Bytes, { limit }: Asked): void {
  if (limit !== undefined && size > limit)
    throw new Fault(
      'out-of-range',
      `limit_bytes ${limit} (${formatBytes(limit)}) is too small: the next size that can be made is ${size} (${formatBytes(size)})`,
    );
}

function sizeOf(field: string, value: bigint): Bytes | undefined {
  if (value < 0n) throw new Fault('invalid', `capacity_range: ${field} ${value} is negative`);
  if (value > BigInt(Number.MAX_SAFE_INTEGER))
    throw new Fault('out-of-range', `capacity_range: ${field} ${value} is 8 PiB or more`);
  return value === 0n ? undefined : bytes(value);
}
