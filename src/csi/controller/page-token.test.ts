import { expect, test } from 'vitest';
import { Fault } from '../../model/fault.ts';
import { createPager, type Pager } from './page-token.ts';

const items = (...ids: string[]): [string, string][] => ids.map((id) => [id, id]);

function allPages(page: Pager, maxEntries: number, between: (told: number) => [string, string][]): string[][] {
  const pages: string[][] = [];
  let startingToken = '';
  do {
    const { entries, nextToken } = page('volumes', between(pages.length), { maxEntries, startingToken });
    pages.push([...entries]);
    startingToken = nextToken;
  } while (startingToken !== '');
  return pages;
}

test('pages go by id, and the last has no token', () => {
  const list = items('c', 'a', 'e', 'b', 'd');
  expect(allPages(createPager(), 2, () => list)).toEqual([['a', 'b'], ['c', 'd'], ['e']]);
  expect(allPages(createPager(), 5, () => list)).toEqual([['a', 'b', 'c', 'd', 'e']]);
  expect(allPages(createPager(), 2, () => [])).toEqual([[]]);
});

test('without max_entries everything that is left is one page', () => {
  const page = createPager();
  const list = items('a', 'b', 'c');
  expect(page('volumes', list, { maxEntries: 0, startingToken: '' })).toEqual({
    entries: ['a', 'b', 'c'],
    nextToken: '',
  });
  const { nextToken } = page('volumes', list, { maxEntries: 1, startingToken: '' });
  expect(page('volumes', list, { maxEntries: 0, startingToken: nextToken }).entries).toEqual(['b', 'c']);
});

test('what stays is told once, though the entry that the token names goes and others come', () => {
  const lists = [items('b', 'd', 'f'), items('a', 'c', 'd', 'f')];
  expect(allPages(createPager(), 1, (told) => lists[Math.min(told, 1)]!)).toEqual([['b'], ['c'], ['d'], ['f']]);
});

const list = items('a', 'b', 'c');
const tokenOf = (page: Pager, of: string): string => page(of, list, { maxEntries: 1, startingToken: '' }).nextToken;

test.each([
  ['made up', () => 'invalid-token'],
  ['a number beyond the list', () => '1000'],
  ['cut', (page: Pager) => tokenOf(page, 'volumes').slice(0, -1)],
  [
    'for another id',
    (page: Pager) => tokenOf(page, 'volumes').replace(/^[^.]*/, Buffer.from('b').toString('base64url')),
  ],
  ['another list’s', (page: Pager) => tokenOf(page, 'snapshots of x')],
  ['from before the driver was started anew', () => tokenOf(createPager(), 'volumes')],
])('a token that is %s is ABORTED', (_, tokenFrom) => {
  const page = createPager();
  const ask = { maxEntries: 1, startingToken: tokenFrom(page) };
  expect(() => page('volumes', list, ask)).toThrow(expect.objectContaining({ kind: 'aborted' }) as Fault);
});

test('a negative max_entries is refused', () => {
  expect(() => createPager()('volumes', list, { maxEntries: -1, startingToken: '' })).toThrow('-1 is negative');
});
