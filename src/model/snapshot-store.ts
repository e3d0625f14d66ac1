import { bytes, GIB, MIB, type Bytes } from './bytes.ts';

/** What a snapshot's store takes in at a time: LVM's smallest and default chunk (lvcreate(8), --chunksize). */
export const STORE_CHUNK = bytes(4096);

/** So many chunks each have 16 bytes in one that says where they belong (drivers/md/dm-snap-persistent.c in Linux). */
const ENTRIES = STORE_CHUNK / 16;

/**
 * The store in which a volume of this size can be overwritten as a whole: a larger one is of no use, and lvm makes none
 * (cow_max_extents in lib/metadata/snapshot_manip.c) but to fill an extent, or 1/64 more where the kernel is older than
 * Linux 3.14. Such a snapshot never overflows.
 */
export function largestStore(sourceBytes: Bytes): Bytes {
  const chunks = Math.ceil(sourceBytes / STORE_CHUNK);
  const header = 1;
  const lists = Math.floor(chunks / ENTRIES) + 1;
  return bytes((header + lists + chunks) * STORE_CHUNK);
}

/** What a snapshot's class has when it says nothing: a copy is over before most stores are half full. */
const LARGEST_START = 4 * GIB;
const SMALLEST_START = 64 * MIB;

/** How large the store of a clone's temporary snapshot begins, for a source of this size. */
export function storeOfClone(sourceBytes: Bytes): Bytes {
  const start = Math.min(LARGEST_START, Math.max(SMALLEST_START, sourceBytes / 4), largestStore(sourceBytes));
  return bytes(Math.ceil(start));
}
