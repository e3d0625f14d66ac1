import { expect, test } from 'vitest';
import { inWords } from './decide.ts';

const pods = new Map([
  ['b', 1],
  ['c', 1],
]);
const podsOn = (node: string): number => pods.get(node) ?? 0;

test.each<[string, string[], [string, number][], string]>([
  ['one is best', ['a', 'b'], [['a', 80]], 'best score: 80, before b 0'],
  ['all are equal, one has fewest pods', ['a', 'b', 'c'], [], '3 nodes are equally good, and it has the fewest pods'],
  ['all are equal in pods too', ['b', 'c'], [], '2 nodes are equally good, and it is the first by name'],
  [
    'some are less good',
    ['b', 'c', 'a'],
    [
      ['b', 80],
      ['c', 80],
      ['a', 20],
    ],
    '2 nodes are equally good, and it is the first by name; less good: a 20',
  ],
])('why a node was taken: %s', (_, ranked, scores, words) => {
  expect(inWords(ranked, new Map(scores), podsOn)).toBe(words);
});
