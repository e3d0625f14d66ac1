import { expect, test } from 'vitest';
import { contentUuidOf } from './content-uuid.ts';

const by = (folder: string, name: string): string => `/dev/disk/by-${folder}/${name}`;

test.each<[string, string | undefined, readonly string[], string | undefined]>([
  ['a disk', 'MAJOR=8\nDEVTYPE=disk', [by('id', 'wwn-0x5'), by('path', 'pci-0')], undefined],
  ['a partition by the kernel', 'DEVTYPE=partition\nPARTN=1\nPARTUUID=0a-1\nSEQ=1', [], 'partition 0a-1'],
  ['the kernel before a link', 'PARTUUID=0a-1', [by('partuuid', 'of-another')], 'partition 0a-1'],
  ['a partition by its link', 'PARTN=1', [by('label', 'x'), by('partuuid', '0a-1')], 'partition 0a-1'],
  ['a partition of a DOS table', undefined, [by('partuuid', '12345678-01')], 'partition 12345678-01'],
  ['one of a DOS table without a signature', 'PARTUUID=00000000-01', [], undefined],
  ['one that two tables name', undefined, [by('partuuid', 'a'), by('partuuid', 'b')], undefined],
  ['an array', '', [by('id', 'md-name-x'), by('id', 'md-uuid-1a:2b')], 'array 1a:2b'],
  ['nothing at all', undefined, [], undefined],
])('what the content calls %s', (_, uevent, links, want) => {
  expect(contentUuidOf(uevent, links)).toBe(want);
});
