import type { IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { createBufferPool } from './buffer-pool.ts';
import { readBody } from './request-body.ts';

/** A pool, how many bytes it was asked for, take by take, and what was not given back. */
function countingPool() {
  const pool = createBufferPool(1024 * 1024);
  const asked: number[] = [];
  const out = new Set<Buffer>();
  const take = (bytes: number): Buffer => {
    asked.push(bytes);
    const buffer = pool.take(bytes);
    out.add(buffer);
    return buffer;
  };
  const give = (buffer: Buffer): void => {
    out.delete(buffer);
    pool.give(buffer);
  };
  return { pool: { take, give }, asked, out };
}

const requestOf = (headers: Record<string, string>, ...chunks: readonly string[]): IncomingMessage => {
  const stream = new PassThrough();
  for (const chunk of chunks) stream.write(chunk);
  stream.end();
  return Object.assign(stream, { headers }) as unknown as IncomingMessage;
};

test('a caller that declares much has no more than 1 MiB reserved before it sends', async () => {
  const { pool, asked } = countingPool();
  const { bytes } = await readBody(requestOf({ 'content-length': '100000000' }, 'few'), { maxBytes: 2 ** 30, pool });
  expect(bytes.toString()).toBe('few');
  expect(asked).toEqual([1024 * 1024 + 8]);
});

test.each([
  ['declared', { 'content-length': '11' }, []],
  ['in one piece', {}, ['12345678901']],
  ['in its last piece', {}, ['1234567890', '1']],
])('a body that is too long, %s, is refused, and its buffer given back', async (_, headers, chunks) => {
  const { pool, out } = countingPool();
  await expect(readBody(requestOf(headers, ...chunks), { maxBytes: 10, pool })).rejects.toMatchObject({
    kind: 'invalid',
    message: expect.stringContaining('longer than 10 bytes'),
  });
  expect(out.size).toBe(0);
});

test('a body of exactly the limit is read', async () => {
  const { pool } = countingPool();
  const { bytes } = await readBody(requestOf({ 'content-length': '10' }, '12345', '67890'), { maxBytes: 10, pool });
  expect(bytes.toString()).toBe('1234567890');
});
