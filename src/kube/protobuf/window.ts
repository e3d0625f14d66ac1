/** Bytes that came and have not been used up: those of `bytes` from `start` to `end`. */
export interface Window {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  /** What was in it before may move, and where `bytes` was taken out of it, be overwritten. */
  add(chunk: Buffer): void;
  /** The first so many bytes are used up. */
  drop(count: number): void;
}

const FIRST_SIZE = 64 * 1024;

/** One buffer for all chunks of a stream, in which what is left of the last one is put together with the next. */
export function createWindow(): Window {
  let bytes: Buffer = Buffer.alloc(0);
  let [start, end] = [0, 0];
  return {
    get bytes() {
      return bytes;
    },
    get start() {
      return start;
    },
    get end() {
      return end;
    },
    add: (chunk) => {
      const needed = end - start + chunk.length;
      const into =
        needed <= bytes.length ? bytes : Buffer.allocUnsafeSlow(Math.max(needed, 2 * bytes.length, FIRST_SIZE));
      bytes.copy(into, 0, start, end);
      [bytes, start, end] = [into, 0, needed];
      chunk.copy(bytes, needed - chunk.length);
    },
    drop: (count) => {
      start += count;
    },
  };
}
