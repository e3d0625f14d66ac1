import { expect, test } from 'vitest';
import { GIB, MIB } from '../../model/bytes.ts';
import { inlineVolumeId } from '../../model/inline-volume.ts';
import { NodePublishVolumeRequest } from '../gen/csi.ts';
import { isInline, parseInline } from './inline-volume.ts';

const ID = inlineVolumeId('u-1', 'scratch');
const request = (
  volumeContext: Record<string, string>,
  more: { readonly volumeId?: string; readonly block?: true } = {},
) =>
  NodePublishVolumeRequest.fromPartial({
    volumeId: more.volumeId ?? ID,
    volumeContext: { 'csi.storage.k8s.io/ephemeral': 'true', ...volumeContext },
    volumeCapability: {
      accessType: more.block ? { $case: 'block', value: {} } : { $case: 'mount', value: { fsType: 'xfs' } },
    },
  });

test.each([
  [{ vgName: 'g' }, { vgName: 'g', sizeBytes: GIB, layout: 'linear', limits: {} }],
  [{ vgName: 'g', size: '5Mi' }, { sizeBytes: 5 * MIB }],
  [{ vgName: 'g', lvmType: 'striping' }, { layout: 'striped' }],
  [{ vgName: 'g', bps: '1Mi', iops: '5' }, { limits: { readBps: MIB, writeBps: MIB, readIops: 5, writeIops: 5 } }],
  [{ vgName: 'g', volumeType: 'Device' }, { vgName: 'g' }], // open-local knows inline volumes of groups only
])('%j is %j', (attributes, want) => {
  expect(parseInline(request(attributes))).toMatchObject({ id: ID, fsType: 'xfs', ...want });
});

test.each([
  [{}, 'attribute vgName is missing'],
  [{ vgName: 'g', size: '0' }, 'attribute size: "0" must be more than zero'],
  [{ vgName: 'g', size: 'much' }, 'attribute size'],
  [{ vgName: 'g', bps: 'fast' }, 'bps'],
])('%j is refused', (attributes, message) => {
  expect(() => parseInline(request(attributes))).toThrow(
    expect.objectContaining({ kind: 'invalid', message: expect.stringContaining(message) as string }),
  );
});

test('a block device or a foreign name is refused', () => {
  expect(() => parseInline(request({ vgName: 'g' }, { block: true }))).toThrow('not a block device');
  expect(() => parseInline(request({ vgName: 'g' }, { volumeId: 'csi-1' }))).toThrow('volume_id "csi-1" is not one');
});

test('only what the kubelet says is ephemeral is inline', () => {
  expect(isInline(request({}))).toBe(true);
  expect(isInline({ volumeContext: { 'csi.storage.k8s.io/ephemeral': 'false' } })).toBe(false);
  expect(isInline({ volumeContext: {} })).toBe(false);
});
