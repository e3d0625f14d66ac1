import { expect, test } from 'vitest';
import { bytes } from '../model/bytes.ts';
import type { BlockDevice } from './disks.ts';
import { diskIdentity, isCalledOtherwise, isGrown, isKnowable } from './identity.ts';

const device = (name: string, more: Partial<BlockDevice> = {}): BlockDevice => ({
  name,
  path: `/dev/${name}`,
  majorMinor: '8:0',
  kind: 'disk',
  size: bytes(100),
  mediaType: 'ssd',
  readOnly: false,
  holders: [],
  partitions: [],
  swap: false,
  ...more,
});
const sda = device('sda', { worldwideName: 'naa.5', serial: 's' });
const nvme = device('nvme0n1', { serial: 's' });

test.each([
  ['a disk', sda, 'naa.5 100'],
  ['a disk with a serial number only', nvme, 's 100'],
  ['an encrypted disk', device('dm-0', { mapperUuid: 'CRYPT-1' }), 'CRYPT-1 100'],
  ['a disk that tells nothing', device('loop0'), undefined],
  ['a partition', device('sda2', { disk: 'sda', size: bytes(40) }), 'naa.5 100 part 2 40'],
  ['a partition of a disk with a digit', device('nvme0n1p1', { disk: 'nvme0n1' }), 's 100 part p1 100'],
  ['a partition of a disk that tells nothing', device('vda1', { disk: 'vda' }), undefined],
  [
    'a partition that its disk’s table tells',
    device('vda1', { disk: 'vda', contentUuid: 'partition a' }),
    'partition a 100',
  ],
  ['a partition of a disk that tells more', device('sda1', { disk: 'sda', contentUuid: 'x' }), 'naa.5 100 part 1 100'],
  ['an array', device('md0', { kind: 'md', contentUuid: 'array a' }), 'array a 100'],
])('%s', (_, of, want) => {
  expect(diskIdentity(of, [sda, nvme])).toBe(want);
});

test('a disk is known again by what no other disk tells', () => {
  const twin = device('sdb', { serial: 's' });
  expect(isKnowable(sda, [sda, nvme])).toBe(true);
  expect(isKnowable(nvme, [sda, nvme, twin])).toBe(false);
  expect(isKnowable(device('vda'), [device('vda')])).toBe(false);
  const named = (name: string) => device(name, { disk: name.slice(0, 3), contentUuid: 'partition a' });
  expect(isKnowable(named('vda1'), [device('vda'), named('vda1')])).toBe(true);
  expect(isKnowable(named('vda1'), [device('vda'), named('vda1'), named('vdb1')])).toBe(false);
  const part = device('nvme0n1p1', { disk: 'nvme0n1', size: bytes(40) });
  expect(isKnowable(part, [nvme, part])).toBe(true);
  expect(isKnowable(part, [nvme, part, twin, device('sdb1', { disk: 'sdb', size: bytes(40) })])).toBe(true);
});

test.each([
  ['a disk', 'naa.5 of a maker 100', 'naa.5 of a maker 200', true],
  ['a partition', 'naa.5 100 part 1 50', 'naa.5 100 part 1 100', true],
  ['the disk that a partition is on', 'naa.5 100 part 1 50', 'naa.5 200 part 1 50', true],
  ['nothing', 'naa.5 100', 'naa.5 100', false],
  ['a disk that shrank', 'naa.5 100', 'naa.5 99', false],
  ['another disk', 'naa.5 100', 'naa.6 200', false],
  ['another partition', 'naa.5 100 part 1 50', 'naa.5 100 part 2 60', false],
  ['a disk of which a partition was recorded', 'naa.5 100 part 1 50', 'naa.5 200', false],
])('%s has grown: from %s to %s', (_, before, now, want) => {
  expect(isGrown(before, now)).toBe(want);
});

test.each([
  ['eui.1 10', 'nvme.144d-53 10', true],
  ['eui.1 10 part p1 5', 'nvme.144d-53 10 part p1 5', true],
  ['eui.1 10', 'nvme.144d-53 20', false],
  ['eui.1 10', 'eui.1 10', false],
  ['eui.1 10 part p1 5', 'nvme.144d-53 10', false],
])('a disk of "%s" that tells "%s" is called otherwise: %s', (recorded, now, want) => {
  expect(isCalledOtherwise(recorded, now)).toBe(want);
});
