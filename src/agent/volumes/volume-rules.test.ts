import { expect, test } from 'vitest';
import { GIB } from '../../model/bytes.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { createFakeObject } from '../fake-objects.ts';
import { sampleLocalVolume, unitSpec } from '../storage-fixture.ts';
import { brokenRecord, brokenStep } from './volume-rules.ts';
import { createVolumeWriter } from './write-volume.ts';

const never = new AbortController().signal;
type Status = NonNullable<LocalVolume['status']>;
const READY = {
  phase: 'Ready',
  sizeBytes: GIB,
  devicePath: '/dev/pool-0/v1',
  groupUuid: 'GG',
  volumeUuid: 'VV',
} as const;
const { groupUuid: _, ...ONE_UUID } = READY;
const { volumeUuid: __, ...BEFORE_UUIDS } = ONE_UUID;
const SOUND = /^it holds together$/;
const deleting = { deletionTimestamp: '2026-01-01T00:00:00Z' };

test.each<[string, LocalVolume, RegExp]>([
  ['nothing told yet', sampleLocalVolume(), SOUND],
  ['ready', sampleLocalVolume({ status: READY }), SOUND],
  ['of an agent before UUIDs', sampleLocalVolume({ status: BEFORE_UUIDS }), SOUND],
  ['failed and never made', sampleLocalVolume({ status: { phase: 'Failed', reason: 'NoSpace' } }), SOUND],
  ['ready with nothing', sampleLocalVolume({ status: { phase: 'Ready' } }), /Ready with 0 bytes at ""/],
  [
    'ready nowhere',
    sampleLocalVolume({ status: { phase: 'Ready', sizeBytes: GIB } }),
    /Ready with 1073741824 bytes at ""/,
  ],
  ['one UUID alone', sampleLocalVolume({ status: ONE_UUID }), /one UUID alone is recorded: VV/],
  [
    "another volume's device",
    sampleLocalVolume({ status: { ...READY, devicePath: '/dev/pool-0/v2' } }),
    /its device is \/dev\/pool-0\/v2, and its own is \/dev\/pool-0\/v1/,
  ],
  [
    'a snapshot that is mounted as it is',
    sampleLocalVolume({
      spec: { readOnly: true, source: { snapshot: 's1' } },
      status: { ...READY, devicePath: '/dev/pool-0/s1' },
    }),
    SOUND,
  ],
  [
    'a whole disk, which may have another name since',
    sampleLocalVolume({
      spec: unitSpec('Device', '/dev/sdb'),
      status: { phase: 'Ready', sizeBytes: GIB, devicePath: '/dev/sdc' },
    }),
    SOUND,
  ],
])('the record of a volume %s', (_name, volume, broken) => {
  expect(brokenRecord(volume) ?? 'it holds together').toMatch(broken);
});

test.each<[string, LocalVolume, Status, RegExp]>([
  ['made', sampleLocalVolume(), READY, SOUND],
  ['grown', sampleLocalVolume({ status: READY }), { ...READY, sizeBytes: 2 * GIB }, SOUND],
  ['told to be lost', sampleLocalVolume({ status: READY }), { ...READY, phase: 'Failed', reason: 'VolumeLost' }, SOUND],
  [
    'another logical volume',
    sampleLocalVolume({ status: READY }),
    { ...READY, volumeUuid: 'WW' },
    /VV, recorded for good, would become WW/,
  ],
  [
    'its UUIDs forgotten',
    sampleLocalVolume({ status: READY }),
    { phase: 'Failed' },
    /GG, recorded for good, would become none/,
  ],
  [
    'smaller than asked',
    sampleLocalVolume(),
    { ...READY, sizeBytes: GIB - 1 },
    /Ready with 1073741823 bytes of 1073741824/,
  ],
  [
    'a store that is as large as it can be',
    sampleLocalVolume({ spec: { role: 'Snapshot' } }),
    { ...READY, sizeBytes: 1 },
    SOUND,
  ],
  ['made while it is deleted', sampleLocalVolume({ meta: deleting }), READY, /Ready while it is being deleted/],
])('a change of a volume: %s', (_name, volume, now, broken) => {
  expect(brokenStep(volume, now) ?? 'it holds together').toMatch(broken);
});

test('what breaks a rule is told, and not written', async () => {
  const volume = sampleLocalVolume({ status: READY });
  const object = createFakeObject(volume);
  const told: string[] = [];
  const write = createVolumeWriter({
    client: object.client,
    wrote: () => {},
    onBroken: ({ metadata }, what) => void told.push(`${metadata.name}: ${what}`),
  });
  const other = { sizeBytes: GIB, devicePath: '/dev/pool-0/v1', groupUuid: 'GG', volumeUuid: 'WW' };
  const swapped = 'its volumeUuid VV, recorded for good, would become WW';
  await expect(write.ready(volume, other, never)).rejects.toThrow(`volume v1: ${swapped}; that is not written`);
  await expect(write.ready(volume, { ...other, copiedBytes: GIB }, never)).rejects.toThrow(swapped);
  await expect(write.release(volume, never)).rejects.toThrow('it would be let go of, and nobody deletes it');
  expect(object.calls).toEqual([]);
  expect(told).toEqual([`v1: ${swapped}`, `v1: ${swapped}`, 'v1: it would be let go of, and nobody deletes it']);
});
