import { expect, test } from 'vitest';
import { outside, type Allowance } from './budget.ts';

const allowance: Allowance = { 'create volumes': 1, 'patch status': [0, 2] };

test.each([
  ['as many as allowed', { 'create volumes': 5, 'patch status': 10 }, []],
  ['none of what may be left out', { 'create volumes': 5 }, []],
  ['one too many', { 'create volumes': 6 }, ['6 × create volumes, and 5 may be']],
  ['one too few', { 'create volumes': 4 }, ['4 × create volumes, and 5 must be']],
  ['what nobody allowed', { 'create volumes': 5, 'list pods': 1 }, ['1 × list pods, and 0 may be']],
  ['nothing at all, as when no program is recognized', {}, ['0 × create volumes, and 5 must be']],
])('%s', (_, counted, found) => {
  expect(outside(counted, allowance, 5)).toEqual(found);
});
