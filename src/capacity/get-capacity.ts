import { headerOf } from '../model/encryption.ts';
import { bytes, minus, NO_BYTES, roundDown, type Bytes } from '../model/bytes.ts';
import type { VolumePolicy } from '../model/storage-class.ts';
import type { Books } from './books/books.ts';
import { requestOf } from './needs/volume-request.ts';
import { suits } from './placing/search.ts';
import type { NodeRoom } from './stock/node-stock.ts';

/** What volumes of a policy can have on a node, or on any, in bytes. */
export interface Capacity {
  /** The largest volume that fits. */
  readonly largest: Bytes;
  /** All volumes together. */
  readonly available: Bytes;
  /** The largest volume that would fit if there were no other. */
  readonly whole: Bytes;
}

/**
 * What the recorded and observed volumes leave, without the header that each volume of an encrypted class takes. Room
 * that is held counts as free: it may be held for whoever asks.
 */
export function getCapacity(books: Books, node: string | undefined, policy: VolumePolicy): Capacity {
  const nodes = node === undefined ? books.cluster.present() : [books.cluster.find(node)];
  const sum = { largest: 0, available: 0, whole: 0 };
  for (const room of nodes) {
    for (const { size, left } of room ? placesOn(room, policy) : []) {
      sum.largest = Math.max(sum.largest, left);
      sum.available += left;
      sum.whole = Math.max(sum.whole, size);
    }
  }
  // The sum of a very large cluster is more than a number can hold.
  const available = bytes(Math.min(sum.available, Number.MAX_SAFE_INTEGER));
  return { largest: bytes(sum.largest), available, whole: bytes(sum.whole) };
}

/** The groups or units that volumes of the policy can have: how large each is, and what of it is left. */
function placesOn(node: NodeRoom, policy: VolumePolicy): { readonly size: number; readonly left: number }[] {
  if (policy.kind !== 'LVM') {
    const request = requestOf({ key: '', size: NO_BYTES }, policy);
    return node.units.flatMap((unit) => {
      const { size = 0, usable = false } = unit.facts ?? {};
      return suits(unit, request)
        ? [{ size, left: usable && unit.owners.size === 0 && !unit.refuses(1) ? size : 0 }]
        : [];
    });
  }
  const header = headerOf(policy.encryption);
  return node.groups.flatMap(({ name, total, settled, floating, free, facts, refusedFrom }) => {
    if (facts === undefined || (policy.vgName !== undefined && name !== policy.vgName)) return [];
    const inExtents = (size: number): number => minus(roundDown(bytes(Math.max(0, size)), facts.extentSize), header);
    const left = Math.min(free + settled + floating, refusedFrom - facts.extentSize);
    return [{ size: inExtents(total - facts.reserved), left: inExtents(left) }];
  });
}
