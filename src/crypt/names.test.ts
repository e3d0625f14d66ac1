import { expect, test } from 'vitest';
import { inlineVolumeId } from '../model/inline-volume.ts';
import { labelOf, luksUuidIn, luksUuidOf, mappingNameOf } from './names.ts';

const PVC = 'pvc-5d1c8a52-5c2c-4c47-8d8a-0f5a4a3d9c11';

test('a volume has one UUID for ever, and no two volumes have the same', () => {
  expect(luksUuidOf(PVC)).toBe('50261147-cee1-85bd-8a13-596110f160cb');
  expect(luksUuidOf(`${PVC}0`)).not.toBe(luksUuidOf(PVC));
});

test.each([PVC, inlineVolumeId('u', 'v'), 'v'.repeat(253)])(
  '%s fits into what device-mapper and LUKS2 have room for',
  (id) => {
    const name = mappingNameOf(id);
    expect(`CRYPT-LUKS2-${'0'.repeat(32)}-${name}`.length).toBeLessThan(129 - 1);
    expect(labelOf(id).length).toBeLessThan(48);
  },
);

test('the header behind a mapping is told by the UUID that cryptsetup gives it', () => {
  const uuid = luksUuidOf(PVC);
  expect(luksUuidIn(`CRYPT-LUKS2-${uuid.replaceAll('-', '')}-${mappingNameOf(PVC)}`)).toBe(uuid);
});

test.each(['LVM-abc', 'CRYPT-PLAIN-x', 'CRYPT-LUKS1-50261147cee185bd8a13596110f160cb-x', ''])(
  'a mapping with the UUID "%s" is of no LUKS2 header',
  (mapperUuid) => {
    expect(luksUuidIn(mapperUuid)).toBeUndefined();
  },
);
