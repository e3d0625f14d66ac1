import { expect, test } from 'vitest';
import { broken, promised } from './promised-bytes.ts';
import type { System } from '../system/system.ts';

const kept = { node: 'n', total: 100, recorded: 60, onDisk: 60 };

test('a node that keeps its promises is not broken', () => {
  expect(broken([kept])).toEqual([]);
});

test.each([
  ['more is recorded than there is', { recorded: 101, onDisk: 101 }],
  ['more is on the disks than is recorded', { onDisk: 61 }],
  ['less is on the disks than is recorded', { onDisk: 0 }],
  ['the group is not there at all', { total: 0, recorded: 0, onDisk: 0 }],
])('a node is broken when %s', (_, how) => {
  expect(broken([kept, { ...kept, ...how }])).toHaveLength(1);
});

test('of no nodes nothing can be said', async () => {
  const system = { cluster: { dir: '/nowhere' }, stores: { nodeStorages: { list: () => [] } } };
  await expect(promised(system as unknown as System)).rejects.toThrow(/no node has reported/);
});
