import { expect, test } from 'vitest';
import type { LocalVolume } from '../../model/local-volume.ts';
import { isVolumeOf } from './volume-of.ts';

const UID = '11111111-2222-3333-4444-555555555555';
const YOUNGER = '66666666-2222-3333-4444-555555555555';
const claim = (uid: string) => ({ metadata: { namespace: 'web', name: 'data-0', uid } });
const volume = (name: string, more: Partial<LocalVolume['spec']> = {}): LocalVolume => ({
  metadata: { name },
  spec: {
    ...{ nodeName: 'n1', kind: 'LVM', vgName: 'pool-0', sizeBytes: 1, role: 'Volume' },
    claim: { namespace: 'web', name: 'data-0' },
    ...more,
  },
});

test.each<[string, LocalVolume]>([
  ['by the uid that is recorded', volume('v', { claim: { namespace: 'web', name: 'data-0', uid: UID } })],
  ['by the name that csi-provisioner gave it', volume(`local-${UID}`)],
])('a volume is of the claim that it was made for, %s, and not of a younger one of its name', (_, made) => {
  expect(isVolumeOf(made, claim(UID))).toBe(true);
  expect(isVolumeOf(made, claim(YOUNGER))).toBe(false);
  expect(isVolumeOf(made, { metadata: { namespace: 'web', name: 'data-0' } })).toBe(true);
});

test('one that does not tell counts by name, and no snapshot does', () => {
  expect(isVolumeOf(volume('by-hand'), claim(UID))).toBe(true);
  expect(isVolumeOf(volume('by-hand', { claim: { namespace: 'web', name: 'data-1' } }), claim(UID))).toBe(false);
  expect(isVolumeOf(volume('by-hand', { claim: { namespace: 'db', name: 'data-0' } }), claim(UID))).toBe(false);
  expect(isVolumeOf(volume('snap', { role: 'Snapshot' }), claim(UID))).toBe(false);
});
