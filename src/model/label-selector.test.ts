import { expect, test } from 'vitest';
import type { LabelSelector } from './objects.ts';
import { matches, selectorProblems } from './label-selector.ts';

const labels = { disk: 'nvme', 'example.com/zone': 'a', empty: '' };

const CASES: readonly [what: string, selector: LabelSelector, holds: boolean][] = [
  ['empty', {}, true],
  ['a long prefix of a key', { matchLabels: { [`${'a'.repeat(70)}.${'b'.repeat(182)}/c`]: '' } }, false],
  ['a label', { matchLabels: { disk: 'nvme' } }, true],
  ['another value', { matchLabels: { disk: 'hdd' } }, false],
  ['an empty value', { matchLabels: { empty: '' } }, true],
  ['a label that is not there', { matchLabels: { gone: '' } }, false],
  ['all of several', { matchLabels: { disk: 'nvme', 'example.com/zone': 'b' } }, false],
  ['In', { matchExpressions: [{ key: 'disk', operator: 'In', values: ['hdd', 'nvme'] }] }, true],
  ['In, absent', { matchExpressions: [{ key: 'gone', operator: 'In', values: ['a'] }] }, false],
  ['NotIn', { matchExpressions: [{ key: 'disk', operator: 'NotIn', values: ['nvme'] }] }, false],
  ['NotIn, absent', { matchExpressions: [{ key: 'gone', operator: 'NotIn', values: ['a'] }] }, true],
  ['Exists', { matchExpressions: [{ key: 'empty', operator: 'Exists' }] }, true],
  ['Exists, absent', { matchExpressions: [{ key: 'gone', operator: 'Exists' }] }, false],
  ['DoesNotExist', { matchExpressions: [{ key: 'disk', operator: 'DoesNotExist' }] }, false],
  ['Exists, a word that objects have', { matchExpressions: [{ key: 'constructor', operator: 'Exists' }] }, false],
  [
    'NotIn, a word that objects have',
    { matchExpressions: [{ key: 'toString', operator: 'NotIn', values: ['a'] }] },
    true,
  ],
  ['DoesNotExist, absent', { matchExpressions: [{ key: 'gone', operator: 'DoesNotExist' }] }, true],
  [
    'labels and expressions',
    { matchLabels: { disk: 'nvme' }, matchExpressions: [{ key: 'gone', operator: 'Exists' }] },
    false,
  ],
];

test.each(CASES)('%s', (_, selector, holds) => {
  expect(matches(selector, labels)).toBe(holds);
  expect(selectorProblems(selector)).toEqual([]);
});

test.each([
  [
    { matchExpressions: [{ key: 'a', operator: 'Gt', values: ['1'] }] },
    'matchExpressions[0]: operator "Gt" is unknown',
  ],
  [{ matchExpressions: [{ key: 'a', operator: 'toString' }] }, 'operator "toString" is unknown'],
  [{ matchExpressions: [{ key: 'a', operator: 'In' }] }, 'matchExpressions[0]: operator In needs values'],
  [{ matchExpressions: [{ key: 'a', operator: 'Exists', values: ['x'] }] }, 'operator Exists takes no values'],
  [{ matchLabels: { 'a b': 'x' } }, 'matchLabels: "a b" cannot be the key of a label'],
  [{ matchLabels: { 'x/y/z': 'x' } }, 'matchLabels: "x/y/z" cannot be the key'],
  [{ matchLabels: { 'a..b/c': 'x' } }, '"a..b/c" cannot be the key'],
  [{ matchLabels: { 'a.-b/c': 'x' } }, '"a.-b/c" cannot be the key'],
  [{ matchLabels: { [`${'a'.repeat(254)}/c`]: 'x' } }, 'cannot be the key'],
  [{ matchLabels: { a: 'x y' } }, 'matchLabels.a: "x y" cannot be the value of a label'],
  [{ matchLabels: { a: 'x'.repeat(64) } }, 'cannot be the value'],
])('%j is refused', (selector, problem) => {
  const problems = selectorProblems(selector);
  expect(problems).toHaveLength(1);
  expect(problems[0]).toContain(problem);
});
