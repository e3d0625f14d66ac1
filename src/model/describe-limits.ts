import { bytes, formatShort } from './bytes.ts';
import type { IoLimits } from './storage-class.ts';

/** Limits as people write them, `50Mi/s, 1000 IO/s`; each direction apart where they differ. Undefined for none. */
export function describeLimits({ readBps, writeBps, readIops, writeIops }: IoLimits = {}): string | undefined {
  const parts = [
    ...eachWay(readBps, writeBps, (limit) => `${formatShort(bytes(limit))}/s`),
    ...eachWay(readIops, writeIops, (limit) => `${limit} IO/s`),
  ];
  return parts.length === 0 ? undefined : parts.join(', ');
}

function eachWay(read: number | undefined, write: number | undefined, text: (limit: number) => string): string[] {
  if (read !== undefined && read === write) return [text(read)];
  return [
    ...(read === undefined ? [] : [`read ${text(read)}`]),
    ...(write === undefined ? [] : [`write ${text(write)}`]),
  ];
}
