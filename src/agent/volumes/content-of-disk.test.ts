import { expect, test } from 'vitest';
import { luksUuidOf } from '../../crypt/names.ts';
import type { Signature } from '../../disk/disks.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { FORMATTING } from '../../model/well-known.ts';
import { sampleLocalVolume, unitSpec } from '../storage-fixture.ts';
import { contentOfAnother } from './content-of-disk.ts';

const volume = (name: string, filesystem?: string, encryption?: 'luks2'): LocalVolume => ({
  ...sampleLocalVolume({ meta: { name, annotations: filesystem === undefined ? {} : { [FORMATTING]: filesystem } } }),
  spec: { ...unitSpec('Device', '/dev/vdb'), ...(encryption ? { encryption } : {}) },
});
const carries = (type: string, uuid?: string): Signature => ({ type, offset: 1080, ...(uuid ? { uuid } : {}) });
const others = new Map([['v2', volume('v2', 'ext4 u-2')]]);

test.each<[string, LocalVolume, Signature[], string | undefined]>([
  ['its own filesystem', volume('v1', 'ext4 u-1'), [carries('ext4', 'u-1')], undefined],
  ['nothing', volume('v1', 'ext4 u-1'), [], undefined],
  ['no filesystem of ours', volume('v1', 'ext4 u-1'), [carries('gpt', 'u-3'), carries('ext4')], undefined],
  ['a filesystem of nobody', volume('v1', 'ext4 u-1'), [carries('xfs', 'u-3')], 'carries xfs u-3, not u-1'],
  [
    "another volume's",
    volume('v1', 'ext4 u-1'),
    [carries('ext4', 'u-2')],
    'carries ext4 u-2, which volume v2 was given',
  ],
  [
    "another volume's, and is raw",
    volume('v1'),
    [carries('ext4', 'u-2')],
    'carries ext4 u-2, which volume v2 was given',
  ],
  ['what its pod made, and is raw', volume('v1'), [carries('ext4', 'u-3')], undefined],
  ['its own header', volume('v1', 'ext4 u-1', 'luks2'), [carries('crypto_LUKS', luksUuidOf('v1'))], undefined],
  [
    'a header of another',
    volume('v1', 'ext4 u-1', 'luks2'),
    [carries('crypto_LUKS', 'u-3')],
    `carries crypto_LUKS u-3, not ${luksUuidOf('v1')}`,
  ],
])('a disk that carries %s', (_, own, signatures, told) => {
  expect(contentOfAnother(own, { busy: false, signatures }, others)).toBe(told);
});
