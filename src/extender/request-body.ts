import type { IncomingMessage } from 'node:http';
import { Fault } from '../model/fault.ts';
import type { BufferPool } from './buffer-pool.ts';

export interface Body {
  readonly bytes: Buffer;
  /** Nobody reads the bytes any more. */
  release(): void;
}

/** What is declared is not taken before it has come: a caller cannot make us reserve more than this by a header. */
const TRUSTED_BYTES = 1024 * 1024;
/** Behind the body, so that the fast path can read words at its end where it is. */
const SPARE_BYTES = 8;

/** The whole body of a request. Throws Fault `invalid` when it is longer than `bodyLimit` bytes, or ends before it is complete. */
export function readBody(
  request: IncomingMessage,
  { bodyLimit, pool }: { readonly bodyLimit: number; readonly pool: BufferPool },
): Promise<Body> {
  return new Promise((resolve, reject) => {
    const declared = Number(request.headers['content-length'] ?? 0);
    if (declared > bodyLimit) {
      reject(tooLong(bodyLimit));
      return;
    }
    let buffer = pool.take(Math.min(declared, TRUSTED_BYTES) + SPARE_BYTES);
    let length = 0;
    const release = (): void => pool.give(buffer);
    const fail = (fault: Fault): void => {
      request.off('data', onData);
      release();
      reject(fault);
    };
    const onData = (chunk: Buffer): void => {
      if (length + chunk.length > bodyLimit) {
        settle(() => fail(tooLong(bodyLimit)));
        return;
      }
      if (length + chunk.length + SPARE_BYTES > buffer.length) buffer = larger(buffer, length + chunk.length, pool);
      chunk.copy(buffer, length);
      length += chunk.length;
    };
    const onEnd = (): void => settle(() => resolve({ bytes: buffer.subarray(0, length), release }));
    const onCutOff = (): void => settle(() => fail(new Fault('invalid', 'the body was cut off')));
    const settle = (how: () => void): void => {
      request.off('end', onEnd).off('error', onCutOff).off('close', onCutOff);
      how();
    };
    request.on('data', onData).on('end', onEnd).on('error', onCutOff).on('close', onCutOff);
  });
}

function larger(buffer: Buffer, needed: number, pool: BufferPool): Buffer {
  const twice = pool.take(2 * needed);
  buffer.copy(twice);
  pool.give(buffer);
  return twice;
}

const tooLong = (limit: number): Fault =>
  new Fault('invalid', `the body is longer than ${limit} bytes; set nodeCacheCapable: true for this extender`);
