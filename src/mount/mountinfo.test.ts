import { expect, test } from 'vitest';
import { mountAt, parseMountinfo } from './mountinfo.ts';

const text = `22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
30 27 253:3 / /var/lib/kubelet/a\\040b rw,relatime shared:12 master:3 - xfs /dev/mapper/pool--0-v1 rw,nouuid
31 27 0:6 /dm-3 /pods/x ro,nosuid - devtmpfs udev rw
32 27 253:4 /sub /proc ro - ext4 /dev/sdb rw

a line of something else
`;

test('fields, escapes and optional fields', () => {
  const entries = parseMountinfo(text);
  expect(entries).toHaveLength(5);
  expect(entries[2]).toEqual({
    majorMinor: '253:3',
    root: '/',
    target: '/var/lib/kubelet/a b',
    options: ['rw', 'relatime'],
    fsType: 'xfs',
    source: '/dev/mapper/pool--0-v1',
  });
  expect(entries[3]).toMatchObject({ root: '/dm-3', fsType: 'devtmpfs', options: ['ro', 'nosuid'] });
});

test('what is seen at a path is the last mount there', () => {
  const entries = parseMountinfo(text);
  expect(mountAt(entries, '/proc')).toMatchObject({ source: '/dev/sdb', root: '/sub' });
  expect(mountAt(entries, '/nothing')).toBeUndefined();
});
