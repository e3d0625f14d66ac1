import fc from 'fast-check';
import { expect, test } from 'vitest';
import { scan, SortedNames } from './sorted-names.ts';

const { signal } = new AbortController();
const all = { limit: 100, signal };
const filled = (names: Iterable<string>): SortedNames => {
  const sorted = new SortedNames();
  for (const name of names) sorted.add(name);
  return sorted;
};

test('names are in order, whatever came and went between two looks', () => {
  const step = fc.record({ name: fc.string({ maxLength: 2 }), isThere: fc.boolean(), isLook: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const [names, model] = [new SortedNames(), new Set<string>()];
      for (const { name, isThere, isLook } of steps) {
        const change = isThere ? 'add' : 'delete';
        names[change](name);
        model[change](name);
        if (isLook) names.sorted();
      }
      expect(names.sorted()).toEqual([...model].toSorted());
      expect(names.size).toBe(model.size);
    }),
  );
});

test('more changes than are worth placing one by one come out the same', () => {
  const names = filled(['m']);
  names.sorted();
  for (let i = 0; i < 2000; i += 1) names.add(`x${i}`);
  for (let i = 0; i < 1990; i += 1) names.delete(`x${i}`);
  expect(names.sorted()).toEqual(['m', ...Array.from({ length: 10 }, (_, i) => `x${1990 + i}`)]);
});

test('a page touches one name more than it gives', async () => {
  const names = filled(Array.from({ length: 50_000 }, (_, i) => `v${String(i).padStart(5, '0')}`));
  const touched: string[] = [];
  const take = (name: string): string => (touched.push(name), name);
  const first = await scan(names, all, take);
  expect([first.rows.length, first.last, touched.length]).toEqual([100, 'v00099', 101]);
  const second = await scan(names, { ...all, after: 'v00099' }, take);
  expect([second.rows[0], second.last, touched.length]).toEqual(['v00100', 'v00199', 202]);
  await scan(names, { ...all, after: 'v49990' }, take);
  expect(touched).toHaveLength(211);
});

test('a prefix touches only what begins so', async () => {
  const names = filled(['a/1', 'b/1', 'b/2', 'b0/1', 'c/1']);
  const touched: string[] = [];
  const found = await scan(names, { ...all, prefix: 'b/' }, (name) => (touched.push(name), name));
  expect([found, touched]).toEqual([{ rows: ['b/1', 'b/2'] }, ['b/1', 'b/2']]);
});

test('a long search lets others be heard, ends when nobody waits for it, and misses nothing that stays', async () => {
  const names = filled(Array.from({ length: 3000 }, (_, i) => `v${String(i).padStart(5, '0')}`));
  let turns = 0;
  const ticking = setInterval(() => {
    turns += 1;
    // Comes before and goes after the place of the search.
    names.add(`a${turns}`);
    names.delete(`v0299${turns}`);
  });
  const { rows } = await scan(names, all, (name) => (name.endsWith('99') ? name : undefined));
  clearInterval(ticking);
  expect(rows.length).toBeGreaterThanOrEqual(29);
  expect(new Set(rows).size).toBe(rows.length);

  const gone = new AbortController();
  const looked: string[] = [];
  const searching = scan(names, { ...all, signal: gone.signal }, (name) => void looked.push(name));
  gone.abort(new Error('went away'));
  await expect(searching).rejects.toThrow('went away');
  expect(looked).toHaveLength(500);
});

test('what was the last row may be gone: the next page goes on after it', async () => {
  const names = filled(['a', 'b', 'c', 'd']);
  const { last } = await scan(names, { ...all, limit: 2 }, (name) => name);
  expect(last).toBe('b');
  names.delete('b');
  names.add('bb');
  expect(await scan(names, { ...all, after: 'b' }, (name) => name)).toEqual({ rows: ['bb', 'c', 'd'] });
});

test('exactly a page is the last page', async () => {
  expect(await scan(filled(['a', 'b']), { ...all, limit: 2 }, (name) => name)).toEqual({ rows: ['a', 'b'] });
});
