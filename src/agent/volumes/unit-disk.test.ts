import { expect, test } from 'vitest';
import { bytes, GIB } from '../../model/bytes.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { DISK } from '../../model/well-known.ts';
import { sampleDisk, sampleLocalVolume, sampleMount, unitSpec } from '../storage-fixture.ts';
import { calledOtherwise, findRecorded, identityAt, isInPlace } from './unit-disk.ts';

const disk = (name: string, worldwideName?: string) =>
  sampleDisk(name, worldwideName === undefined ? {} : { worldwideName });
const OURS = `naa.1 ${10 * GIB}`;

const volume = (kind: 'Device' | 'MountPoint', path: string, recorded?: string): LocalVolume => ({
  ...sampleLocalVolume({
    meta: recorded === undefined ? {} : { annotations: { [DISK]: recorded } },
    status: { phase: 'Ready', sizeBytes: GIB, devicePath: path },
  }),
  spec: unitSpec(kind, path),
});

test.each([
  ['where it was', [disk('sdb', 'naa.1'), disk('sdc', 'naa.2')], '/dev/sdb'],
  ['under another name', [disk('sdb', 'naa.2'), disk('sdc', 'naa.1')], '/dev/sdc'],
  ['seen twice', [disk('sda', 'naa.1'), disk('sdb', 'naa.1')], '/dev/sdb'],
  ['seen twice under other names', [disk('sda', 'naa.1'), disk('sdc', 'naa.1')], undefined],
  ['pulled', [disk('sdb', 'naa.2')], undefined],
])('the disk of a volume is found that is %s', (_, devices, want) => {
  expect(findRecorded(volume('Device', '/dev/sdb', OURS), { devices, mounts: [] })?.path).toBe(want);
});

const grownDisk = (name: string) => sampleDisk(name, { worldwideName: 'naa.1', size: bytes(20 * GIB) });
test.each([
  ['under its name', [grownDisk('sdb')], '/dev/sdb'],
  ['under another name, which another disk of that maker may have', [grownDisk('sdc')], undefined],
  ['while a disk of the recorded size is there', [grownDisk('sdb'), disk('sdc', 'naa.1')], '/dev/sdc'],
])('the disk of a volume that has grown is found: %s', (_, devices, want) => {
  const of = volume('Device', '/dev/sdb', OURS);
  expect(findRecorded(of, { devices, mounts: [] })?.path).toBe(want);
  expect(isInPlace(of, { devices, mounts: [] })).toBe(want === '/dev/sdb');
});

test.each([
  ['and as large is', [disk('sdb', 'nvme.144d')], `nvme.144d ${10 * GIB}`],
  ['and not as large is not', [sampleDisk('sdb', { worldwideName: 'nvme.144d', size: bytes(GIB) })], undefined],
  ['is not, while its own is seen elsewhere', [disk('sdb', 'nvme.144d'), disk('sdc', 'naa.1')], undefined],
  ['is not where it tells nothing', [disk('sdb')], undefined],
  ['is not where it is its own', [disk('sdb', 'naa.1')], undefined],
])('what may be the disk of a volume called otherwise: one in its place %s', (_, devices, want) => {
  expect(calledOtherwise(volume('Device', '/dev/sdb', OURS), { devices, mounts: [] })).toBe(want);
});

const mounts = [sampleMount('/mnt/a', { majorMinor: '8:sdb' })];
test.each<[string, LocalVolume, ReturnType<typeof disk>[], boolean]>([
  ['a disk', volume('Device', '/dev/sdb', OURS), [disk('sdb', 'naa.1')], true],
  ['another disk of that name', volume('Device', '/dev/sdb', OURS), [disk('sdb', 'naa.2')], false],
  ['a disk that tells nothing any more', volume('Device', '/dev/sdb', OURS), [disk('sdb')], false],
  ['a disk that never told anything', volume('Device', '/dev/sdb'), [disk('sdb')], true],
  ['no disk', volume('Device', '/dev/sdb'), [], false],
  ['a filesystem', volume('MountPoint', '/mnt/a', OURS), [disk('sdb', 'naa.1')], true],
  ['the filesystem of another disk', volume('MountPoint', '/mnt/a', OURS), [disk('sdb', 'naa.2')], false],
  ['a filesystem on a disk that never told anything', volume('MountPoint', '/mnt/a'), [disk('sdb')], true],
  ['a filesystem on a disk that has grown', volume('MountPoint', '/mnt/a', OURS), [grownDisk('sdb')], true],
  ['no filesystem', volume('MountPoint', '/mnt/b'), [disk('sdb')], false],
])('%s', (_, of, devices, want) => {
  expect(isInPlace(of, { devices, mounts })).toBe(want);
});

test('what is recorded is the disk behind a filesystem too', () => {
  const devices = [disk('sdb', 'naa.1')];
  expect(identityAt(volume('MountPoint', '/mnt/a'), '/mnt/a', { devices, mounts })).toBe(OURS);
  expect(identityAt(volume('Device', '/dev/sdb'), '/dev/sdb', { devices, mounts })).toBe(OURS);
});
