import { expect, test } from 'vitest';
import { isSameView, mountAt, parseMountinfo, stateAfterErrors, viewAt } from './mountinfo.ts';

const text = `22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,context="a:b:c:s0:c1,c2",discard
30 27 253:3 / /var/lib/kubelet/a\\040b rw,relatime shared:12 master:3 - xfs /dev/mapper/pool--0-v1 rw,nouuid
31 27 0:6 /dm-3 /pods/x ro,nosuid - devtmpfs udev rw
32 27 253:4 /sub /proc ro - ext4 /dev/sdb rw

a line of something else
`;

test('fields, escapes and optional fields', () => {
  const entries = parseMountinfo(text);
  expect(entries).toHaveLength(5);
  expect(entries[2]).toEqual({
    id: 30,
    majorMinor: '253:3',
    root: '/',
    target: '/var/lib/kubelet/a b',
    options: ['rw', 'relatime'],
    filesystemOptions: ['rw', 'nouuid'],
    fsType: 'xfs',
    source: '/dev/mapper/pool--0-v1',
  });
  expect(entries[1]?.filesystemOptions).toEqual(['rw', 'context="a:b:c:s0:c1,c2"', 'discard']);
  expect(entries[3]).toMatchObject({ root: '/dm-3', fsType: 'devtmpfs', options: ['ro', 'nosuid'] });
});

test('what is seen at a path is the last mount there', () => {
  const entries = parseMountinfo(text);
  expect(mountAt(entries, '/proc')).toMatchObject({ source: '/dev/sdb', root: '/sub' });
  expect(mountAt(entries, '/nothing')).toBeUndefined();
});

test.each([
  ['/var/lib/kubelet/a b', { majorMinor: '253:3', root: '/' }],
  ['/var/lib/kubelet/a b/c/d', { majorMinor: '253:3', root: '/c/d' }],
  ['/var/lib/kubelet/a bc', { majorMinor: '254:0', root: '/var/lib/kubelet/a bc' }],
  ['/proc/x', { majorMinor: '253:4', root: '/sub/x' }],
  ['/', { majorMinor: '254:0', root: '/' }],
])('%s leads to what the table says', (path, want) => {
  expect(viewAt(parseMountinfo(text), path)).toMatchObject(want);
});

test('two paths show the same when filesystem and folder are the same', () => {
  const entries = parseMountinfo(`${text}33 27 253:4 /sub /other ro - ext4 /dev/disk/by-id/x rw\n`);
  const view = (path: string) => viewAt(entries, path) ?? { majorMinor: '', root: '', source: '' };
  expect(isSameView(view('/proc'), view('/other'))).toBe(true);
  expect(isSameView(view('/proc'), view('/other/a'))).toBe(false);
  expect(isSameView(view('/proc'), view('/'))).toBe(false);
});

test.each([
  ['rw,relatime', 'rw,discard', undefined],
  ['ro,relatime', 'ro,discard', undefined],
  ['ro,relatime', 'rw,discard', undefined],
  ['rw,relatime', 'ro,discard', 'read-only'],
  ['rw,relatime', 'rw,emergency_ro', 'read-only'],
  ['rw,relatime', 'rw,shutdown', 'shut-down'],
])('a mount %s of a filesystem %s: what the kernel did to it', (mount, filesystem, state) => {
  const [entry] = parseMountinfo(`32 27 253:4 / /x ${mount} - ext4 /dev/sdb ${filesystem}\n`);
  expect(entry && stateAfterErrors(entry)).toBe(state);
});
