import { expect, test } from 'vitest';
import { sampleDisk, sampleGroup, sampleMount, sampleObservation } from '../storage-fixture.ts';
import { ownDisks } from './own-disks.ts';

const none = (): boolean => false;
const member = (device: string, majorMinor = `8:${device.slice(5)}`) => ({
  ...{ device, uuid: device, majorMinor, size: 1, free: 0, missing: false, allocatable: true },
});
const groupOn = (...devices: readonly string[]) =>
  sampleGroup('pool-0', { devices: devices.map((device) => member(device)) as never });

const carried = (...args: Parameters<typeof ownDisks>) =>
  ownDisks(...args).map(({ device, carries }) => [device.name, ...carries]);

test('the disk below a partition of a group, and no other disk', () => {
  const devices = [
    sampleDisk('sda', { partitions: ['sda1'] }),
    sampleDisk('sda1', { kind: 'partition', disk: 'sda' }),
    sampleDisk('sdb', { partitions: ['sdb1'] }),
    sampleDisk('sdb1', { kind: 'partition', disk: 'sdb' }),
  ];
  expect(carried(sampleObservation({ devices, groups: [groupOn('/dev/sdb1')] }), {}, none)).toEqual([
    ['sdb', 'pool-0'],
  ]);
});

test('both paths of multipath, each member of an array, and nothing that is itself made of disks', () => {
  const devices = [
    sampleDisk('sdb', { holders: ['dm-0'] }),
    sampleDisk('sdc', { holders: ['dm-0'] }),
    sampleDisk('dm-0', { kind: 'device-mapper' }),
    sampleDisk('sdd', { holders: ['md0'] }),
    sampleDisk('md0', { kind: 'md' }),
    sampleDisk('loop0', { kind: 'loop' }),
  ];
  const groups = [groupOn('/dev/dm-0', '/dev/md0', '/dev/loop0')];
  expect(carried(sampleObservation({ devices, groups }), {}, none)).toEqual([
    ['sdb', 'pool-0'],
    ['sdc', 'pool-0'],
    ['sdd', 'pool-0'],
  ]);
});

test('a disk that does not answer is told with the group that it was seen in, which LVM shows without it', () => {
  const devices = [
    sampleDisk('sdb', { holders: ['dm-0'] }),
    sampleDisk('dm-0', { kind: 'device-mapper' }),
    sampleDisk('sdc'),
  ];
  const silent = [{ device: '/dev/dm-0', group: 'pool-0' }];
  const own = ownDisks(sampleObservation({ devices, groups: [groupOn('/dev/sdc')], silent }), {}, none);
  expect(own.map(({ device, carries, isSilent }) => [device.name, carries, isSilent])).toEqual([
    ['sdb', ['pool-0'], true],
    ['sdc', ['pool-0'], undefined],
  ]);
});

test('what is mounted, what is offered, and what the configuration lists by any of its names', () => {
  const devices = [
    sampleDisk('sdb'),
    sampleDisk('sdc'),
    sampleDisk('sdd', { links: ['/dev/disk/by-id/wwn-0x5'] }),
    sampleDisk('sde'),
    sampleDisk('sdf'),
  ];
  const entry = sampleMount('/mnt/open-local/a', { source: '/dev/sdb', majorMinor: '8:sdb' });
  const spec = {
    resourceToBeInited: {
      vgs: [{ name: 'pool-1', devices: ['/dev/disk/by-id/wwn-0x5', '/dev/gone'] }],
      mountpoints: [{ path: '/mnt/open-local/e', device: '/dev/sde' }],
    },
  };
  const seen = sampleObservation({ devices, mountPoints: [{ entry }] });
  expect(carried(seen, spec, (path) => path === '/dev/sdc')).toEqual([
    ['sdb', '/mnt/open-local/a'],
    ['sdc', '/dev/sdc'],
    ['sdd', 'pool-1'],
    ['sde', '/mnt/open-local/e'],
  ]);
});

test('the disk of a group that is not ours is not told of, nor one that is missing', () => {
  const devices = [sampleDisk('sdb')];
  const foreign = [{ ...groupOn('/dev/sdb'), foreign: true }];
  expect(carried(sampleObservation({ devices, groups: foreign }), {}, none)).toEqual([]);
  const missing = sampleGroup('pool-0', {
    devices: [{ ...member('[unknown]'), missing: true }] as never,
  });
  expect(carried(sampleObservation({ devices, groups: [missing] }), {}, none)).toEqual([]);
});
