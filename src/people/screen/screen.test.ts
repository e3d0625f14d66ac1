import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bar } from './bar.ts';
import { screenOf } from './screen.ts';
import { cutMiddle, paragraphs, table, wrap, type Column } from './table.ts';

const TERMINAL = { isTTY: true, columns: 80 };
test.each([
  { what: 'a terminal', stream: TERMINAL, env: {}, screen: { width: 80, colour: true } },
  { what: 'a file', stream: {}, env: {}, screen: { width: Infinity, colour: false } },
  { what: 'COLUMNS', stream: TERMINAL, env: { COLUMNS: '120' }, screen: { width: 120, colour: true } },
  { what: 'COLUMNS without a number', stream: TERMINAL, env: { COLUMNS: 'x' }, screen: { width: 80, colour: true } },
  { what: 'NO_COLOR', stream: TERMINAL, env: { NO_COLOR: '1' }, screen: { width: 80, colour: false } },
  { what: 'an empty NO_COLOR', stream: TERMINAL, env: { NO_COLOR: '' }, screen: { width: 80, colour: true } },
  { what: 'a dumb terminal', stream: TERMINAL, env: { TERM: 'dumb' }, screen: { width: 80, colour: false } },
])('the screen of $what', ({ stream, env, screen }) => {
  expect(screenOf(stream, env)).toEqual(screen);
});

const WIDE = { width: Infinity, colour: false };
const COLUMNS: readonly Column[] = [
  { title: 'NODE', least: 6 },
  { title: 'FREE', right: true },
  { title: 'NOTE', drop: 1, least: 8 },
];
const ROWS = [
  ['worker-1.example', '10Gi', 'its agent is silent'],
  ['n2', '1.5Ti', ''],
];

test('columns are as wide as their widest cell, numbers at the right', () => {
  expect(table(COLUMNS, ROWS, WIDE)).toEqual([
    'NODE               FREE  NOTE',
    'worker-1.example   10Gi  its agent is silent',
    'n2                1.5Ti',
  ]);
});

test('where the width does not suffice the longest texts are cut, then columns left out', () => {
  expect(table(COLUMNS, ROWS, { width: 30, colour: false })).toEqual([
    'NODE         FREE  NOTE',
    'worke…mple   10Gi  its a…ilent',
    'n2          1.5Ti',
  ]);
  expect(table(COLUMNS, ROWS, { width: 15, colour: false })).toEqual([
    'NODE       FREE',
    'work…ple   10Gi',
    'n2        1.5Ti',
  ]);
});

test('no line is wider than the screen, whatever stands in the cells', () => {
  const cell = fc.string({ maxLength: 60 }).map((text) => text.replaceAll(/\s/g, ''));
  fc.assert(
    fc.property(
      fc.array(fc.array(cell, { minLength: 3, maxLength: 3 })),
      fc.integer({ min: 8, max: 100 }),
      (rows, width) => {
        for (const line of table(COLUMNS, rows, { width, colour: false }))
          expect(Array.from(line).length).toBeLessThanOrEqual(width);
      },
    ),
  );
});

test('colours take no room', () => {
  const rows = [[{ text: 'a', as: 'red' as const }, '1', '']];
  expect(table(COLUMNS, rows, { width: 80, colour: true })[1]).toBe('\u001B[31ma\u001B[0m        1');
});

test.each([
  { text: 'abcdefgh', width: 8, cut: 'abcdefgh' },
  { text: 'abcdefgh', width: 5, cut: 'ab…gh' },
  { text: 'abcdefgh', width: 2, cut: 'a…' },
  { text: 'abcdefgh', width: 1, cut: '…' },
])('$text is cut to $width', ({ text, width, cut }) => {
  expect(cutMiddle(text, width)).toBe(cut);
});

test('a text is broken at blanks', () => {
  expect(wrap('one two three', 8, '  ')).toEqual(['  one', '  two', '  three']);
  expect(wrap('one two three', 9, '  ')).toEqual(['  one two', '  three']);
  expect(wrap('a verylongword b', 6)).toEqual(['a', 'verylongword', 'b']);
});

test.each([
  { total: 100, used: 40, kept: 20, text: '[####++----]  60%', as: 'green' },
  { total: 100, used: 1, kept: 0, text: '[#---------]   1%', as: 'green' },
  { total: 100, used: 79, kept: 1, text: '[########+-]  80%', as: 'yellow' },
  { total: 100, used: 95, kept: 0, text: '[##########]  95%', as: 'red' },
  { total: 100, used: 120, kept: 9, text: '[##########] 100%', as: 'red' },
  { total: 100, used: 0, kept: 0, text: '[----------]   0%', as: 'green' },
])('a bar of $used and $kept of $total', ({ total, used, kept, text, as }) => {
  expect(bar(total, used, kept)).toEqual({ text, as });
});

test('nothing has no bar', () => {
  expect(bar(0, 0, 0)).toBe('');
});

test('a table of as many rows as a large cluster has volumes is drawn', () => {
  const rows = Array.from({ length: 200_000 }, (_, i) => [`local-${i}`]);
  expect(table([{ title: 'VOLUME' }], rows, WIDE).at(-1)).toBe('local-199999');
});

test('lines that are too wide go on under their beginning, and what is to be copied stays whole', () => {
  const text = 'short\n  why it matters: nobody is told of it\n  to mend: kubectl apply -k deploy\n';
  expect(paragraphs(text, 24, /^ +to mend: /)).toBe(
    'short\n  why it matters:\n    nobody is told of it\n  to mend: kubectl apply -k deploy\n',
  );
  expect(paragraphs(text, Number.POSITIVE_INFINITY, /x/)).toBe(text);
});
