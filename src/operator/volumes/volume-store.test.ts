import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { startOurApi, type OurApi } from '../../../test/rig/our-api.ts';
import type { Volumes } from '../../csi/ports.ts';
import { silentLog } from '../../model/log.ts';
import { createInformer, type Informer } from '../../kube/follow/informer.ts';
import { LOCAL_VOLUMES } from '../../kube/resource.ts';
import { bytes, GIB } from '../../model/bytes.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { withTraceparent } from '../../model/traceparent.ts';
import { KEEP, TRACEPARENT, NODE_LABEL, VOLUME_FINALIZER } from '../../model/well-known.ts';
import { createNeededData } from './needed-data.ts';
import { createVolumeStore } from './volume-store.ts';
import { eventually } from '../../../test/rig/eventually.ts';

const never = new AbortController().signal;
const size = bytes(2 * GIB);
let ours: OurApi;
let heard: Informer<LocalVolume, LocalVolume>;
let store: Volumes;
let follow: () => Promise<void>;
let stop: () => Promise<void>;

beforeEach(async () => {
  ours = await startOurApi();
  const stopping = new AbortController();
  heard = createInformer({
    client: ours.client,
    resource: LOCAL_VOLUMES,
    project: (volume) => volume,
    log: silentLog,
  });
  store = createVolumeStore({ client: ours.client, volumes: heard, needed: createNeededData(heard) });
  let running: Promise<void> | undefined;
  follow = async () => {
    running = heard.run(stopping.signal);
    await heard.whenSynced(never);
  };
  stop = async () => {
    stopping.abort();
    await running;
  };
});
afterEach(async () => {
  await stop();
  await ours.close();
});

const volume = (name: string): LocalVolume => ({
  metadata: { name, annotations: { [KEEP]: 'until DeleteVolume', other: 'x' }, finalizers: [VOLUME_FINALIZER] },
  spec: { nodeName: 'n1', kind: 'LVM', vgName: 'pool-0', sizeBytes: GIB, role: 'Volume', request: { name } },
});
const stored = (name: string) => ours.api.stored('localvolumes', name) as LocalVolume | undefined;
const release = (name: string) =>
  ours.client.patch(LOCAL_VOLUMES, { name }, { type: 'merge', body: { metadata: { finalizers: null } } }, never);

test('a volume that its node has not begun is abandoned though no agent lets it go', async () => {
  await follow();
  await store.create(volume('v'), never);
  await store.abandon('v', never);
  expect(stored('v')).toBeUndefined();
  await store.abandon('v', never);
});

test('a volume that its node has begun meanwhile is left to the node', async () => {
  await follow();
  await store.create(volume('v'), never);
  const status = { phase: 'Ready', sizeBytes: GIB } as const;
  await ours.client.patch(LOCAL_VOLUMES, { name: 'v' }, { type: 'merge', body: { status } }, never, 'status');
  await expect(store.abandon('v', never)).rejects.toMatchObject({
    kind: 'aborted',
    message: 'node n1 has begun volume v',
  });
  expect(stored('v')?.metadata).toMatchObject({
    deletionTimestamp: expect.any(String),
    finalizers: [VOLUME_FINALIZER],
  });
});

test('a volume whose label and finalizer somebody took off is removed by its agent all the same', async () => {
  await follow();
  const { metadata, spec } = volume('v');
  await store.create({ metadata: { ...metadata, finalizers: ['example.org/other'] }, spec }, never);
  await store.remove('v', never);
  expect(stored('v')?.metadata).toMatchObject({
    deletionTimestamp: expect.any(String),
    labels: { [NODE_LABEL]: 'n1' },
    finalizers: ['example.org/other', VOLUME_FINALIZER],
  });
  await store.remove('v', never);
  expect(stored('v')?.metadata.finalizers).toHaveLength(2);
});

test('what was made is found at once, before its event', async () => {
  await follow();
  ours.api.troubles.silenceWatches();
  const asked = ours.api.troubles.fail({ verb: 'get', resource: 'localvolumes' }, { code: 500 });
  await store.create(volume('v'), never);
  expect((await store.find('v', never))?.spec.sizeBytes).toBe(GIB);
  await store.grow('v', size, never);
  expect((await store.find('v', never))?.spec.sizeBytes).toBe(2 * GIB);
  expect(asked.hits()).toBe(0);
});

