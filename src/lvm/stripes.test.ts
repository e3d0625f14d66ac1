import { expect, test } from 'vitest';
import { bytes, MIB } from '../model/bytes.ts';
import { stripesFor } from './stripes.ts';

const EXTENT = bytes(4 * MIB);
const group = (...free: readonly (number | 'missing' | 'closed')[]) => ({
  extentSize: EXTENT,
  devices: free.map((extents) => ({
    device: '/dev/x',
    uuid: '',
    size: EXTENT,
    free: bytes(typeof extents === 'number' ? extents * EXTENT : 1000 * EXTENT),
    missing: extents === 'missing',
    allocatable: extents !== 'closed',
  })),
});

test.each([
  ['every device has room for its part', group(10, 10, 10), 12, 3],
  ['a part is rounded up', group(5, 5, 4), 13, 1],
  ['a full device is passed over', group(10, 0, 10), 10, 2],
  ['many small parts fit where two large ones do not', group(4, 4, 4), 12, 3],
  ['only one has room', group(12, 1), 12, 1],
  ['none has room: lvm will say so', group(1, 1), 12, 1],
  ['a missing device holds nothing', group(10, 'missing'), 10, 1],
  ['a device on which nothing may be put holds nothing', group(10, 'closed'), 10, 1],
  ['lvm has no more than 128 of them', group(...Array.from({ length: 200 }, () => 10)), 400, 128],
  ['no device has less than an extent of it', group(10, 10, 10), 2, 2],
])('%s', (_, of, extents, want) => {
  expect(stripesFor(of, bytes(extents * EXTENT))).toBe(want);
});
