import { expect, test } from 'vitest';
import { GIB } from '../../model/bytes.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { DISK, FILESYSTEM } from '../../model/well-known.ts';
import { sampleDisk, sampleLocalVolume, sampleMount, sampleObservation, unitSpec } from '../storage-fixture.ts';
import { otherOwner, ownerAmong } from './unit-owner.ts';

const disk = (name: string, serial: string, more: Parameters<typeof sampleDisk>[1] = {}) =>
  sampleDisk(name, { serial, ...more });
const identity = (serial: string): string => `${serial} ${10 * GIB}`;

const unit = (
  name: string,
  kind: 'Device' | 'MountPoint',
  path: string,
  annotations: Readonly<Record<string, string>> = {},
): LocalVolume => ({
  ...sampleLocalVolume({
    meta: { name, annotations },
    status: { phase: 'Ready', sizeBytes: GIB, devicePath: path },
  }),
  spec: unitSpec(kind, path),
});
const byName = (...volumes: readonly LocalVolume[]) =>
  new Map(volumes.map((volume) => [volume.metadata.name ?? '', volume]));

/** After a boot: the disk of volume a was /dev/sdb, and is /dev/sdc now. */
const swapped = sampleObservation({
  devices: [
    disk('sdb', 'other'),
    disk('sdc', 'own', { partitions: ['sdc1'] }),
    disk('sdc1', '', { kind: 'partition', disk: 'sdc' }),
    disk('sdd', 'own'),
    disk('sde', 'free'),
  ],
});
const a = unit('a', 'Device', '/dev/sdb', { [DISK]: identity('own') });

test.each([
  ['the name that the volume was told', '/dev/sdb', 'a'],
  ['its disk under another name', '/dev/sdc', 'a'],
  ['a partition that a pod made on it', '/dev/sdc1', 'a'],
  ['another path to it', '/dev/sdd', 'a'],
  ['a disk of nobody', '/dev/sde', undefined],
  ['no disk', '/dev/sdz', undefined],
])('%s has an owner: %s is of %s', (_, path, owner) => {
  expect(ownerAmong(byName(a))(path, swapped)).toBe(owner);
});

test('a volume of which no disk is recorded owns its path, and an LVM volume no disk', () => {
  const named = byName(unit('b', 'Device', '/dev/sde'), sampleLocalVolume());
  expect(ownerAmong(named)('/dev/sde', swapped)).toBe('b');
  expect(ownerAmong(named)('/dev/sdc', swapped)).toBeUndefined();
});

test('a filesystem is its volume’s wherever it is mounted', () => {
  const mounted = (target: string, uuid: string) => ({ entry: sampleMount(target), identity: `ext4 ${uuid} /` });
  const places = sampleObservation({ mountPoints: [mounted('/mnt/a', 'u2'), mounted('/mnt/b', 'u1')] });
  const volumes = byName(unit('m', 'MountPoint', '/mnt/a', { [FILESYSTEM]: 'ext4 u1 /' }));
  expect(ownerAmong(volumes)('/mnt/b', places)).toBe('m');
  const next = unit('next', 'MountPoint', '/mnt/b');
  expect(otherOwner(next, '/mnt/b', places, volumes)).toBe('m');
  expect(otherOwner(next, '/mnt/a', places, volumes)).toBeUndefined();
});

test('a new volume may have the name of another’s disk, and never the disk', () => {
  const next = unit('next', 'Device', '/dev/sdb');
  const others = byName(a, next);
  expect(otherOwner(next, '/dev/sdb', swapped, others)).toBeUndefined();
  expect(otherOwner(next, '/dev/sdc', swapped, others)).toBe('a');
  expect(otherOwner(a, '/dev/sdc', swapped, others)).toBeUndefined(); // its own
  const unmade = { ...unit('b', 'Device', '/dev/sde'), status: {} };
  expect(otherOwner(next, '/dev/sde', swapped, byName(unmade))).toBeUndefined();
  expect(otherOwner(next, '/dev/sdc', swapped, byName({ ...a, status: {} }))).toBe('a'); // cut after it was recorded
});
