import { expect, onTestFinished, test } from 'vitest';
import { startOurApi } from '../../../test/rig/our-api.ts';
import { find } from '../../kube/find.ts';
import { LOCAL_VOLUMES } from '../../kube/resource.ts';
import { GIB } from '../../model/bytes.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { ENCRYPTED, ENCRYPTING, FORMATTED, FORMATTING, VOLUME_FINALIZER } from '../../model/well-known.ts';
import { createFakeObject } from '../fake-objects.ts';
import { sampleLocalVolume } from '../storage-fixture.ts';
import { createVolumeWriter, type VolumeProblem } from './write-volume.ts';

const never = new AbortController().signal;
const KEY = { name: 'v1' };
const spec = { nodeName: 'n1', kind: 'LVM', vgName: 'g', sizeBytes: 1, role: 'Volume' } as const;
const ready = { sizeBytes: 1, devicePath: '/dev/g/v1', groupUuid: 'G', volumeUuid: 'V' };

/** A volume that is worked on, and an agent's writer that hears what it wrote and what `hear` gives it. */
async function rig() {
  const ours = await startOurApi();
  onTestFinished(() => ours.close());
  const { api, client } = ours;
  const metadata = { ...KEY, finalizers: [VOLUME_FINALIZER] };
  const make = (): Promise<LocalVolume> => client.create<LocalVolume>(LOCAL_VOLUMES, { metadata, spec }, never);
  const volume = await make();
  const told: LocalVolume[] = [];
  let heard = volume;
  const hear = (now: LocalVolume): void => {
    told.push(now);
    heard = now;
  };
  const write = createVolumeWriter({ client, heard: (name) => (name === KEY.name ? heard : undefined), wrote: hear });
  const remove = async (): Promise<LocalVolume> => {
    await client.delete(LOCAL_VOLUMES, KEY, never);
    return client.get(LOCAL_VOLUMES, KEY, never);
  };
  const replace = async (): Promise<LocalVolume> => {
    await write.release(await remove(), never);
    return make();
  };
  const read = (): Promise<LocalVolume | undefined> => find(client, LOCAL_VOLUMES, KEY, never);
  return { api, volume, write, hear, told, remove, replace, read };
}

test.each([false, true])(
  'nothing that was found out for a volume is written to a later one of its name (heard of: %s)',
  async (isHeardOf) => {
    const it = await rig();
    const other = await it.replace();
    if (isHeardOf) it.hear(other);
    await it.write.ready(it.volume, ready, never);
    await it.write.problem(it.volume, { reason: 'NoSpace', message: 'no room' }, never);
    await it.write.copying(it.volume, { reason: 'Copying', message: 'half' }, never);
    await it.write.fill(it.volume, { usedBytes: 1 }, never);
    await it.write.markDisk(it.volume, 'naa.1 10', never);
    await it.write.markFilesystem(it.volume, 'ext4 u /', never);
    expect(await it.read()).toEqual(other);
  },
);

test('a volume is written again and again as it was first seen, without asking for it each time', async () => {
  const it = await rig();
  const asked = it.api.troubles.delay({ verb: 'get', resource: 'localvolumes' }, 0);
  await it.write.copying(it.volume, { reason: 'Copying', message: 'half', progress: 50 }, never);
  expect(it.told.at(-1)?.status).toEqual({ phase: 'Pending', reason: 'Copying', message: 'half', progress: 50 });
  await it.write.ready(it.volume, { ...ready, copiedBytes: 1 }, never);
  expect(asked.hits()).toBe(0);
  expect((await it.read())?.status).toMatchObject({ phase: 'Ready', progress: 100 });
});

test('what is noted of the content of a volume is noted by its name, and what encrypting destroys is forgotten', async () => {
  const it = await rig();
  const marks = async () => (await it.read())?.metadata.annotations;
  expect(await it.write.markFormatting('v1', 'ext4 u', never)).toBe(true);
  await it.write.markFormatted('v1', 'ext4', never);
  expect(await marks()).toEqual({ [FORMATTING]: 'ext4 u', [FORMATTED]: 'ext4' });
  await it.write.markEncrypting('v1', 'luks', never);
  expect(await marks()).toEqual({ [ENCRYPTING]: 'luks' });
  await it.write.markEncrypted('v1', 'luks', never);
  expect(await marks()).toEqual({ [ENCRYPTING]: 'luks', [ENCRYPTED]: 'luks' });
  await expect(it.write.markFormatting('v1', 'xfs u', never, '1')).rejects.toMatchObject({ code: 409 });
  expect(it.told.map(({ metadata }) => metadata.name)).toEqual(['v1', 'v1', 'v1', 'v1']);
});

test('of a volume that is gone nothing is noted, and nobody is told of it', async () => {
  const it = await rig();
  expect(await it.write.markFormatting('v2', 'ext4 u', never)).toBe(false);
  await it.write.markFormatted('v2', 'ext4', never);
  expect(it.told).toEqual([]);
});

test('a volume that is let go of is gone', async () => {
  const it = await rig();
  await it.write.release(await it.remove(), never);
  expect(await it.read()).toBeUndefined();
});

test('our finalizer is put on the very object', async () => {
  const it = await rig();
  const { metadata } = it.volume;
  await it.write.hold({ ...it.volume, metadata: { ...metadata, finalizers: ['example.com/theirs'] } }, never);
  expect((await it.read())?.metadata.finalizers).toEqual(['example.com/theirs', VOLUME_FINALIZER]);
});

