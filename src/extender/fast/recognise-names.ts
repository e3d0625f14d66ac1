import { LRUCache } from 'lru-cache';
import type { NodeNumbering } from '../../model/verdict.ts';
import type { BufferPool } from './buffer-pool.ts';
import type { NameList } from './name-list.ts';
import { NameTable, PAST_LIST } from './name-table.ts';
import type { FilterReply, ListedNames } from './write-replies.ts';

/** Between filter, prioritize and bind the scheduler has few pods on their way. */
const MAX_REMEMBERED_PODS = 64;
const MAX_REMEMBERED_BYTES = 16 * 1024 * 1024;

/** Recognises lists of names by their bytes, first of all the list that filter has just answered for the same pod. */
export interface NameReader {
  /** The names; undefined when the bytes are no list of plain names. Good as long as the bytes are. */
  read(podUid: string, bytes: Buffer): ListedNames | undefined;
  /** Keeps a copy of what filter answered: prioritize brings the same bytes. */
  remember(podUid: string, fitting: FilterReply['fitting']): void;
  forget(podUid: string): void;
}

/** The names that filter answered for a pod, and the first `bytes` of `buffer`, which spell them. */
interface RememberedNames {
  readonly list: NameList;
  readonly buffer: Buffer;
  readonly bytes: number;
}

/** Copies go into buffers of the pool. `seed` and `numbering` are for NameTable. */
export function createNameReader(
  pool: BufferPool,
  { seed, numbering }: { readonly seed: number; readonly numbering?: NodeNumbering | undefined },
): NameReader {
  let table = new NameTable(seed, numbering);
  const remembered = new LRUCache<string, RememberedNames>({
    max: MAX_REMEMBERED_PODS,
    maxSize: MAX_REMEMBERED_BYTES,
    sizeCalculation: ({ buffer }) => buffer.length,
    dispose: ({ buffer }) => pool.give(buffer),
  });
  return {
    read: (podUid, bytes) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length + PAST_LIST);
      const known = remembered.get(podUid);
      if (known && bytes.compare(known.buffer, 0, known.bytes) === 0) return { list: known.list, view };
      if (table.isFull()) table = new NameTable(seed, numbering);
      const list = table.read(view, bytes.length);
      return list && { list, view };
    },
    remember: (podUid, { list, bytes }) => {
      if (list.count === 0) return;
      const buffer = pool.take(bytes.length);
      bytes.copy(buffer);
      remembered.set(podUid, { list, buffer, bytes: bytes.length });
    },
    forget: (podUid) => {
      remembered.delete(podUid);
    },
  };
}
