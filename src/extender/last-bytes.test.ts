import { expect, test } from 'vitest';
import { LastBytes } from './last-bytes.ts';

const bytes = (text: string): Buffer => Buffer.from(text);

test('only the very bytes that came last are known', () => {
  const last = new LastBytes<number>();
  expect(last.of(bytes(''))).toBeUndefined();
  last.keep(bytes('first'), 1);
  expect(last.of(bytes('first'))).toBe(1);
  for (const other of ['firs', 'first ', 'firsT', '']) expect(last.of(bytes(other))).toBeUndefined();
  last.keep(bytes('2nd'), 2);
  expect([last.of(bytes('2nd')), last.of(bytes('first')), last.of(bytes('2nds'))]).toEqual([2, undefined, undefined]);
});

test('what was kept does not change with the buffer it came in, which is used again', () => {
  const last = new LastBytes<number>();
  const buffer = bytes('a pod');
  last.keep(buffer, 1);
  buffer.write('b pod');
  expect([last.of(bytes('a pod')), last.of(buffer)]).toEqual([1, undefined]);
});

test('more than 1 MiB is not kept, and what was kept before is not taken for it', () => {
  const last = new LastBytes<number>();
  const large = Buffer.alloc(1024 * 1024 + 1);
  last.keep(bytes('pod'), 1);
  last.keep(large, 2);
  expect([last.of(large), last.of(bytes('pod'))]).toEqual([undefined, undefined]);
});
