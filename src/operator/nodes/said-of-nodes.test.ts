import { expect, test } from 'vitest';
import {
  FORMATTING,
  GONE_SINCE,
  KNOWN_GROUPS,
  LOST,
  STORAGE_CORDONED,
  STORAGE_RESERVED,
} from '../../model/well-known.ts';
import { asideOf, isRemembered } from './said-of-nodes.ts';

const HOUR = 3_600_000;
const now = new Date(7000);
const said = { [STORAGE_RESERVED]: '{"pool-0":"10Gi"}', [STORAGE_CORDONED]: 'pool-1', [FORMATTING]: '{}' };
const nls = (annotations: Record<string, string> = {}) => ({ metadata: { name: 'n1', annotations } });

test('reservations, cordons and marks of a node are kept, and nothing else', () => {
  expect(asideOf(nls({ ...said, [LOST]: 'burnt', other: 'x' }), now)).toEqual({
    labels: { [GONE_SINCE]: '7' },
    annotations: { ...said, [LOST]: null, other: null },
  });
});

test('the groups that a node had are kept, and again before the node has reported', () => {
  const knownGroups = [{ name: 'pool-0', uuid: 'u' }];
  const kept = { [KNOWN_GROUPS]: JSON.stringify(knownGroups) };
  const told = { ...nls({ [KNOWN_GROUPS]: '[]' }), status: { knownGroups } };
  expect(asideOf(told, now)).toMatchObject({ annotations: kept });
  expect(asideOf(nls(kept), now)).toMatchObject({ annotations: kept });
});

test('of a node of which nothing was said, nothing is kept', () => {
  expect([asideOf(nls({ [LOST]: 'burnt' }), now), asideOf({ metadata: { name: 'n1' } }, now)]).toEqual([
    undefined,
    undefined,
  ]);
});

test.each([
  [{}, undefined],
  [{ [GONE_SINCE]: '7' }, true],
  [{ [GONE_SINCE]: String(7 - (24 * HOUR) / 1000 + 1) }, true],
  [{ [GONE_SINCE]: String(7 - (24 * HOUR) / 1000) }, false],
  [{ [GONE_SINCE]: 'edited' }, false],
])('a node with the labels %j is remembered: %s', (labels, want) => {
  expect(isRemembered({ name: 'n1', labels }, now)).toBe(want);
});
