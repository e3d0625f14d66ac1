import { expect, test } from 'vitest';
import { textTable } from './text-table.ts';

test('columns line up; a column of numbers is right-aligned', () => {
  expect(
    textTable(
      ['POD', 'BYTES', 'WHY'],
      [
        ['web-0', 1024, 'fits'],
        ['a-longer-name', 5, ''],
      ],
    ),
  ).toEqual([
    'POD            BYTES  WHY', //
    'web-0           1024  fits',
    'a-longer-name      5',
  ]);
});

test('no rows leave the header', () => {
  expect(textTable(['A', 'B'], [])).toEqual(['A  B']);
});
