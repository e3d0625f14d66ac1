import { expect, test } from 'vitest';
import { exits } from '../exec/fake-run.ts';
import { CommandFailed } from '../exec/command-failed.ts';
import type { Fault } from '../model/fault.ts';
import { concernsGroup, faultFromLvm, isAboutLocks, isLargeEnoughAlready } from './errors.ts';

const said = (stderr: string, code = 5) => exits(['lvm', 'lvcreate', 'x'], code, stderr);
const NOISE = '  WARNING: Activation disabled. No device-mapper interaction will be attempted.\n';

// The texts are those of lvm2 2.03.16; test/lvm asks the real one.
test.each([
  ['  Volume group "g" has insufficient free space (504 extents): 2385 required.', 'exhausted'],
  ['  Insufficient free space: 3996 extents needed, but only 503 available', 'exhausted'],
  ['  Insufficient suitable allocatable extents for logical volume v: 3 more required', 'exhausted'],
  ['  Logical Volume "v2" already exists in volume group "g"', 'conflict'],
  ['  A volume group called g already exists.', 'conflict'],
  ['  Volume group "g" not found\n  Cannot process volume group g', 'not-found'],
  ['  Failed to find logical volume "g/v"', 'not-found'],
  ['  No device found for /dev/loop99.', 'not-found'],
  ['  Logical volume g/v contains a filesystem in use.', 'precondition'],
  ['  Aborted wiping of ext4.\n  1 existing signature left on the device.', 'precondition'],
  [`  Can't initialize physical volume "/dev/a" of volume group "g" without -ff.`, 'precondition'],
  ["  Physical volume '/dev/a' is already in volume group 'g'", 'precondition'],
  ['  Something nobody has seen before', 'unavailable'],
])('%s', (stderr, kind) => {
  expect(faultFromLvm(said(NOISE + stderr))).toMatchObject({ name: 'Fault', kind });
});

test('the message is what lvm said, without the noise', () => {
  expect(faultFromLvm(said(`${NOISE}  Failed to find logical volume "g/v"\n`))).toMatchObject({
    message: 'lvm lvcreate: Failed to find logical volume "g/v"',
  });
});

test('a command line lvm does not take is our request being invalid', () => {
  expect(
    faultFromLvm(said('  Names starting "snapshot" are reserved.\n  Run `lvcreate --help\' for more', 3)),
  ).toMatchObject({
    kind: 'invalid',
    message: 'lvm lvcreate: Names starting "snapshot" are reserved.',
  });
});

const DEVICES = `devices { filter=[ "a|^/dev/(${'sdaa|'.repeat(5000)}sdb)$|" ] }`;
const unended = (what: string) => {
  const argv = ['lvm', 'lvcreate', '--config', DEVICES, '--', 'g'];
  return faultFromLvm(
    new CommandFailed({ argv, exitCode: undefined, signal: 'SIGKILL', stdout: '', stderr: '' }, what),
  );
};

test('of a command that waits for ever it is told for what it may, and how a person finds out', () => {
  for (const what of ['did not end within 300000 ms', 'was not started: an earlier one hangs and cannot be killed'])
    expect(unended(what)).toMatchObject({
      kind: 'unavailable',
      message: `lvm lvcreate ${what}: it waits for a disk, for the lock of another lvm command, or for udev. On the node: dmesg tells of disks, fuser -v /run/lock/lvm/* who has a lock, dmsetup udevcookies whether udev has not answered`,
    });
  expect(unended('was ended by SIGKILL')).toMatchObject({ message: 'lvm lvcreate was ended by SIGKILL' });
});

test('the reason stands before warnings, of which there may be one for each disk', () => {
  const warnings = (from: number) =>
    Array.from({ length: 100 }, (_, at) => `  WARNING: PV /dev/sd${from + at} is using an old PV header`).join('\n');
  const { message, kind } = faultFromLvm(
    said(`${warnings(0)}\n  Volume group "g" has insufficient free space\n${warnings(100)}`),
  ) as Fault;
  expect(kind).toBe('exhausted');
  expect(message).toMatch(/^lvm lvcreate: Volume group "g" has insufficient free space WARNING: PV .* …$/);
  expect(message.length).toBeLessThan(900);
  expect(faultFromLvm(said('  WARNING: VG g is odd'))).toMatchObject({ message: 'lvm lvcreate: WARNING: VG g is odd' });
});

test('a lock that lvm cannot have is about locks, whatever the reason', () => {
  const asFault = (text: string) => isAboutLocks(faultFromLvm(said(text)));
  expect(asFault('  /run/lock/lvm/P_global:aux: open failed: No space left on device')).toBe(true);
  expect(asFault('  /run/lock/lvm/V_pool-0:aux: open failed: Read-only file system')).toBe(true);
  expect(asFault('  /dev/sda: open failed: No medium found')).toBe(false);
});

test('what is no failed command stays what it is', () => {
  const bug = new TypeError('x');
  expect(faultFromLvm(bug)).toBe(bug);
});

test.each([
  ['  New size (3 extents) matches existing size (3 extents).', true],
  ['  New size given (2 extents) not larger than existing size (3 extents)', true],
  ['  Insufficient free space: 3996 extents needed', false],
  ['  No size change.', true],
])('%s: large enough is %s', (stderr, want) => {
  expect(isLargeEnoughAlready(said(stderr))).toBe(want);
});

test.each([
  ['  Error writing device /dev/loop3 at 7168 length 1536.\n  Failed to write VG g.', true],
  ['  Volume group g is read-only', true],
  [
    '  Volume "g/v" is not active locally (volume_list activation filter?).\n  Aborting. Failed to wipe start of new LV.',
    true,
  ],
  ['  Cannot change VG g while PVs are missing.\n  Cannot process volume group g', true],
  ['  VG g 14339 metadata on /dev/a (521537 bytes) exceeds maximum metadata size (521472 bytes)', true],
  ['  VG g 7 metadata on /dev/a (9 bytes) too large for circular buffer (10 bytes with 8 used)', true],
  ["  /run/lock/lvm/V_g: flock failed: Resource temporarily unavailable\n  Can't get lock for g.", true],
  ['  Multiple VGs found with the same name: skipping g', true],
  ['  /run/lock: mkdir failed: No such file or directory\n  File locking initialisation failed.', true],
  [
    '  Limit for the maximum number of semaphores reached. You can check and set the limits in /proc/sys/kernel/sem.',
    true,
  ],
  ['  Cannot access VG g with lock type sanlock that requires lvmlockd.', true],
  ['  /dev/a: read failed after 0 of 4096 at 0: Input/output error', true],
  ['  Volume group "g" has insufficient free space (504 extents): 2385 required.', false],
  ['  Logical Volume "v" already exists in volume group "g"', false],
  ['  Something nobody has seen before', false],
])('%s: about the whole group is %s', (stderr, want) => {
  expect(concernsGroup(faultFromLvm(said(NOISE + stderr)))).toBe(want);
});

test('a command that hung says that the group does not answer; an error of our own says nothing of it', () => {
  const hung = { argv: ['lvm', 'lvcreate'], exitCode: undefined, signal: 'SIGKILL', stdout: '', stderr: '' };
  expect(concernsGroup(faultFromLvm(new CommandFailed(hung, 'was ended')))).toBe(true);
  expect(concernsGroup(new TypeError('x'))).toBe(false);
});
