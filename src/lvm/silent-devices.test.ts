import { expect, test } from 'vitest';
import { CommandFailed } from '../exec/command-failed.ts';
import { createFakeRun, exits } from '../exec/fake-run.ts';
import { createSilentDevices } from './silent-devices.ts';

const never = new AbortController().signal;
const ended = (argv: readonly string[], what: string, options?: ErrorOptions): CommandFailed =>
  new CommandFailed({ argv, exitCode: undefined, signal: undefined, stdout: '', stderr: '' }, what, options);
const deviceOf = (argv: readonly string[]): string => argv.find((arg) => arg.startsWith('if='))?.slice(3) ?? '';

test('a device that gives an error has answered, as has one whose program could not be started', async () => {
  const failures: Readonly<Record<string, (argv: readonly string[]) => Error>> = {
    '/dev/bad': (argv) => exits(argv, 1, 'Input/output error'),
    '/dev/unknown': (argv) => ended(argv, 'could not be started', { cause: new Error('ENOENT') }),
    '/dev/hung': (argv) => ended(argv, 'took too long'),
  };
  const { run } = createFakeRun((argv) => failures[deviceOf(argv)]?.(argv) ?? '');
  const silent = createSilentDevices(run);
  const all = ['/dev/good', '/dev/bad', '/dev/unknown', '/dev/hung'];
  expect(await silent.withoutAll(all, never)).toEqual(['/dev/good', '/dev/bad', '/dev/unknown']);
  expect([...silent.known]).toEqual(['/dev/hung']);
});

test('one that was silent is asked again, and is forgotten where it is gone', async () => {
  let hangs = true;
  const asked: string[] = [];
  const { run } = createFakeRun((argv) => {
    asked.push(deviceOf(argv));
    return hangs ? ended(argv, 'took too long') : '';
  });
  const silent = createSilentDevices(run);
  await silent.withoutAll(['/dev/a', '/dev/b'], never);
  expect(await silent.without(['/dev/a'], never)).toEqual([]);
  hangs = false;
  expect(await silent.without(['/dev/a', '/dev/b'], never)).toEqual(['/dev/a', '/dev/b']);
  expect(asked).toEqual(['/dev/a', '/dev/b', '/dev/a', '/dev/a']);
});

test('a fault of ours is no silence', async () => {
  const { run } = createFakeRun(() => {
    throw new TypeError('a bug');
  });
  await expect(createSilentDevices(run).withoutAll(['/dev/a'], never)).rejects.toThrow('a bug');
});
