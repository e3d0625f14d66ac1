import { expect, test } from 'vitest';
import { filesystemType } from './filesystem-type.ts';

test('filesystems we make', () => {
  expect(filesystemType('')).toBe('ext4');
  expect(filesystemType('xfs')).toBe('xfs');
  expect(() => filesystemType('ntfs')).toThrow('filesystem "ntfs" is not supported: use ext4, xfs');
});
