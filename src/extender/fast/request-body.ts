import type { IncomingMessage } from 'node:http';
import { Fault } from '../../model/fault.ts';
import type { BufferPool } from './buffer-pool.ts';
import { PAST_LIST } from './name-table.ts';

export interface Body {
  readonly bytes: Buffer;
  /** Nobody reads the bytes any more. */
  release(): void;
}

/** What is declared is not taken before it has come: a caller cannot make us reserve more than this by a header. */
const TRUSTED_BYTES = 1024 * 1024;

/**
 * The whole body of a request, with PAST_LIST bytes to spare behind it, so that the list at its end is read where it
 * is. Throws Fault `invalid` when it is longer than `maxBytes`, or ends before it is complete.
 */
export function readBody(
  request: IncomingMessage,
  { maxBytes, pool }: { readonly maxBytes: number; readonly pool: BufferPool },
): Promise<Body> {
  return new Promise((resolve, reject) => {
    const declared = Number(request.headers['content-length'] ?? 0);
    if (declared > maxBytes) {
      reject(tooLong(maxBytes));
      return;
    }
    let buffer = pool.take(Math.min(declared, TRUSTED_BYTES) + PAST_LIST);
    let length = 0;
    const release = (): void => pool.give(buffer);
    const fail = (fault: Fault): void => {
      request.off('data', onData);
      release();
      reject(fault);
    };
    const onData = (chunk: Buffer): void => {
      if (length + chunk.length > maxBytes) {
        settle(() => fail(tooLong(maxBytes)));
        return;
      }
      if (length + chunk.length + PAST_LIST > buffer.length) buffer = moveToLarger(buffer, length + chunk.length, pool);
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

function moveToLarger(buffer: Buffer, needed: number, pool: BufferPool): Buffer {
  const twice = pool.take(2 * needed);
  buffer.copy(twice);
  pool.give(buffer);
  return twice;
}

const tooLong = (limit: number): Fault =>
  new Fault('invalid', `the body is longer than ${limit} bytes; set nodeCacheCapable: true for this extender`);
