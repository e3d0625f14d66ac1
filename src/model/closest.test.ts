import { expect, test } from 'vitest';
import { closest } from './closest.ts';

const WORDS = ['doctor', 'top', 'volumes', 'version', 'why'];

test.each([
  { mistyped: 'docter', meant: 'doctor' },
  { mistyped: 'docotr', meant: 'doctor' },
  { mistyped: 'volume', meant: 'volumes' },
  { mistyped: 'tpo', meant: 'top' },
  { mistyped: 'wyh', meant: 'why' },
  { mistyped: 'topp', meant: 'top' },
  { mistyped: 'vlumse', meant: 'volumes' },
  { mistyped: 'vlumsse', meant: undefined },
  { mistyped: 'who', meant: 'why' },
  { mistyped: 'wo', meant: undefined },
  { mistyped: 'nodes', meant: undefined },
])('$mistyped is taken for $meant', ({ mistyped, meant }) => {
  expect(closest(mistyped, WORDS)).toBe(meant);
});

test('the nearest is taken, not the first', () => {
  expect(closest('node', ['nodeas', 'nodes'])).toBe('nodes');
});
