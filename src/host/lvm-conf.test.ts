import { expect, test } from 'vitest';
import { isRejected, parseLvmConf, pvidsIn } from './lvm-conf.ts';

test('settings are read wherever they stand, comments are not, and what comes later counts', () => {
  const text = `# filter = [ "r|.*|" ]
devices {
  filter = [ "a|^/dev/sd[a-c]$|", # the disks
             "r|.*|" ]
  use_devicesfile = 1   # RHEL 9
  devicesfile = "own.devices"
}
global { use_lvmetad = 1 }
devices/global_filter="r|/dev/drbd.*|"`;
  expect(parseLvmConf([text, 'global/use_lvmetad=0'])).toEqual({
    filters: [['a|^/dev/sd[a-c]$|', 'r|.*|'], ['r|/dev/drbd.*|']],
    useDevicesFile: true,
    devicesFile: 'own.devices',
    useLvmetad: false,
  });
});

test('nothing is set in what Debian and RHEL ship', () => {
  expect(parseLvmConf(['devices {\n\t# use_devicesfile = 0\n\tdir = "/dev"\n}\n'])).toEqual({
    filters: [],
    devicesFile: 'system.devices',
    useLvmetad: false,
  });
});

test.each([
  ['nothing matches', ['a|^/dev/sda|'], ['/dev/sdb'], false],
  ['all but one disk', ['a|^/dev/sda|', 'r|.*|'], ['/dev/sdb'], true],
  ['the first match counts', ['r|^/dev/sdb$|', 'a|.*|'], ['/dev/sdb'], true],
  ['one accepted name is enough', ['a|^/dev/disk/by-id/|', 'r|.*|'], ['/dev/sdb', '/dev/disk/by-id/wwn-1'], false],
  ['other delimiters', ['a(^/dev/sda$)', 'r{.*}'], ['/dev/sdb'], true],
  ['a pattern that cannot be read', ['r|(|', 'broken'], ['/dev/sdb'], false],
])('%s', (_, filter, names, rejected) => {
  expect(isRejected(filter, names)).toBe(rejected);
});

test('a devices file names physical volumes by UUID', () => {
  const text = `# LVM uses devices listed in this file.
VERSION=1.1.3
IDTYPE=sys_wwid IDNAME=naa.5000c DEVNAME=/dev/sda3 PVID=2wSjK5KkzvbsCcXGjpAfWBpwLCPzVeTd PART=3
IDTYPE=devname IDNAME=/dev/sdb DEVNAME=/dev/sdb PVID=.
`;
  expect([...pvidsIn(text)]).toEqual(['2wSjK5KkzvbsCcXGjpAfWBpwLCPzVeTd']);
});
