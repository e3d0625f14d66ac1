import { expect, test } from 'vitest';
import { bytes } from '../model/bytes.ts';
import type { BlockDevice } from './disks.ts';
import { diskIdentity } from './identity.ts';

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
  ['a disk that tells nothing', device('loop0'), undefined],
  ['a partition', device('sda2', { disk: 'sda', size: bytes(40) }), 'naa.5 100 part 2 40'],
  ['a partition of a disk with a digit', device('nvme0n1p1', { disk: 'nvme0n1' }), 's 100 part p1 100'],
  ['a partition of a disk that tells nothing', device('vda1', { disk: 'vda' }), undefined],
])('%s', (_, of, want) => {
  expect(diskIdentity(of, [sda, nvme])).toBe(want);
});
