import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createFrameSplitter } from './frame-splitter.ts';
import { MalformedMessage, MAX_OBJECT_BYTES } from './wire.ts';

function framed(content: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  return Buffer.concat([length, content]);
}

test('frames are the same in whatever chunks they come', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 400 })), fc.array(fc.nat()), (contents, places) => {
      const bytes = Buffer.concat(contents.map(framed));
      const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b);
      const splitter = createFrameSplitter();
      const frames = ends.flatMap((end, i) =>
        [...splitter.push(bytes.subarray(ends[i - 1] ?? 0, end))].map((frame) => [...frame]),
      );
      expect(frames).toEqual(contents.map((content) => [...content]));
      expect(splitter.pending).toBe(0);
    }),
  );
});

test('a frame that has not ended is pending', () => {
  const splitter = createFrameSplitter();
  expect([...splitter.push(framed(Buffer.from('abc')).subarray(0, 6))]).toEqual([]);
  expect(splitter.pending).toBe(6);
});

test('a frame longer than any object is refused before it comes', () => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(MAX_OBJECT_BYTES + 1);
  expect(() => [...createFrameSplitter().push(length)]).toThrow(MalformedMessage);
});
