declare const bytesBrand: unique symbol;

/** A whole, non-negative number of bytes. The only way to make one is `bytes`. */
export type Bytes = number & { readonly [bytesBrand]: true };

/**
 * Makes a byte count. Throws RangeError for anything a double cannot hold exactly (8 PiB and up), fractions and
 * negatives.
 */
export function bytes(n: number | bigint): Bytes {
  const value = Number(n);
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`not a byte count: ${n}`);
  return value as Bytes;
}

export const NO_BYTES: Bytes = bytes(0);
/** Stands for every size of 8 PiB and up: larger than any node, so it fits nowhere. */
export const BEYOND_ANY_NODE: Bytes = bytes(Number.MAX_SAFE_INTEGER);
export const KIB = 1024;
export const MIB = 1024 * KIB;
export const GIB = 1024 * MIB;

/** `a − b`, never below zero: an over-committed group has no room, not negative room. */
export const minus = (a: Bytes, b: Bytes): Bytes => Math.max(0, a - b) as Bytes;

/** `a + b`. Throws RangeError when the sum cannot be held exactly. */
export const plus = (a: Bytes, b: Bytes): Bytes => bytes(a + b);

/** The smallest multiple of `extent` that holds `size`. Both in bytes; an extent of zero rounds nothing. */
export function roundUp(size: Bytes, extent: Bytes): Bytes {
  return extent === 0 ? size : bytes(Math.ceil(size / extent) * extent);
}

/** The largest multiple of `extent` within `size`. Both in bytes; an extent of zero rounds nothing. */
export function roundDown(size: Bytes, extent: Bytes): Bytes {
  return extent === 0 ? size : bytes(Math.floor(size / extent) * extent);
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** For people: `1.5 GiB`. Rounded down to one decimal, so that free room is never overstated; whole numbers bare. */
export const formatBytes = (size: Bytes): string => inUnits(size, Math.floor);

/** For people, rounded up to one decimal, so that what is missing is never understated. */
export const formatMissing = (size: Bytes): string => inUnits(size, Math.ceil);

function inUnits(size: Bytes, round: (tenths: number) => number): string {
  let value: number = size;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${round(value * 10) / 10} ${UNITS[unit]}`;
}

/** For narrow columns: `1.5Gi`. Rounded down as in `formatBytes`. */
export const formatShort = (size: Bytes): string =>
  formatBytes(size).replace(/ (.?)i?B$/, (_, unit: string) => (unit ? `${unit}i` : ''));
