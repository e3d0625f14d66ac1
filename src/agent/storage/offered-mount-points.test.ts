import { expect, test } from 'vitest';
import { sampleMount, sampleObservation } from '../storage-fixture.ts';
import { mountPointStandings, seenMounted } from './offered-mount-points.ts';
import { storageLists } from './storage-info.ts';

const at = (target: string, more: Parameters<typeof sampleMount>[1] = {}) => ({
  entry: sampleMount(target, { majorMinor: `8:${target}`, ...more }),
});
const isManaged = (path: string): boolean => path !== '/mnt/unmanaged';

test('a mount point in memory, and one of another machine, are told and not offered', () => {
  const all = [
    at('/mnt/disk'),
    at('/mnt/memory', { fsType: 'tmpfs', source: 'tmpfs' }),
    at('/mnt/far', { fsType: 'nfs4', source: 'server:/x' }),
    at('/mnt/unmanaged', { fsType: 'tmpfs', source: 'tmpfs' }),
  ];
  expect(mountPointStandings(all, isManaged, [])).toMatchObject([
    { type: 'MountPoint//mnt/memory', ok: false, reason: 'NotOnDisk', message: expect.stringContaining('empty after') },
    { type: 'MountPoint//mnt/far', ok: false, reason: 'NotOnDisk', message: expect.stringContaining('server:/x') },
  ]);
});

test('one that is not mounted at a later look is not called mounted; what is told of others stays', () => {
  const told = [
    { type: 'MountPoint//mnt/a', ok: true, reason: 'Ready', message: '/dev/sdb is mounted.' },
    { type: 'MountPoint//mnt/b', ok: true, reason: 'Ready', message: '/dev/sdc is mounted.' },
    { type: 'MountPoint//mnt/c', ok: false, reason: 'PathTaken', message: 'm' },
    { type: 'VolumeGroup/pool-0', ok: true, reason: 'Ready', message: 'm' },
  ] as const;
  const [, b, ...others] = told;
  const [first, ...rest] = seenMounted(told, [sampleMount('/mnt/b')]);
  expect(first).toMatchObject({ type: 'MountPoint//mnt/a', ok: false, reason: 'MountFailed' });
  expect(rest).toEqual([b, ...others]);
});

test('two mount points that show one filesystem are told and reported as binds, two folders of one are not', () => {
  const one = { majorMinor: '8:17' };
  const all = [at('/mnt/a', one), at('/mnt/b', one), at('/mnt/c', { ...one, root: '/c' }), at('/mnt/d')];
  expect(mountPointStandings(all, isManaged, []).map(({ type, reason }) => [type, reason])).toEqual([
    ['MountPoint//mnt/a', 'MountedTwice'],
    ['MountPoint//mnt/b', 'MountedTwice'],
  ]);
  const { mountPoints } = storageLists(sampleObservation({ mountPoints: all }), []);
  expect(mountPoints.map(({ name, isBind }) => [name, isBind])).toEqual([
    ['/mnt/a', true],
    ['/mnt/b', true],
    ['/mnt/c', true],
    ['/mnt/d', false],
  ]);
  const told = { type: 'MountPoint//mnt/a', ok: false, reason: 'PathTaken', message: 'm' } as const;
  expect(mountPointStandings(all, isManaged, [told]).map(({ type }) => type)).toEqual(['MountPoint//mnt/b']);
});