test('how full the store of a snapshot is is told beside what is known of it', async () => {
  const it = await rig();
  await it.write.fill(it.volume, { usedBytes: 1 }, never);
  await it.write.fill(it.volume, { overflowed: true }, never);
  expect((await it.read())?.status?.snapshot).toEqual({ usedBytes: 1, overflowed: true });
});

type Parts = Parameters<typeof sampleLocalVolume>[0];

/** A volume behind an API server that only counts, and what broke a rule. */
function counted(parts: Parts) {
  const volume = sampleLocalVolume(parts);
  const object = createFakeObject(volume);
  const broken: string[] = [];
  const write = createVolumeWriter({
    ...{ client: object.client, wrote: () => {} },
    onBroken: ({ metadata }, what) => void broken.push(`${metadata.name}: ${what}`),
  });
  return { volume, write, calls: object.calls, broken, status: () => object.read()?.status };
}

const waiting = { phase: 'Pending', message: 'waits' } as const;
const deleting = { deletionTimestamp: '2026-01-01T00:00:00Z' };
const served = { ...ready, phase: 'Ready', sizeBytes: GIB, devicePath: '/dev/pool-0/v1' } as const;

test.each<[string, LocalVolume['status'], number]>([
  ['was told, and is not again', waiting, 0],
  ['another is told', { ...waiting, message: 'waits for another' }, 1],
  ['none was told', undefined, 1],
  ['it failed before', { ...waiting, phase: 'Failed' }, 1],
  ['something was wrong before', { ...waiting, reason: 'NoSpace' }, 1],
])('of what a volume waits for: %s', async (_, status, writes) => {
  const it = counted({ ...(status ? { status } : {}) });
  await it.write.pending(it.volume, 'waits', never);
  expect([it.calls.length, it.status()]).toEqual([writes, waiting]);
});

test.each<[string, Parts, readonly string[]]>([
  ['has none is given it', { meta: { finalizers: ['theirs'] } }, ['theirs', VOLUME_FINALIZER]],
  ['has it keeps it', {}, [VOLUME_FINALIZER]],
  ['was ready lost it by hand, and is not given it again', { meta: { finalizers: [] }, status: served }, []],
  ['is being deleted can have no more', { meta: { ...deleting, finalizers: [] } }, []],
])('a volume that %s: our finalizer', async (_, parts, finalizers) => {
  const it = counted(parts);
  await it.write.hold(it.volume, never);
  const written = it.calls.map(({ body }) => (body as Pick<LocalVolume, 'metadata'>).metadata.finalizers);
  expect(written.at(-1) ?? it.volume.metadata.finalizers ?? []).toEqual(finalizers);
});

test('a volume that nobody deletes is not let go of, and one that has none of ours on it needs nothing', async () => {
  const staying = counted({});
  await expect(staying.write.release(staying.volume, never)).rejects.toThrow('volume v1: it would be let go of');
  expect([staying.calls, staying.broken]).toEqual([[], ['v1: it would be let go of, and nobody deletes it']]);
  const leaving = counted({ meta: { ...deleting, finalizers: ['theirs'] } });
  await leaving.write.release(leaving.volume, never);
  expect(leaving.calls).toEqual([]);
});

test.each([{}, { copiedBytes: GIB }])('what breaks a rule is told and not written: %o', async (more) => {
  const it = counted({});
  const now = { sizeBytes: GIB, devicePath: '/dev/elsewhere', ...more };
  await expect(it.write.ready(it.volume, now, never)).rejects.toThrow('its device is /dev/elsewhere');
  expect([it.calls, it.broken]).toEqual([[], [expect.stringContaining('v1: its device is') as string]]);
});

async function troubled(spec: Partial<LocalVolume['spec']>, problem: VolumeProblem) {
  const it = counted({ spec, status: served });
  expect(await it.write.problem(it.volume, problem, never)).toBe(true);
  return it.status();
}

const overflow = { reason: 'SnapshotOverflowed', message: 'lost' } as const;

test.each<[string, Partial<LocalVolume['spec']>, VolumeProblem, object | undefined]>([
  ['a snapshot that overflowed', { role: 'Snapshot' }, overflow, { overflowed: true }],
  ['a volume that shows one', { readOnly: true, source: { snapshot: 'v1' } }, overflow, undefined],
  ['a snapshot with another trouble', { role: 'Snapshot' }, { reason: 'NoSpace', message: 'full' }, undefined],
])('%s is recorded for good where it is lost', async (_, spec, problem, snapshot) => {
  expect((await troubled(spec, problem))?.snapshot).toEqual(snapshot);
});

test('what is known of a snapshot is written when it is news alone', async () => {
  const status = { ...served, snapshot: { usedBytes: 1, overflowed: true }, summary: { size: '1Gi' } };
  const spec = { role: 'Snapshot' } as const;
  for (const [usedBytes, writes] of [[1, 0] as const, [2, 1] as const]) {
    const it = counted({ spec, status });
    await it.write.ready(it.volume, { ...served, snapshot: { usedBytes } }, never);
    expect([usedBytes, it.calls.length]).toEqual([usedBytes, writes]);
  }
});

test('a copy that turns out to be ready is whole, and one that fails is as far as it was', async () => {
  const status = { phase: 'Pending', progress: 50 } as const;
  const done = counted({ status });
  await done.write.ready(done.volume, served, never);
  expect(done.status()).toMatchObject({ phase: 'Ready', progress: 100 });
  const failed = counted({ status });
  await failed.write.problem(failed.volume, { reason: 'NoSpace', message: 'full' }, never);
  expect(failed.status()).toMatchObject({ phase: 'Failed', progress: 50 });
});
