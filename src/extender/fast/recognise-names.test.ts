import { expect, test } from 'vitest';
import { createBufferPool } from './buffer-pool.ts';
import { createNameReader } from './recognise-names.ts';

/** The inside of a list of names, with bytes to spare behind it. */
function listOf(names: readonly string[]): Buffer {
  const text = names.map((name) => `"${name}"`).join(',');
  return Buffer.from(`${text}        `).subarray(0, text.length);
}

function countingReader() {
  const pool = createBufferPool(1024 * 1024);
  const out = new Set<Buffer>();
  const take = (bytes: number): Buffer => {
    const buffer = pool.take(bytes);
    out.add(buffer);
    return buffer;
  };
  const give = (buffer: Buffer): void => {
    out.delete(buffer);
    pool.give(buffer);
  };
  return { reader: createNameReader({ take, give }, { seed: 1 }), out };
}

test('the copy of what filter answered goes back to the pool when it is replaced and when it is forgotten', () => {
  const { reader, out } = countingReader();
  for (const names of [['a'], ['a', 'b']]) {
    const bytes = listOf(names);
    reader.remember('pod-1', { list: reader.read('pod-1', bytes)!.list, bytes });
    expect(out.size).toBe(1);
  }
  reader.forget('pod-1');
  expect(out.size).toBe(0);
});

test('names that fill the table are read by the general path once, and fast again from then on', () => {
  const { reader } = countingReader();
  for (const day of ['mo', 'tu', 'we', 'th']) {
    const names = listOf(Array.from({ length: 40_000 }, (_, i) => `${day}-${i}`));
    reader.read('pod-1', names);
    expect(reader.read('pod-1', names)?.list.count).toBe(40_000);
  }
});
