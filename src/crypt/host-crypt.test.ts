import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createFakeRun, exits, type Script } from '../exec/fake-run.ts';
import { createHostCrypt } from './host-crypt.ts';

const never = new AbortController().signal;
const KEY = Buffer.from('the key itself\n');
const ADDED = Buffer.from('another');

function cryptOn(script: Script) {
  const stdin: unknown[] = [];
  const { run, calls } = createFakeRun((argv, options, signal) => {
    stdin.push(options.stdin);
    return script(argv, options, signal);
  });
  return { crypt: createHostCrypt(run), calls, stdin };
}

test('a key is on stdin as it is, and in no argument', async () => {
  const { crypt, calls, stdin } = cryptOn(() => '');
  await crypt.format('/dev/x', { uuid: 'u', label: 'v1', key: KEY, sectorSize: 512 }, never);
  await crypt.opens('/dev/x', KEY, never);
  await crypt.open({ device: '/dev/x', name: 'n', key: KEY }, never);
  await crypt.resize('n', KEY, never);
  await crypt.removeKey('/dev/x', KEY, never);
  expect(stdin).toEqual([KEY, KEY, KEY, KEY, KEY]);
  expect(JSON.stringify(calls)).not.toContain('the key itself');
});

test('a key is added by both keys on stdin, cut at the length of the first', async () => {
  const { crypt, calls, stdin } = cryptOn(() => '');
  await crypt.addKey('/dev/x', { key: KEY, added: ADDED }, never);
  expect(stdin).toEqual([Buffer.concat([KEY, ADDED])]);
  expect(calls[0]).toEqual(expect.arrayContaining(['--keyfile-size', String(KEY.length)]));
});

test.each([
  ['a wrong key', 2, 'No key available with this passphrase.'],
  ['any key, of a header whose slots were erased', 1, 'No usable keyslot is available.'],
])('%s is an answer and no failure', async (_, code, stderr) => {
  const { crypt } = cryptOn((argv) => exits(argv, code, stderr));
  expect(await crypt.opens('/dev/x', KEY, never)).toBe(false);
  expect(await crypt.open({ device: '/dev/x', name: 'n', key: KEY }, never)).toBe(false);
  expect(await crypt.resize('n', KEY, never)).toBe(false);
  expect(await crypt.removeKey('/dev/x', KEY, never)).toBe(false);
});

test.each([1, 3, 4, 5])('exit code %i says nothing of the key: it is a failure that may pass', async (code) => {
  const { crypt } = cryptOn((argv) => exits(argv, code, 'Device /dev/x is not there.'));
  await expect(crypt.opens('/dev/x', KEY, never)).rejects.toMatchObject({ kind: 'unavailable' });
});

test('what cannot be read as a header is none; a device that is not there is a failure', async () => {
  const { crypt } = cryptOn((argv) => exits(argv, argv.at(-1) === '/dev/x' ? 1 : 4));
  expect(await crypt.header('/dev/x', never)).toBeUndefined();
  await expect(crypt.header('/dev/y', never)).rejects.toMatchObject({ kind: 'unavailable' });
});

test('a mapping that is closed already is closed; of one in use it is said how to find who has it', async () => {
  const sys = await mkdtemp(path.join(tmpdir(), 'open-local-crypt-'));
  onTestFinished(() => rm(sys, { recursive: true, force: true }));
  await mkdir(path.join(sys, 'block/dm-7/dm'), { recursive: true });
  await writeFile(path.join(sys, 'block/dm-7/dm/name'), 'busy\n');
  await writeFile(path.join(sys, 'block/dm-7/dev'), '253:7\n');
  const { run } = createFakeRun((argv) => exits(argv, argv.at(-1) === 'gone' ? 4 : 5, 'Device is still in use.'));
  const crypt = createHostCrypt(run, sys);
  await crypt.close('gone', never);
  await crypt.close('closed-meanwhile', never);
  // Another mount namespace may have it, of which this one's mount table tells nothing.
  await expect(crypt.close('busy', never)).rejects.toMatchObject({
    kind: 'unavailable',
    message: expect.stringMatching(/^\/dev\/mapper\/busy cannot be closed.*grep -l ' 253:7 ' \/proc/),
  });
});

test('keys are tried one at a time, since each try takes memory', async () => {
  const first = Promise.withResolvers<string>();
  const { crypt, calls } = cryptOn(() => (calls.length === 1 ? first.promise : ''));
  const both = [crypt.opens('/dev/x', KEY, never), crypt.opens('/dev/y', KEY, never)];
  await expect.poll(() => calls.length).toBe(1);
  first.resolve('');
  await Promise.all(both);
  expect(calls).toHaveLength(2);
});
