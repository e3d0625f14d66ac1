import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createLineSplitter } from './line-splitter.ts';

test('however a text is cut, its lines come out whole', () => {
  const line = fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll(/\s/g, '_'));
  fc.assert(
    fc.property(fc.array(line), fc.infiniteStream(fc.integer({ min: 1, max: 9 })), (lines, sizes) => {
      const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(''));
      const splitter = createLineSplitter(1000);
      const found: string[] = [];
      for (let at = 0; at < bytes.length;) {
        const size: number = sizes.next().value ?? 1;
        found.push(...splitter.push(bytes.subarray(at, at + size)));
        at += size;
      }
      expect(found).toEqual(lines.filter((text) => text !== ''));
      expect(splitter.pending).toBe(0);
    }),
  );
});

test('what has not ended is pending', () => {
  const splitter = createLineSplitter(10);
  expect(splitter.push(Buffer.from('ab\r\ncd'))).toEqual(['ab']);
  expect(splitter.pending).toBe(2);
});

test('a line that grows too long is refused, with or without its end', () => {
  expect(createLineSplitter(3).push(Buffer.from('abc\n'))).toEqual(['abc']);
  expect(() => createLineSplitter(3).push(Buffer.from('abcd\n'))).toThrow(RangeError);
  const splitter = createLineSplitter(3);
  splitter.push(Buffer.from('ab'));
  expect(() => splitter.push(Buffer.from('cd'))).toThrow('longer than 3 bytes');
});
