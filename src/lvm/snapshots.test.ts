import { expect, test } from 'vitest';
import { bytes, GIB, MIB } from '../model/bytes.ts';
import { largestStore } from '../model/snapshot-store.ts';
import { OUR_TAG } from './names.ts';
import type { LvmVolume } from './report.ts';
import { assertNoSnapshots, assertOrigin, assertSameSnapshot, assertSnapshotOf, isLargeEnough } from './snapshots.ts';

const volume = (name: string, more: Partial<LvmVolume> = {}): LvmVolume => ({
  ...{ name, uuid: `uuid-of-${name}`, size: bytes(GIB), taken: bytes(GIB), tags: [OUR_TAG], readOnly: false },
  ...{ layout: 'linear', health: '', ...more },
});
const facts = { originSize: bytes(GIB), invalid: false };
const snapshot = (more: Partial<LvmVolume> = {}): LvmVolume =>
  volume('s', { origin: 'v', snapshot: facts, size: bytes(64 * MIB), ...more });
const wanted = { vgName: 'g', name: 's', origin: 'v', sizeBytes: bytes(64 * MIB) };
const group = { name: 'g', volumes: [volume('other'), volume('v'), snapshot(), snapshot({ name: 't' })] };

test.each([
  ['is there', wanted],
  ['has the UUID that is meant', { ...wanted, originUuid: 'uuid-of-v' }],
])('of a volume that %s a snapshot can be taken', (_, asked) => {
  expect(() => assertOrigin(asked, group)).not.toThrow();
});

test.each([
  ['is not there', { ...wanted, origin: 'x' }, 'not-found', 'g/x is not there'],
  ['is another than is meant', { ...wanted, originUuid: 'u' }, 'precondition', 'g/v is uuid-of-v, and u is meant'],
  ['is a snapshot itself', { ...wanted, origin: 's' }, 'invalid', 'g/s is a snapshot itself'],
])('of a volume that %s none can', (_, asked, kind, message) => {
  const refused = expect.objectContaining({ kind, message: expect.stringContaining(message) as string }) as Error;
  expect(() => assertOrigin(asked, group)).toThrow(refused);
});

test.each([
  ['is not ours', snapshot({ tags: [] }), 'was not made by open-local'],
  ['is of another volume', snapshot({ origin: 'other' }), 'is no snapshot of v'],
  ['is a volume of its own', volume('s'), 'is no snapshot of v'],
  ['was a snapshot, and has its origin alone', volume('s', { origin: 'v' }), 'is no snapshot of v'],
])('what bears the name of a snapshot and %s is not taken for it', (_, found, message) => {
  for (const assert of [assertSnapshotOf, assertSameSnapshot])
    expect(() => assert(wanted, found)).toThrow(`logical volume g/s exists and ${message}`);
});

test('a snapshot whose store is smaller than asked for is another one, unless its size is not asked about', () => {
  const small = snapshot({ size: bytes(32 * MIB) });
  expect(() => assertSameSnapshot(wanted, small)).toThrow('exists with 33554432 bytes, fewer than 67108864 asked for');
  expect(() => assertSnapshotOf(wanted, small)).not.toThrow();
  expect(() => assertSameSnapshot(wanted, snapshot())).not.toThrow();
});

const largest = largestStore(bytes(GIB));

test.each([
  ['as large as asked for', volume('v'), GIB, true],
  ['smaller', volume('v'), GIB + 1, false],
  ['a store as large as it can be', snapshot({ size: largest }), 2 * GIB, true],
  ['a smaller store', snapshot({ size: bytes(largest - 1) }), 2 * GIB, false],
])('%s', (_, found, asked, isLarge) => {
  expect(isLargeEnough(found, bytes(asked))).toBe(isLarge);
});

test('a volume that has snapshots is not removed, and it is said which they are', () => {
  expect(() => assertNoSnapshots(group, 'v')).toThrow('logical volume g/v has snapshots (s, t): remove them first');
  expect(() => assertNoSnapshots(group, 'other')).not.toThrow();
});
