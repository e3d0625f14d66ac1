import type { IncomingMessage } from 'node:http';
import { Fault } from '../model/fault.ts';

/**
 * The whole body of a request. Throws Fault `invalid` when it is longer than `limit` bytes or ends before it is complete. What is
 * declared is not allocated before it has come, so that a caller cannot make us reserve memory by a header.
 */
export function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const tooLong = (): Fault =>
      new Fault('invalid', `the body is longer than ${limit} bytes; set nodeCacheCapable: true for this extender`);
    if (Number(request.headers['content-length']) > limit) {
      reject(tooLong());
      return;
    }
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length <= limit) chunks.push(chunk);
      else reject(tooLong());
    });
    request.on('end', () => resolve(Buffer.concat(chunks, length)));
    const cutOff = (): void => reject(new Fault('invalid', 'the body was cut off'));
    request.on('error', cutOff);
    request.on('close', cutOff);
  });
}
