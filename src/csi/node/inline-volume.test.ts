import { expect, test } from 'vitest';
import { MIB } from '../../model/bytes.ts';
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

test('the attributes are read as the scheduler reads them', () => {
  expect(parseInline(request({ vgName: 'g', size: '5Mi', bps: '1Mi' }))).toMatchObject({
    id: ID,
    fsType: 'xfs',
    vgName: 'g',
    sizeBytes: 300 * MIB, // what xfs needs,
    layout: 'linear',
    limits: { readBps: MIB, writeBps: MIB },
  });
  expect(() => parseInline(request({ vgName: 'g', lvmType: 'mirror' }))).toThrow('attribute lvmType: "mirror"');
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
