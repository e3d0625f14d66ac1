import { expect, test } from 'vitest';
import { GIB, MIB } from './bytes.ts';
import { parseInlineAttributes } from './inline-attributes.ts';

test.each([
  [{ vgName: 'g' }, { vgName: 'g', size: GIB, layout: 'linear', limits: {}, fsType: '' }],
  [{ vgName: 'g', size: '5Mi' }, { size: 5 * MIB }],
  [{ vgName: 'g', lvmType: 'striping' }, { layout: 'striped' }],
  [{ vgName: 'g', bps: '1Mi', iops: '50' }, { limits: { readBps: MIB, writeBps: MIB, readIops: 50, writeIops: 50 } }],
  [{ vgName: 'g', volumeType: 'Device' }, { vgName: 'g' }], // open-local knows inline volumes of groups only
  [{ vgName: 'g', 'csi.storage.k8s.io/pod.uid': 'u' }, { vgName: 'g' }],
])('%j is %j', (attributes, want) => {
  expect(parseInlineAttributes(attributes)).toMatchObject(want);
});

test.each([
  [{}, 'attribute vgName is missing from volumeAttributes: name the volume group to use'],
  [
    { vgName: '../x' },
    'attribute vgName: "../x" cannot be a volume group: use up to 127 letters, digits, "_", "+", "." and "-", not "-" first',
  ],
  [{ vgName: 'g', size: '0' }, 'attribute size: "0" must be more than zero'],
  [{ vgName: 'g', size: 'much' }, 'attribute size: "much" is not a quantity such as 10Gi'],
  [{ vgName: 'g', size: '10m' }, 'attribute size: "10m" is not a whole number; did you mean 10M?'],
  [{ vgName: 'g', size: '10MB' }, 'attribute size: "10MB" is not a quantity such as 10Gi; did you mean 10M?'],
  [{ vgName: 'g', lvmType: 'mirror' }, 'attribute lvmType: "mirror" is unknown: use linear, striping'],
  [{ vgName: 'g', bps: '0' }, 'attribute bps: "0" must be more than zero; leave it out for no limit'],
  [{ vgName: 'g', bps: '10m' }, 'attribute bps: "10m" is not a whole number; did you mean 10M?'],
])('%j is refused in the words of an inline volume', (attributes, message) => {
  expect(() => parseInlineAttributes(attributes)).toThrow(expect.objectContaining({ kind: 'invalid', message }));
});

test('a filesystem that cannot be made is refused', () => {
  expect(parseInlineAttributes({ vgName: 'g' }, 'xfs').fsType).toBe('xfs');
  expect(() => parseInlineAttributes({ vgName: 'g' }, 'ntfs')).toThrow('filesystem "ntfs" is not supported');
});
