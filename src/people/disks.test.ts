import { expect, test } from 'vitest';
import type { NodeLocalStorage } from '../model/objects.ts';
import { complaintsOf, disksOf, refusedDisks } from './disks.ts';
import { sampleDevice } from './device-fixture.ts';
import { tellDisks } from './tell-disks.ts';

const REFUSED = {
  type: 'VolumeGroup/pool',
  status: 'False' as const,
  reason: 'DeviceRefused',
  message:
    '/dev/sdc carries filesystem ext4: left alone. If nothing on it is needed: wipefs -a /dev/sdc. /dev/disk/by-id/gone is not there: left alone. Check the name, the cable and the disk.',
  lastTransitionTime: '2026-01-01T00:00:00Z',
};

/** A node whose report has everything that can become of a disk. */
const node = (more: Partial<NonNullable<NodeLocalStorage['status']>> = {}): NodeLocalStorage => ({
  metadata: { name: 'n1' },
  spec: { resourceToBeInited: { vgs: [{ name: 'pool', devices: ['/dev/sdb', '/dev/sdc', '/dev/disk/by-id/gone'] }] } },
  status: {
    nodeStorageInfo: {
      deviceInfo: [
        sampleDevice('/dev/sda', { inUse: 'is mounted at /' }),
        sampleDevice('/dev/sdb', { inUse: 'belongs to volume group pool' }),
        sampleDevice('/dev/sdc'),
        sampleDevice('/dev/sdd'),
        sampleDevice('/dev/sde'),
        sampleDevice('/dev/sdf', { inUse: 'belongs to volume local-1' }),
        sampleDevice('/dev/sdg', { inUse: 'belongs to volume group theirs' }),
        sampleDevice('/dev/sdh', { inUse: 'is mounted at /mnt/open-local/a' }),
        sampleDevice('/dev/sdi', { readOnly: true }),
        sampleDevice('/dev/sdj', { total: 0, condition: 'DiskFault' }),
      ],
      volumeGroups: [
        { name: 'pool', physicalVolumes: ['/dev/sdb'], total: 1, available: 1, allocatable: 1 },
        { name: 'theirs', physicalVolumes: ['/dev/sdg'], total: 1, available: 1, allocatable: 1 },
      ],
      mountPoints: [
        { name: '/mnt/open-local/a', device: '/dev/sdh', total: 1, available: 1, isBind: false, readOnly: false },
      ],
    },
    filteredStorageInfo: { volumeGroups: ['pool'], devices: ['/dev/sde', '/dev/sdf'] },
    conditions: [REFUSED],
    ...more,
  },
});

test.each([
  { name: '/dev/sda', state: 'other', why: ['is mounted at /'] },
  { name: '/dev/sdb', state: 'group', use: 'group pool', why: [] },
  {
    name: '/dev/sdc',
    state: 'refused',
    why: ['carries filesystem ext4: left alone. If nothing on it is needed: wipefs -a /dev/sdc.'],
  },
  { name: '/dev/sdd', state: 'unused', why: ['no list of the configuration names it'] },
  { name: '/dev/sde', state: 'offered', use: 'free for a claim', why: [] },
  { name: '/dev/sdf', state: 'volume', use: 'volume local-1', why: [] },
  { name: '/dev/sdg', state: 'other', use: 'group theirs', why: ['listConfig.vgs does not include the group'] },
  { name: '/dev/sdh', state: 'mount', use: 'mount point /mnt/open-local/a', why: [] },
  { name: '/dev/sdi', state: 'other', why: ['is read-only'] },
  { name: '/dev/sdj', state: 'other', why: ['has no size any more: see whether it is still there'] },
  {
    name: '/dev/disk/by-id/gone',
    state: 'refused',
    why: ['is not there: left alone. Check the name, the cable and the disk.'],
  },
])('$name is $state', (expected) => {
  const { size: _, ...found } = disksOf([node()]).find(({ name }) => name === expected.name) ?? {};
  expect(found).toEqual({ node: 'n1', ...expected });
});

test('a disk that the machine hides from lvm says so, whatever uses it', () => {
  const host = { hiddenDisks: [{ device: '/dev/sdb', by: 'filter of lvm.conf' }] };
  const disk = disksOf([node({ host })]).find(({ name }) => name === '/dev/sdb');
  expect(disk).toMatchObject({ state: 'group', why: ["the machine's own lvm does not see it: filter of lvm.conf"] });
});

test('a disk is not taken for one whose name begins alike', () => {
  const more = { ...REFUSED, message: '/dev/sdc1 is mounted at /data: left alone. Take it off the list.' };
  const nls = node({ conditions: [more] });
  expect([
    ...refusedDisks({
      ...nls,
      spec: { resourceToBeInited: { vgs: [{ name: 'pool', devices: ['/dev/sdc', '/dev/sdc1'] }] } },
    }),
  ]).toEqual([['/dev/sdc1', 'is mounted at /data: left alone. Take it off the list.']]);
});

test('what a node refuses is told in full below the table, and no line is broken', () => {
  const lines = tellDisks(disksOf([node()]), complaintsOf([node()]), { width: 80, colour: false });
  expect(lines.filter(({ length }) => length > 80)).toEqual([]);
  expect(lines).toContainEqual(expect.stringMatching(/^n1 +\/dev\/sdc +1Gi .* refused: carries filesystem ext4$/));
  expect(lines.join(' ')).toContain(`n1 VolumeGroup/pool (DeviceRefused): ${REFUSED.message}`);
});

test('a disk that fails says so before anything else, and its condition is told in full', () => {
  const message = 'disk /dev/sdb, which carries pool, fails: many commands to it fail. See the log of the kernel.';
  const failing = { device: '/dev/sdb', reason: 'IoErrors', message, carries: ['pool'] };
  const condition = { ...REFUSED, type: 'Disk/sdb', reason: 'IoErrors', message };
  const nls = node({ failingDisks: [failing], conditions: [condition] });
  expect(disksOf([nls]).find(({ name }) => name === '/dev/sdb')?.why).toEqual(['it fails (IoErrors)']);
  expect(complaintsOf([nls])).toEqual([{ node: 'n1', type: 'Disk/sdb', reason: 'IoErrors', message }]);
});
