import { expect, test } from 'vitest';
import { bytes, GIB } from '../../model/bytes.ts';
import { nodeLabelOf } from '../../model/node-label.ts';
import { newLocalVolume } from './local-volume.ts';

test('a node with a name too long for a label is named whole in the spec, and by its label for the agent', () => {
  const node = `${'n'.repeat(100)}.example.com`;
  const wanted = {
    ...{ id: 'v', name: 'v', asked: {}, size: bytes(GIB), usage: { block: false }, attributes: {}, parameters: {} },
    policy: { kind: 'LVM', layout: 'linear', limits: {} },
  } as const;
  const { metadata, spec } = newLocalVolume(wanted, { kind: 'LVM', node, vgName: 'pool-0', size: bytes(GIB) });
  expect(spec.nodeName).toBe(node);
  expect(metadata.labels).toMatchObject({ 'csi.aliyun.com/node': nodeLabelOf(node) });
  expect(nodeLabelOf(node).length).toBeLessThanOrEqual(63);
});
