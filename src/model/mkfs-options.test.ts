import { expect, test } from 'vitest';
import { parseMkfsOptions } from './mkfs-options.ts';

test.each<[string, string, readonly string[]]>([
  ['xfs', ' -m reflink=0,bigtime=0  -n ftype=1 -K ', ['-m', 'reflink=0,bigtime=0', '-n', 'ftype=1', '-K']],
  [
    'ext4',
    '-O ^metadata_csum,64bit -i 65536 -E nodiscard',
    ['-O', '^metadata_csum,64bit', '-i', '65536', '-E', 'nodiscard'],
  ],
  ['', '-m 1', ['-m', '1']],
  ['btrfs', '-m dup -O no-holes --csum xxhash', ['-m', 'dup', '-O', 'no-holes', '--csum', 'xxhash']],
  ['xfs', '', []],
])('%s: "%s" is taken', (fsType, text, want) => {
  expect(parseMkfsOptions(text, fsType)).toEqual(want);
});

test.each([
  ['xfs', '-f', '"-f" is not an option that mkfs.xfs may be given: use -b, -d'],
  ['xfs', '-m uuid=u-1', '-m uuid=u-1'],
  ['xfs', '-d file=1,name=/etc/passwd', 'use agcount'],
  ['xfs', '-l logdev=/dev/sda', 'logdev'],
  ['xfs', '-m', '"-m "'],
  ['ext4', '-F', '"-F"'],
  ['ext4', '-U random', '"-U"'],
  ['ext4', '-J device=/dev/sda', 'use size'],
  ['ext4', '-d /etc', '"-d"'],
  ['ext4', '-E offset=5', 'use stride'],
  ['ext4', '-i -n', '-i -n'],
  ['ext4', '/dev/sda', '"/dev/sda"'],
  ['ext4', '-- /dev/sda', '"--"'],
  ['ext4', '-b 1024;reboot', '1024;reboot'],
  ['ext4', '-O a,/dev/x', '/dev/x'],
  ['btrfs', '-d raid0', 'use single, dup'],
  ['btrfs', '--rootdir /etc', '--rootdir'],
  ['btrfs', 'constructor x', '"constructor"'],
])('%s: "%s" is refused', (fsType, text, message) => {
  expect(() => parseMkfsOptions(text, fsType)).toThrow(
    expect.objectContaining({ kind: 'invalid', message: expect.stringContaining(message) as string }),
  );
});
