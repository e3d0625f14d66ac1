import { expect, test } from 'vitest';
import { parseStorageClass } from '../../model/storage-class.ts';
import { createTightNodes } from './tight-nodes.ts';

const lvm = parseStorageClass({ volumeType: 'LVM' });
const throttled = parseStorageClass({ volumeType: 'LVM', bps: '1Mi' });
const pool = parseStorageClass({ volumeType: 'LVM', vgName: 'pool-1' });
const MINUTE = 60_000;

test('a node is remembered for what wants the same places, with those that have no room either', () => {
  const tight = createTightNodes();
  tight.note(lvm, 'n1', ['n2', 'n1'], 0);
  expect(tight.of(throttled)).toEqual(['n2', 'n1']);
  expect(tight.of(pool)).toEqual([]);
});

test('two minutes after the last volume that was turned away, all is forgotten', () => {
  const tight = createTightNodes();
  tight.note(lvm, 'n1', [], 0);
  tight.note(pool, 'n1', [], MINUTE);
  tight.note(lvm, 'n2', [], 2 * MINUTE - 1);
  expect(tight.expire(2 * MINUTE)).toBe(MINUTE);
  expect(tight.of(lvm)).toEqual(['n1', 'n2']);
  expect(tight.expire(3 * MINUTE)).toBe(MINUTE - 1);
  expect(tight.of(pool)).toEqual([]);
  expect(tight.expire(4 * MINUTE)).toBeUndefined();
  expect(tight.of(lvm)).toEqual([]);
});

test('of too many the newest stay', () => {
  const tight = createTightNodes();
  const many = Array.from({ length: 200 }, (_, i) => `other-${i}`);
  tight.note(lvm, 'n1', many, 0);
  expect(tight.of(lvm)).toHaveLength(50);
  for (let i = 0; i < 60; i += 1) tight.note(lvm, `n${i}`, many, 0);
  expect(tight.of(lvm)).toEqual(Array.from({ length: 50 }, (_, i) => `n${10 + i}`));
});