test('a growth is taken back to what the node provides, and no further', async () => {
  await follow();
  await store.create(volume('v'), never);
  const status = { phase: 'Ready', sizeBytes: GIB } as const;
  await ours.client.patch(LOCAL_VOLUMES, { name: 'v' }, { type: 'merge', body: { status } }, never, 'status');
  await store.grow('v', size, never);
  await expect(store.takeBack('v', bytes(GIB - 1), never)).rejects.toMatchObject({
    message: expect.stringContaining('taking back the growth of volume v: ') as string,
  });
  await store.takeBack('v', bytes(GIB), never);
  expect((await store.find('v', never))?.spec.sizeBytes).toBe(GIB);
});

test('what another process made is found although it was not heard of', async () => {
  await follow();
  ours.api.troubles.silenceWatches();
  await ours.client.create(LOCAL_VOLUMES, volume('v'), never);
  expect((await store.find('v', never))?.metadata.name).toBe('v');
  expect(await store.find('nothing', never)).toBeUndefined();
});

test('a volume that cannot be looked for is unavailable, not missing', async () => {
  await follow();
  ours.api.troubles.fail({ verb: 'get', resource: 'localvolumes' }, { code: 500 });
  await expect(store.find('v', never)).rejects.toMatchObject({ kind: 'unavailable' });
});

test('limits are set in place of all others, and what the StorageClass asks is recorded beside them', async () => {
  await follow();
  ours.api.troubles.silenceWatches();
  await store.create(volume('v'), never);
  const storageClassLimits = { readBps: 1000 };
  await store.setLimits('v', { limits: { readBps: 5, writeIops: 7 }, storageClassLimits }, never);
  expect(store.heard('v')?.spec).toMatchObject({ limits: { readBps: 5, writeIops: 7 }, storageClassLimits });
  await store.setLimits('v', { limits: { readIops: 9 }, storageClassLimits: {} }, never);
  expect(stored('v')?.spec.limits).toEqual({ readIops: 9 });
  expect(stored('v')?.spec.storageClassLimits).toEqual(storageClassLimits);
  await store.setLimits('v', { limits: {}, storageClassLimits }, never);
  expect(stored('v')?.spec.limits).toEqual({});
});

test('limits that may have been set all the same are aborted', async () => {
  await follow();
  await store.create(volume('v'), never);
  ours.api.troubles.fail({ verb: 'patch', resource: 'localvolumes' }, 'lost');
  const set = store.setLimits('v', { limits: { readIops: 9 }, storageClassLimits: {} }, never);
  await expect(set).rejects.toMatchObject({ kind: 'aborted' });
  expect(stored('v')?.spec.limits).toEqual({ readIops: 9 });
});

test('a record that the API server refuses is not made, for its reason', async () => {
  await follow();
  const wrong = { ...volume('v'), spec: { ...volume('v').spec, sizeBytes: 0 } };
  await expect(store.create(wrong, never)).rejects.toMatchObject({
    kind: 'invalid',
    message: expect.stringContaining('recording volume v'),
  });
});

/** Its objects lose what an older definition does not have, and the API server says so in a header alone. */
test('what an older definition would make less of an order is refused: a volume that is to be encrypted is not plain', async () => {
  const old = await startOurApi((text) => text.replace(/^ *encryption: .*$/m, ''));
  onTestFinished(() => old.close());
  const plain = createVolumeStore({ client: old.client, volumes: heard, needed: createNeededData(heard) });
  const { spec, metadata } = volume('v');
  await expect(plain.create({ metadata, spec: { ...spec, encryption: 'luks2' } }, never)).rejects.toMatchObject({
    kind: 'invalid',
    message:
      'recording volume v: unknown field "spec.encryption": the definition in the cluster is older than this program; ' +
      'apply crds/ of this version, or helm upgrade; open-local doctor tells what it lacks',
  });
  expect(old.api.stored('localvolumes', 'v')).toBeUndefined();
  await plain.create(volume('v'), never);
  await expect(plain.setLimits('v', { limits: {}, storageClassLimits: { colour: 1 } as never }, never)).rejects.toThrow(
    'unknown field "spec.storageClassLimits.colour"',
  );
});

