import { expect, test } from 'vitest';
import { copiedDisks } from './copied-disks.ts';
import { sampleDisk, sampleGroup } from './storage-fixture.ts';

const report = { groups: [sampleGroup('g')], orphans: [], duplicates: [{ device: '/dev/sdc', uuid: 'pv-g' }] };
const disk = (name: string, serial?: string) => sampleDisk(name, serial === undefined ? {} : { serial });

test.each([
  ['another disk', [disk('sdb', 'a'), disk('sdc', 'b')], ['/dev/sdc']],
  ['a disk that tells nothing', [disk('sdb'), disk('sdc')], ['/dev/sdc']],
  ['another path to the same disk', [disk('sdb', 'a'), disk('sdc', 'a')], []],
])('the physical volume of a member on %s', (_, devices, copies) => {
  expect(copiedDisks(report, devices).map(({ device }) => device)).toEqual(copies);
});
