/**
 * Buffers to use again. A request and its reply can have hundreds of kilobytes; fresh ones for every call are memory
 * outside the JavaScript heap, which makes V8 collect the whole heap every few calls and shows in the slowest percent.
 */
export interface BufferPool {
  /** A buffer of at least so many bytes, with arbitrary content. */
  take(bytes: number): Buffer;
  /** Takes back what `take` gave and nobody uses any more. */
  give(buffer: Buffer): void;
}

const SMALLEST = 16 * 1024;

/** A pool that keeps at most `maxBytes` of buffers nobody uses. */
export function createBufferPool(maxBytes: number): BufferPool {
  /** The smallest first. */
  const free: Buffer[] = [];
  let kept = 0;
  return {
    take: (bytes) => {
      const fit = free.findIndex((buffer) => buffer.length >= bytes);
      if (fit < 0) return Buffer.allocUnsafeSlow(Math.max(SMALLEST, 2 ** Math.ceil(Math.log2(bytes))));
      const [buffer] = free.splice(fit, 1);
      kept -= buffer!.length;
      return buffer!;
    },
    give: (buffer) => {
      if (free.includes(buffer)) throw new Error('a buffer was given back twice');
      if (kept + buffer.length > maxBytes) return;
      kept += buffer.length;
      const larger = free.findIndex(({ length }) => length > buffer.length);
      free.splice(larger < 0 ? free.length : larger, 0, buffer);
    },
  };
}
