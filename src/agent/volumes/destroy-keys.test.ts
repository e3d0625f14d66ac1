import { expect, test } from 'vitest';
import { luksUuidOf } from '../../crypt/names.ts';
import { sampleLocalVolume } from '../storage-fixture.ts';
import { closeLeft, destroyKeys } from './destroy-keys.ts';

const never = new AbortController().signal;

function fakeCrypt(header: boolean, openAs = luksUuidOf('v1')) {
  const done: string[] = [];
  return {
    done,
    header: () => Promise.resolve(header ? { version: 2, uuid: '', slots: 1, dataOffset: 0 } : undefined),
    erase: (device: string) => Promise.resolve(void done.push(`erase ${device}`)),
    mapping: (name: string) =>
      Promise.resolve({ path: `/dev/mapper/${name}`, luksUuid: openAs, below: [], holders: [] }),
    close: () => Promise.resolve(void done.push('close')),
  };
}

test.each([
  ['an encrypted volume', { encryption: 'luks2' }, true, true, ['erase /dev/x']],
  [
    'a copy, which the key slots of its source open too',
    { encryption: 'luks2', source: { volume: 'v0' } },
    true,
    false,
    ['erase /dev/x'],
  ],
  ['a snapshot', { encryption: 'luks2', role: 'Snapshot' }, true, false, []],
  ['one without a header', { encryption: 'luks2' }, false, false, []],
  ['a plain volume in which a pod made a LUKS volume', {}, true, false, []],
] as const)('the data of %s', async (_, spec, header, isUnreadable, done) => {
  const crypt = fakeCrypt(header);
  expect(await destroyKeys(sampleLocalVolume({ spec }), '/dev/x', crypt, never)).toBe(isUnreadable);
  expect(crypt.done).toEqual(done);
});

test('what was left open is closed, and what somebody else opened under its name is not', async () => {
  const [own, foreign] = [fakeCrypt(true), fakeCrypt(true, luksUuidOf('v2'))];
  await closeLeft(sampleLocalVolume(), own, never);
  await closeLeft(sampleLocalVolume(), foreign, never);
  expect([own.done, foreign.done]).toEqual([['close'], []]);
});
