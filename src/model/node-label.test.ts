import { expect, test } from 'vitest';
import { nodeLabelOf, volumeLabels } from './node-label.ts';

test('a name that a label takes is the label', () => {
  expect(nodeLabelOf('node-a.example.com')).toBe('node-a.example.com');
  expect(nodeLabelOf('n'.repeat(63))).toBe('n'.repeat(63));
});

test('a longer one becomes a value that a label takes, another for each name', () => {
  const [a, b] = ['a', 'b'].map((last) => nodeLabelOf(`${'n'.repeat(252)}${last}`));
  expect(a).toMatch(/^[0-9a-f]{63}$/);
  expect(a).not.toBe(b);
});

test('a LocalVolume is found by its node, and left out of backups', () => {
  expect(volumeLabels('n1')).toEqual({ 'csi.aliyun.com/node': 'n1', 'velero.io/exclude-from-backup': 'true' });
});
