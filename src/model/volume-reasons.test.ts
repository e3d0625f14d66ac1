import { expect, test } from 'vitest';
import { meaningOf, VOLUME_REASONS, type VolumeReason } from './volume-reasons.ts';

const reasons = Object.keys(VOLUME_REASONS) as VolumeReason[];

test.each(reasons)('%s means what the table says', (reason) => {
  expect(meaningOf(reason)).toBe(VOLUME_REASONS[reason]);
});

test.each(['', 'MadeUpByANewerAgent', 'constructor', '__proto__'])('unknown reason "%s" blocks nothing', (reason) => {
  expect(meaningOf(reason)).toEqual({ elsewhere: true, broken: false, recheckWhenSeen: true, concernsPlace: false });
});

test('a volume is planned again by sight whenever its storage may come back', () => {
  const broken = reasons.filter((reason) => VOLUME_REASONS[reason].broken);
  expect(broken.filter((reason) => !VOLUME_REASONS[reason].recheckWhenSeen)).toEqual([]);
});
