import { expect, test } from 'vitest';
import { luksUuidOf } from '../../crypt/names.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
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
      Promise.resolve({ path: `/dev/mapper/${name}`, number: '', luksUuid: openAs, below: [], holders: [] }),
    close: () => Promise.resolve(void done.push('close')),
  };
}

const nobody: ReadonlyMap<string, LocalVolume> = new Map();

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
  expect(await destroyKeys(sampleLocalVolume({ spec }), '/dev/x', { crypt, others: nobody }, never)).toBe(isUnreadable);
  expect(crypt.done).toEqual(done);
});

test.each<[string, Partial<LocalVolume['spec']>, boolean]>([
  ['a copy of it, or of another', { encryption: 'luks2', source: { snapshot: 'gone' } }, false],
  [
    'a snapshot of it, which opens with its own header alone',
    { encryption: 'luks2', role: 'Snapshot', source: {} },
    true,
  ],
  ['a copy that is not encrypted', { source: { volume: 'v9' } }, true],
  ['another encrypted volume', { encryption: 'luks2' }, true],
])('what an encrypted volume had where the node also has %s', async (_, spec, isUnreadable) => {
  const volume = sampleLocalVolume({ spec: { encryption: 'luks2' } });
  const other = sampleLocalVolume({ meta: { name: 'other' }, spec });
  const others = new Map([volume, other].map((one) => [one.metadata.name ?? '', one]));
  expect(await destroyKeys(volume, '/dev/x', { crypt: fakeCrypt(true), others }, never)).toBe(isUnreadable);
});

test('what was left open is closed, and what somebody else opened under its name is not', async () => {
  const [own, foreign] = [fakeCrypt(true), fakeCrypt(true, luksUuidOf('v2'))];
  await closeLeft(sampleLocalVolume(), own, never);
  await closeLeft(sampleLocalVolume(), foreign, never);
  expect([own.done, foreign.done]).toEqual([['close'], []]);
});
