import { expect, onTestFinished, test } from 'vitest';
import { GIB } from '../../model/bytes.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import type { KubeObject } from '../../model/objects.ts';
import { DISK, ENCRYPTED, ENCRYPTING, FILESYSTEM, FORMATTING } from '../../model/well-known.ts';
import { mappingPathOf } from '../../crypt/names.ts';
import { formatFilesystem } from '../../mount/filesystem.ts';
import type { MountEntry } from '../../mount/mountinfo.ts';
import { textOf } from '../../model/fault.ts';
import type { ListPage } from '../../kube/client.ts';
import { ApiError } from '../../kube/errors.ts';
import { LOCAL_VOLUMES } from '../../kube/resource.ts';
import { createFakeObject } from '../fake-objects.ts';
import { createNodeVolumes } from './node-volumes.ts';
import { sampleDisk, sampleLocalVolume, sampleMount, unitSpec } from '../storage-fixture.ts';
import { startOurApi } from '../../../test/rig/our-api.ts';
import { createVolumeWriter, type VolumeWriter } from './write-volume.ts';

const never = new AbortController().signal;
const ready = sampleLocalVolume({
  status: { phase: 'Ready', sizeBytes: 2 * GIB, devicePath: '/dev/pool-0/v1' },
  spec: { limits: { readBps: 5 }, fsType: 'xfs' },
});
const missing = new ApiError({ code: 404, reason: 'NotFound', message: 'no such thing' });

const markFormatted = () => Promise.reject(new Error('no connection'));
const nobody = {
  markFormatting: markFormatted,
  markFormatted,
  markEncrypting: markFormatted,
  markEncrypted: markFormatted,
};

/** Volumes with what was heard and what the API server would say. */
function volumesOf(
  heard: LocalVolume | undefined,
  stored: LocalVolume | Error,
  nodeName = 'node-a',
  mounted: readonly MountEntry[] = [],
  mapperUuid?: string,
  write: Pick<VolumeWriter, 'markFormatting' | 'markFormatted' | 'markEncrypting' | 'markEncrypted'> = nobody,
  elsewhere: readonly LocalVolume[] = [],
) {
  let asked = 0;
  const get = <T extends KubeObject>(): Promise<T> => {
    asked += 1;
    return stored instanceof Error ? Promise.reject(stored) : Promise.resolve(stored as unknown as T);
  };
  const list = <T extends KubeObject>(): Promise<ListPage<T>> =>
    Promise.resolve({ items: elsewhere as unknown as T[], resourceVersion: '1' });
  const volumes = createNodeVolumes({
    client: { get, list },
    nodeName,
    heard: () => heard,
    write,
    disks: {
      list: () => Promise.resolve([sampleDisk('sdb', { worldwideName: 'naa.1' })]),
      mapperUuid: () => Promise.resolve(mapperUuid),
    },
    mounts: { list: () => Promise.resolve(mounted) },
    filesystems: { identify: ({ source }) => Promise.resolve(`ext4 ${source} /`) },
  });
  return { volumes, asked: () => asked };
}

test('a filesystem that another node has on the very same disk is not used', async () => {
  const has = (name: string, nodeName: string, uuid?: string): LocalVolume => ({
    ...sampleLocalVolume({
      meta: { name, annotations: { [DISK]: 'naa.1 5', ...(uuid ? { [FORMATTING]: `ext4 ${uuid}` } : {}) } },
    }),
    spec: { ...unitSpec('Device', '/dev/sdb'), nodeName },
  });
  const own = has('v1', 'node-a');
  const { volumes } = volumesOf(own, own, 'node-a', [], undefined, nobody, [has('v2', 'node-b', 'u-2')]);
  await expect(volumes.assertNotElsewhere('v1', 'u-2', never)).rejects.toMatchObject({
    kind: 'precondition',
    message: expect.stringContaining('what volume v2 of node node-b was given') as string,
  });
  await volumes.assertNotElsewhere('v1', 'u-3', never);
});

test('a volume that was heard to be ready costs no call', async () => {
  const { volumes, asked } = volumesOf(ready, missing);
  expect(await volumes.find('v1', never)).toEqual({
    id: 'v1',
    kind: 'LVM',
    source: '/dev/pool-0/v1',
    fsType: 'xfs',
    formatted: undefined,
    formatting: undefined,
    sizeBytes: 2 * GIB,
    limits: { readBps: 5 },
  });
  expect(asked()).toBe(0);
});

test.each([
  ['its own', 'LVM-GGVV', true],
  ['no device-mapper device, as a simulated one', undefined, true],
  ["another group's volume of its name", 'LVM-HHVV', false],
  ['another volume', 'LVM-GGWW', false],
  ['no volume at all', 'CRYPT-1', false],
])('a path that leads to %s', async (_, mapperUuid, isUsed) => {
  const volume = { ...ready, status: { ...ready.status, groupUuid: 'G-G', volumeUuid: 'V-V' } };
  const found = volumesOf(volume, missing, 'node-a', [], mapperUuid).volumes.find('v1', never);
  expect(
    await found.then(
      () => 'used',
      (error: unknown) => String(error),
    ),
  ).toMatch(isUsed ? /^used$/ : /leads to .*, not to its own LVM-GGVV/);
});

