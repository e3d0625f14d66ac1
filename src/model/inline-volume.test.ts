import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { inlineVolumeId } from './inline-volume.ts';

test('an inline volume has the name that kubelet gives it', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 80 }), fc.string({ maxLength: 80 }), (uid, name) => {
      const hash = createHash('sha256').update(uid).update(name).digest('hex');
      expect(inlineVolumeId(uid, name)).toBe(`csi-${hash}`);
    }),
  );
});

test.each([0, 55, 56, 63, 64, 119, 120, 200])('a text of %d bytes is padded right', (length) => {
  const text = 'x'.repeat(length);
  expect(inlineVolumeId(text, '')).toBe(`csi-${createHash('sha256').update(text).digest('hex')}`);
});