test.each(['lost', 'reset'] as const)('when the answer is %s, it may have been made: aborted', async (trouble) => {
  await follow();
  ours.api.troubles.fail({ verb: 'create', resource: 'localvolumes' }, trouble);
  await expect(store.create(volume('v'), never)).rejects.toMatchObject({ kind: 'aborted' });
  expect(stored('v') !== undefined).toBe(trouble === 'lost');
});

test('a record that another process made first is aborted, and heard of then', async () => {
  await follow();
  ours.api.troubles.silenceWatches();
  await ours.client.create(LOCAL_VOLUMES, volume('v'), never);
  expect(store.heard('v')).toBeUndefined();
  await expect(store.create(volume('v'), never)).rejects.toMatchObject({ kind: 'aborted' });
  expect(store.heard('v')?.spec.nodeName).toBe('n1');
});

test('waiting sees every change, and the end', async () => {
  await follow();
  await store.create(volume('v'), never);
  const ready = store.until('v', (now) => now?.status?.phase, never);
  const body = { status: { phase: 'Ready' } };
  await ours.client.patch(LOCAL_VOLUMES, { name: 'v' }, { type: 'merge', body }, never, 'status');
  expect(await ready).toBe('Ready');

  await store.remove('v', never);
  await eventually(() => expect(stored('v')?.metadata.deletionTimestamp).toBeDefined());
  expect(stored('v')?.metadata.annotations).not.toHaveProperty(KEEP);
  const gone = store.until('v', (now) => (now === undefined ? true : undefined), never);
  await release('v');
  expect(await gone).toBe(true);
  await store.remove('v', never); // again
});

test('waiting ends with its signal, for its reason', async () => {
  await follow();
  const impatient = new AbortController();
  const waiting = store.until('v', () => undefined, impatient.signal);
  impatient.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
  await expect(store.until('v', () => true, AbortSignal.abort(new Error('before')))).rejects.toThrow('before');
});

test('one whose data others need is deleted with the reason, and keeps its mark', async () => {
  await follow();
  await store.create(volume('v'), never);
  const snapshot = volume('s');
  await store.create({ ...snapshot, spec: { ...snapshot.spec, role: 'Snapshot', source: { volume: 'v' } } }, never);
  expect(store.needing('v').map(({ metadata }) => metadata.name)).toEqual(['s']);
  expect([...store.all()]).toHaveLength(2);
  await store.removeLater('v', 'kept by snapshot s', never);
  expect(stored('v')?.metadata).toMatchObject({
    deletionTimestamp: expect.any(String) as string,
    annotations: { [KEEP]: 'kept by snapshot s', other: 'x' },
  });
  await store.removeLater('nobody', 'kept by snapshot s', never);
});

test('a volume carries the trace of the call that asked last, and none where that is not recorded', async () => {
  await follow();
  let now: string | undefined = 'of CreateVolume';
  const tracer = { traceparent: () => now };
  const traced = createVolumeStore({ client: ours.client, volumes: heard, needed: createNeededData(heard), tracer });
  const told = (): string | undefined => stored('v')?.metadata.annotations?.[TRACEPARENT];
  await traced.create(volume('v'), never);
  expect(stored('v')?.metadata.annotations).toMatchObject({ [TRACEPARENT]: 'of CreateVolume', other: 'x' });
  now = 'of ControllerExpandVolume';
  await traced.grow('v', size, never);
  expect(told()).toBe(now);
  now = undefined;
  await traced.setLimits('v', { limits: { readIops: 5 }, storageClassLimits: {} }, never);
  expect(told()).toBeUndefined();
});

test('without traces nothing is written of them, nor taken away', async () => {
  await follow();
  await store.create(withTraceparent(volume('v'), 'of another operator'), never);
  await store.grow('v', size, never);
  expect(stored('v')?.metadata.annotations?.[TRACEPARENT]).toBe('of another operator');
  await store.create(volume('w'), never);
  expect(Object.keys(stored('w')?.metadata.annotations ?? {})).toEqual([KEEP, 'other']);
});