test.each([
  ['was not heard of', undefined],
  ['was heard before it was ready', sampleLocalVolume()],
])('the API server is asked for a volume that %s', async (_, heard) => {
  expect(await volumesOf(heard, ready).volumes.find('v1', never)).toMatchObject({ sizeBytes: 2 * GIB });
});

test('unknown volumes and those of other nodes are not here', async () => {
  expect(await volumesOf(undefined, missing).volumes.find('v1', never)).toBeUndefined();
  expect(await volumesOf(undefined, ready, 'node-b').volumes.find('v1', never)).toBeUndefined();
});

/** /dev/sdb is the disk naa.1 now. */
const onDisk = (recorded: string): LocalVolume => {
  const status = { phase: 'Ready', sizeBytes: GIB, devicePath: '/dev/sdb' } as const;
  const volume = sampleLocalVolume({ status, meta: { annotations: { [DISK]: recorded } } });
  return { ...volume, spec: unitSpec('Device', '/dev/sdb') };
};

test('a disk is served only while it is the one that the volume was given', async () => {
  const ours = volumesOf(onDisk(`naa.1 ${10 * GIB}`), missing).volumes;
  expect(await ours.find('v1', never)).toMatchObject({ source: '/dev/sdb' });
  const other = volumesOf(onDisk(`naa.2 ${10 * GIB}`), missing).volumes;
  await expect(other.find('v1', never)).rejects.toMatchObject({ kind: 'unavailable' });
});

test('that a disk is known by its name alone is told', async () => {
  const known = volumesOf(onDisk(`naa.1 ${10 * GIB}`), missing).volumes;
  expect(await known.find('v1', never)).not.toHaveProperty('isKnownByName');
  const named = volumesOf({ ...onDisk(''), metadata: { name: 'v1' } }, missing).volumes;
  expect(await named.find('v1', never)).toMatchObject({ isKnownByName: true });
});

const onFilesystem = (annotations: Record<string, string>): LocalVolume => {
  const status = { phase: 'Ready', sizeBytes: GIB, devicePath: '/mnt/a' } as const;
  return { ...sampleLocalVolume({ status, meta: { annotations } }), spec: unitSpec('MountPoint', '/mnt/a') };
};
const recorded = onFilesystem({ [FILESYSTEM]: 'ext4 /dev/a /' });

test.each([
  ['is mounted', recorded, [sampleMount('/mnt/a', { source: '/dev/a' })], '/mnt/a'],
  ['is not mounted', recorded, [sampleMount('/mnt')], 'its filesystem is not mounted at /mnt/a'],
  ['was never recorded, and is not mounted', onFilesystem({}), [sampleMount('/mnt')], 'is not mounted at /mnt/a'],
  [
    'is hidden by another one',
    recorded,
    [sampleMount('/mnt/a', { source: '/dev/a' }), sampleMount('/mnt/a')],
    'not its own',
  ],
  [
    'lies on another disk, a copy of its own',
    onFilesystem({ [FILESYSTEM]: 'ext4 /dev/a /', [DISK]: `naa.1 ${10 * GIB}` }),
    [sampleMount('/mnt/a', { source: '/dev/a' })],
    'another disk',
  ],
])('a volume whose filesystem %s', async (_, volume, mounted, result) => {
  const { volumes } = volumesOf(volume, missing, 'node-a', mounted);
  const found = await volumes.find('v1', never).then((volume) => volume?.source, textOf);
  expect(found).toContain(result);
});

test('a volume that is not ready says why', async () => {
  const failed = sampleLocalVolume({ status: { phase: 'Failed', message: 'the group is full' } });
  await expect(volumesOf(undefined, failed).volumes.find('v1', never)).rejects.toMatchObject({
    kind: 'unavailable',
    message: 'volume v1 is Failed: the group is full',
  });
  await expect(volumesOf(undefined, sampleLocalVolume()).volumes.find('v1', never)).rejects.toThrow('not made yet');
});

test('an API server that does not answer is no unknown volume', async () => {
  const silent = new ApiError({ code: 0, reason: '', message: 'ECONNREFUSED' });
  await expect(volumesOf(undefined, silent).volumes.find('v1', never)).rejects.toMatchObject({ kind: 'unavailable' });
  await expect(volumesOf(ready, silent).volumes.markFormatted('v1', 'ext4', never)).rejects.toMatchObject({
    kind: 'unavailable',
  });
});

test('a record that cannot be serves no call', async () => {
  const other = { ...ready, status: { ...ready.status, devicePath: '/dev/pool-0/v2' } };
  await expect(volumesOf(other, missing).volumes.find('v1', never)).rejects.toMatchObject({
    kind: 'unavailable',
    message: 'volume v1: its device is /dev/pool-0/v2, and its own is /dev/pool-0/v1; it is looked at again first',
  });
});

test('what is recorded is asked for anew, whatever was heard, when that matters', async () => {
  const { volumes, asked } = volumesOf(ready, { ...ready, spec: { ...ready.spec, fsType: 'ext3' } });
  expect(await volumes.find('v1', never, 'fresh')).toMatchObject({ fsType: 'ext3' });
  expect(asked()).toBe(1);
});

