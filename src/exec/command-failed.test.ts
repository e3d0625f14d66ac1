import { expect, test } from 'vitest';
import { CommandFailed } from './command-failed.ts';

const failed = (stderr: string): string =>
  new CommandFailed(
    { argv: ['mkfs.xfs', '/dev/x'], exitCode: 1, signal: undefined, stdout: '', stderr },
    'exited with 1',
  ).message;

test('a short text is told whole', () => {
  expect(failed('  broken\n')).toBe('mkfs.xfs /dev/x exited with 1: broken');
  expect(failed('')).toBe('mkfs.xfs /dev/x exited with 1');
});

test('the reason is told whether it stands first, before the usage, or last', () => {
  const usage = '[-b size=num] [-m crc=0|1]\n'.repeat(100);
  expect(failed(`Filesystem must be larger than 300MB.\n${usage}`)).toContain('must be larger than 300MB.');
  expect(failed(`${usage}no such device\n`)).toMatch(/no such device$/);
  expect(failed(usage).length).toBeLessThan(1000);
});

test('of a long text the first 300 and the last 500 characters are told, of one of 800 everything', () => {
  const whole = `${'a'.repeat(300)}${'b'.repeat(500)}`;
  expect(failed(whole)).toBe(`mkfs.xfs /dev/x exited with 1: ${whole}`);
  const cut = `${'a'.repeat(300)} … ${'b'.repeat(500)}`;
  expect(failed(`${'a'.repeat(300)}x${'b'.repeat(500)}`)).toBe(`mkfs.xfs /dev/x exited with 1: ${cut}`);
});

test('of what a program was told the beginning and the end are told, so that what became of it is not cut off', () => {
  const argv = ['lvm', 'lvcreate', `filter=${'/dev/sda|'.repeat(5000)}`, '--', 'pool-0'];
  const { message, what } = new CommandFailed({ argv, ...NOTHING }, 'did not end within 300000 ms');
  expect(message).toMatch(/^lvm lvcreate filter=.* … .* -- pool-0 did not end within 300000 ms$/);
  expect(message.length).toBeLessThan(500);
  expect(what).toBe('did not end within 300000 ms');
});

const NOTHING = { exitCode: undefined, signal: undefined, stdout: '', stderr: '' };
