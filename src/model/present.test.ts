import { expect, expectTypeOf, test } from 'vitest';
import { present } from './present.ts';

test('undefined fields are left out, and nothing else is', () => {
  const maybe = (value: string | undefined): string | undefined => value;
  const made = present({ a: maybe(undefined), b: maybe(''), c: 0, d: null, e: false });
  expect(Object.entries(made)).toEqual([
    ['b', ''],
    ['c', 0],
    ['d', null],
    ['e', false],
  ]);
  expectTypeOf(made.c).toEqualTypeOf<number>();
  expectTypeOf<{ readonly a?: string }>(present({ a: maybe('x') })).toEqualTypeOf<{ readonly a?: string }>();
});
