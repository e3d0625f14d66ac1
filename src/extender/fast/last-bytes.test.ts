import { expect, test } from 'vitest';
import { LastBytes } from './last-bytes.ts';

const bytes = (text: string): Buffer => Buffer.from(text);

/** Answers with the value given, or with what it has kept for these bytes. */
function createLast() {
  const last = new LastBytes<number | undefined>();
  return (buffer: Buffer, value: number | undefined): number | undefined => last.of(buffer, () => value);
}

test('only the very bytes that came last are known', () => {
  for (const other of ['firs', 'first ', 'firsT', '']) {
    const last = createLast();
    expect(last(bytes(''), 0)).toBe(0);
    expect(last(bytes('first'), 1)).toBe(1);
    expect(last(bytes('first'), 2)).toBe(1);
    expect(last(bytes(other), 3)).toBe(3);
    expect([last(bytes(other), 4), last(bytes('first'), 5)]).toEqual([3, 5]);
  }
});

test('that nothing can be made of bytes is known too', () => {
  const last = createLast();
  expect([last(bytes('no pod'), undefined), last(bytes('no pod'), 1)]).toEqual([undefined, undefined]);
});

test('what was kept does not change with the buffer it came in, which is used again', () => {
  const last = createLast();
  const buffer = bytes('a pod');
  last(buffer, 1);
  buffer.write('b pod');
  expect([last(bytes('a pod'), 2), last(buffer, 3)]).toEqual([1, 3]);
});

test('more than 1 MiB is not kept, and what was kept before is not taken for it', () => {
  const last = createLast();
  const large = Buffer.alloc(1024 * 1024 + 1);
  expect([last(bytes('pod'), 1), last(large, 2), last(large, 3), last(bytes('pod'), 4)]).toEqual([1, 2, 3, 4]);
});

test('after bytes that cannot be read at all the ones before are made anew', () => {
  const last = new LastBytes<number>();
  const fail = (): number => {
    throw new Error('no');
  };
  last.of(bytes('pod'), () => 1);
  expect(() => last.of(bytes('not'), fail)).toThrow('no');
  expect(last.of(bytes('pod'), () => 2)).toBe(2);
});
