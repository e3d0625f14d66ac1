import { expect, test } from 'vitest';
import { linksTo, managedNames } from './managed-names.ts';

const found = { volumeGroups: ['pool-0'], mountPoints: [], devices: ['/dev/sdb', '/dev/sdc', '/dev/dm-0'] };
const links = linksTo([
  { path: '/dev/sdb', links: ['/dev/disk/by-id/wwn-0x5'] },
  { path: '/dev/sdc' },
  { path: '/dev/dm-0', links: ['/dev/mapper/mpatha'] },
]);

test.each([
  [['/dev/disk/by-id/wwn-0x5', '/dev/mapper/mpath.'], [], ['/dev/dm-0', '/dev/sdb']],
  [['/dev/.*'], ['/dev/disk/by-id/wwn-.*'], ['/dev/dm-0', '/dev/sdc']],
  [['/dev/.*'], ['/dev/sdb', '/dev/dm-.*'], ['/dev/sdc']],
])('devices by any of their names: %j without %j are %j', (include, exclude, devices) => {
  expect(managedNames(found, { devices: { include, exclude } }, {}, links)).toMatchObject({
    managed: { devices },
    problems: [],
    unused: [],
  });
});

test('patterns that hold for nothing on the node are told', () => {
  const lists = { vgs: { include: ['pool-0', 'pool-9'] }, devices: { include: ['/dev/sd.'], exclude: ['/dev/sdz'] } };
  expect(managedNames(found, lists, {}, links).unused).toEqual([
    'spec.listConfig.vgs: "pool-9" matches nothing here.',
    'spec.listConfig.devices: "/dev/sdz" matches nothing here.',
  ]);
});