test('the marks of a volume that is formatted are annotations, and are read back', async () => {
  const object = createFakeObject(ready);
  const write = createVolumeWriter({ client: object.client, wrote: () => {} });
  const begun = { type: 'xfs', uuid: 'u-1' } as const;
  await write.markFormatting('v1', formatFilesystem(begun), never);
  const read = () => volumesOf(object.read(), missing).volumes.find('v1', never);
  expect(await read()).toMatchObject({ formatting: begun, formatted: undefined });
  await write.markFormatted('v1', 'xfs', never);
  expect(await read()).toMatchObject({ formatting: begun, formatted: 'xfs' });
});

test('that formatting begins is written on the object that was heard of, and on no later one', async () => {
  const own = await startOurApi();
  onTestFinished(() => own.close());
  const { api, client } = own;
  const { status, ...made } = ready;
  await client.create(LOCAL_VOLUMES, made, never);
  const told = await client.patch(LOCAL_VOLUMES, { name: 'v1' }, { type: 'merge', body: { status } }, never, 'status');
  let heard = told;
  const write = createVolumeWriter({ client, wrote: (volume) => void (heard = volume) });
  const volumes = volumesOf(told, missing, 'node-a', [], undefined, write).volumes;
  const { version } = (await volumes.find('v1', never)) ?? {};
  const begun = (uuid: string) => volumes.markFormatting('v1', { type: 'xfs', uuid }, never, version);
  expect([await begun('u-1'), await begun('u-2')]).toEqual([true, false]);
  expect(heard.metadata.annotations).toEqual({ [FORMATTING]: 'xfs u-1' });
  expect(api.stored('localvolumes', 'v1')).toEqual(heard);
  await client.delete(LOCAL_VOLUMES, { name: 'v1' }, never);
  await client.patch(LOCAL_VOLUMES, { name: 'v1' }, { type: 'merge', body: { metadata: { finalizers: [] } } }, never);
  expect(await begun('u-3')).toBe(false);
});

test('a release takes off our finalizer only, of that very object, and only if it is still at its place', async () => {
  const finalizers = ['other/one', 'csi.aliyun.com/volume-on-node'];
  const leaving = { deletionTimestamp: '2026-01-01T00:00:00Z' };
  const object = createFakeObject(sampleLocalVolume({ meta: { finalizers } }));
  await createVolumeWriter({ client: object.client, wrote: () => {} }).release(
    sampleLocalVolume({ meta: { ...leaving, finalizers } }),
    never,
  );
  expect(object.calls).toEqual([
    {
      type: 'json',
      body: [
        { op: 'test', path: '/metadata/uid', value: 'u1' },
        { op: 'test', path: '/metadata/finalizers/1', value: finalizers[1] },
        { op: 'remove', path: '/metadata/finalizers/1' },
      ],
    },
  ]);
  const foreign = createFakeObject(sampleLocalVolume());
  await createVolumeWriter({ client: foreign.client, wrote: () => {} }).release(
    sampleLocalVolume({ meta: { ...leaving, finalizers: ['other/one'] } }),
    never,
  );
  expect(foreign.calls).toEqual([]);
});

const luks = (more: Partial<LocalVolume['metadata']> = {}, spec: Partial<LocalVolume['spec']> = {}): LocalVolume => ({
  ...ready,
  metadata: { ...ready.metadata, ...more },
  spec: { ...ready.spec, encryption: 'luks2', ...spec },
});

test.each<[string, LocalVolume, object]>([
  ['new', luks(), { recorded: undefined, copied: false, forgetsKey: false }],
  ['begun', luks({ annotations: { [ENCRYPTING]: 'u' } }), { recorded: 'begun' }],
  ['done', luks({ annotations: { [ENCRYPTING]: 'u', [ENCRYPTED]: 'u' } }), { recorded: 'done' }],
  ['a copy', luks({}, { source: { volume: 'v0' } }), { copied: true }],
  ['inline', luks({}, { role: 'Ephemeral' }), { forgetsKey: true }],
])('an encrypted volume that is %s is had through its mapping', async (_, volume, encryption) => {
  const found = await volumesOf(volume, missing).volumes.find('v1', never);
  expect(found).toMatchObject({ source: mappingPathOf('v1'), encryption: { device: '/dev/pool-0/v1', ...encryption } });
});

test('an encrypted copy grows to its device as any other copy does, which it can only once it is open', async () => {
  const found = await volumesOf(luks({}, { source: { snapshot: 's1' } }), missing).volumes.find('v1', never);
  expect(found).toMatchObject({ isCopy: true, source: mappingPathOf('v1'), encryption: { copied: true } });
});

test('an encrypted volume is not used while something else is open under its name', async () => {
  const { volumes } = volumesOf(luks(), missing, 'node-a', [], 'CRYPT-PLAIN-x');
  await expect(volumes.find('v1', never)).rejects.toThrow('leads to CRYPT-PLAIN-x, not to this volume');
});
