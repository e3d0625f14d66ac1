import { expect, test } from 'vitest';
import { KeyedMutex } from '../../daemon/keyed-mutex.ts';
import type { Copy } from '../../copy/copy-device.ts';
import { mappingPathOf } from '../../crypt/names.ts';
import { mapperUuidOf } from '../../lvm/names.ts';
import type { LvmVolume } from '../../lvm/report.ts';
import { bytes, GIB, type Bytes } from '../../model/bytes.ts';
import { cloneSnapshotId } from '../../model/copies.ts';
import { Fault } from '../../model/fault.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { silentLog } from '../../model/log.ts';
import { FORMATTED } from '../../model/well-known.ts';
import type { Content } from '../../mount/filesystem.ts';
import { createFakeClock } from '../../wait/fake-clock.ts';
import { createFakeObject } from '../fake-objects.ts';
import { sampleGroup, sampleLocalVolume, sampleMount, sampleVolume } from '../storage-fixture.ts';
import { copyVolume, type CopyVolumeDeps } from './copy-volume.ts';
import { createVolumeWriter } from './write-volume.ts';

const never = new AbortController().signal;
const UID = '0a1b2c3d-0000-4000-8000-000000000001';
const SOURCE = 'c0ffee00-0000-4000-8000-000000000002';

const snapshotOf = (name: string, status: LocalVolume['status'] = {}): LocalVolume =>
  sampleLocalVolume({
    meta: { name, uid: `u-${name}` },
    spec: { role: 'Snapshot', source: { volume: 'v0' }, sizeBytes: GIB },
    status: { phase: 'Ready', sizeBytes: GIB, snapshot: { sourceBytes: 3 * GIB }, ...status },
  });

interface Given {
  readonly spec?: Partial<LocalVolume['spec']>;
  readonly status?: LocalVolume['status'];
  readonly snapshot?: LocalVolume | 'none';
  readonly inGroup?: Partial<LvmVolume>;
  readonly content?: Content;
  /** Of the disks that the copy is on. */
  readonly sector?: number;
}

/** v1 of 4 GiB beside the snapshot of a volume of 3 GiB, which has an ext4 of its own. */
function rig({ spec, status, snapshot = snapshotOf('s1'), inGroup, content, sector }: Given = {}) {
  const filled = { source: { snapshot: 's1' }, fsType: 'ext4', sizeBytes: 4 * GIB, ...spec };
  const object = createFakeObject(
    sampleLocalVolume({ meta: { uid: UID }, spec: filled, ...(status ? { status } : {}) }),
  );
  const name = snapshot === 'none' ? 's1' : (snapshot.metadata.name ?? '');
  const group = sampleGroup('pool-0', {
    volumes: [
      sampleVolume('v1', { size: bytes(4 * GIB) }),
      sampleVolume(name, { origin: 'v0', active: true, ...inGroup }),
    ],
  });
  const did: string[] = [];
  const copies: Copy[] = [];
  let found: Content = content ?? { kind: 'filesystem', type: 'ext4', uuid: SOURCE };
  const clock = createFakeClock();
  const deps: CopyVolumeDeps = {
    lvm: {
      report: () => Promise.resolve({ groups: [sampleGroup('pool-9'), group], orphans: [] }),
      activateVolume: ({ name: which }: { readonly name: string }) => {
        did.push(`activate ${which}`);
        Object.assign(group.volumes[1] ?? {}, { active: true });
        return Promise.resolve();
      },
      markFilled: ({ name: which }: { readonly name: string }) => {
        did.push(`filled ${which}, ${object.read()?.status?.phase}`);
        return Promise.resolve();
      },
    } as unknown as CopyVolumeDeps['lvm'],
    locks: new KeyedMutex(),
    mounts: { list: () => Promise.resolve([]), shows: () => Promise.resolve(false) },
    disks: { mapperUuid: (path) => Promise.resolve(mapperUuidOf('pool-0', `lv-${path.split('/').at(-1)}`)) },
    filesystems: {
      probe: () => Promise.resolve(found),
      sectorOf: () => Promise.resolve(sector),
      settleCopy: (device) => Promise.resolve(void did.push(`settle ${device}`)),
      giveUuid: (_, { type, uuid }) => {
        did.push(`uuid at ${object.read()?.status?.copiedBytes}`);
        found = { kind: 'filesystem', type, uuid };
        return Promise.resolve();
      },
    },
    write: createVolumeWriter({ client: object.client, wrote: () => {} }),
    copier: {
      copy: async (copy, copied) => {
        copies.push(copy);
        did.push('copy');
        await copied(copy.size);
      },
    },
    heard: (which) => (snapshot !== 'none' && which === snapshot.metadata.name ? snapshot : undefined),
    clock,
    record: (_, event) => void did.push(`event ${event.reason}`),
    log: silentLog,
    onChange: () => void did.push('changed'),
  };
  const run = (more: Partial<CopyVolumeDeps> = {}) =>
    copyVolume(object.read() ?? sampleLocalVolume(), { ...deps, ...more }, never);
  return { object, deps, did, copies, clock, run, status: () => object.read()?.status };
}

const xfs: Content = { kind: 'filesystem', type: 'xfs', uuid: SOURCE, blockSize: 512 };
test.each<[string, Given, boolean]>([
  ['in smaller blocks than the sectors of its disks is not begun', { content: xfs, sector: 4096 }, false],
  ['in blocks of a sector', { content: { ...xfs, blockSize: 4096 }, sector: 4096 }, true],
  ['on disks like those of its source', { content: xfs, sector: 512 }, true],
  ['on disks that do not tell', { content: xfs }, true],
  ['that does not tell its blocks', { content: { kind: 'filesystem', type: 'xfs' }, sector: 4096 }, true],
  ['and was never formatted', { content: { kind: 'blank' }, sector: 4096 }, true],
  ['of a raw device, which is the pod’s', { content: xfs, sector: 4096, spec: { fsType: undefined } as never }, true],
])('a copy of what is read %s', async (_, given, isCopied) => {
  const it = rig(given);
  const ended = await it.run().then(() => 'copied', String);
  expect(ended).toMatch(
    isCopied ? 'copied' : /blocks of 512 bytes, and the disks of volume group pool-0 sectors of 4096/,
  );
  expect([it.copies.length, it.status()?.reason]).toEqual(isCopied ? [1, undefined] : [0, 'SourceFailed']);
});

test('copied whole, given a UUID of its own, and only then Ready', async () => {
  const it = rig();
  await it.run();
  expect(it.copies).toEqual([{ source: '/dev/pool-0/s1', target: '/dev/pool-0/v1', size: 3 * GIB, from: 0 }]);
  // What cannot be cut and repeated happens while the copy counts as not begun.
  expect(it.did).toEqual(['copy', 'settle /dev/pool-0/v1', 'uuid at 0', 'filled v1, Pending', 'changed']);
  expect(it.status()).toEqual({
    phase: 'Ready',
    sizeBytes: 4 * GIB,
    summary: { size: '4Gi' },
    devicePath: '/dev/pool-0/v1',
    groupUuid: 'pool-0',
    volumeUuid: 'lv-v1',
    copiedBytes: 3 * GIB,
    progress: 100,
  });
  expect(it.object.read()?.metadata.annotations?.[FORMATTED]).toBe('ext4');
});

test('the UUID of the filesystem is that of its object', async () => {
  const it = rig();
  const given: string[] = [];
  const { filesystems } = it.deps;
  const giveUuid: typeof filesystems.giveUuid = (device, wanted, signal) => {
    given.push(wanted.uuid);
    return filesystems.giveUuid(device, wanted, signal);
  };
  await it.run({ filesystems: { ...filesystems, giveUuid } });
  expect(given).toEqual([UID]);
});

test('a tool that says it did and did not leaves the volume not Ready', async () => {
  const it = rig();
  const filesystems = { ...it.deps.filesystems, giveUuid: () => Promise.resolve() };
  await expect(it.run({ filesystems })).rejects.toThrow('did not take the UUID');
  expect(it.status()).toMatchObject({ phase: 'Failed', reason: 'CopyFailed', copiedBytes: 0 });
});

test('a clone is copied from its temporary snapshot', async () => {
  const it = rig({ spec: { source: { volume: 'v0' } }, snapshot: snapshotOf(cloneSnapshotId('v1')) });
  await it.run();
  expect(it.copies).toMatchObject([{ source: '/dev/pool-0/copying.v1' }]);
});

test.each<[string, Given]>([
  ['raw bytes are the pod’s own', { spec: { fsType: undefined as never } }],
  ['a source that was never formatted', { content: { kind: 'blank' } }],
  ['a source that was being formatted', { spec: { fsType: 'xfs' }, content: { ...xfs, unfinished: true } }],
  ['a source that carries something else', { content: { kind: 'other', what: 'crypto_LUKS' } }],
])('%s: nothing of it is changed', async (_, given) => {
  const it = rig(given);
  if (it.object.read()?.spec.fsType === undefined) delete it.object.read()?.spec.fsType;
  await it.run();
  expect(it.did).toEqual(['copy', 'filled v1, Pending', 'changed']);
  expect(it.status()).toMatchObject({ phase: 'Ready', progress: 100 });
  expect(it.object.read()?.metadata.annotations?.[FORMATTED]).toBeUndefined();
});

const begunOn = (volumeUuid: string): LocalVolume['status'] => ({
  phase: 'Pending',
  copiedBytes: 2 * GIB,
  volumeUuid,
  groupUuid: 'pool-0',
});

test('a copy goes on from what was told of its logical volume, and begins anew where none was named', async () => {
  const it = rig({ status: begunOn('lv-v1') });
  await it.run();
  const nameless = rig({ status: { phase: 'Pending', copiedBytes: 2 * GIB } });
  await nameless.run();
  expect([it.copies, nameless.copies]).toMatchObject([[{ from: 2 * GIB }], [{ from: 0 }]]);
});

test('nothing is copied onto another logical volume of its name: reconcileVolume refuses it', async () => {
  const it = rig({ status: begunOn('lv-of-before') });
  await it.run();
  expect(it.copies).toEqual([]);
});

test('how far it is is told at once and then every five seconds, and never that it is done', async () => {
  const it = rig();
  const seen: [Bytes | undefined, number | undefined, string | undefined][] = [];
  const copier: CopyVolumeDeps['copier'] = {
    copy: async ({ size }, copied) => {
      for (const [done, ms] of [
        [GIB, 4999],
        [2 * GIB, 1],
        [2.5 * GIB, 4999],
        [size, 0],
      ] as const) {
        await it.clock.advance(ms);
        await copied(bytes(done));
        const { copiedBytes, progress, message } = it.status() ?? {};
        seen.push([copiedBytes as Bytes, progress, message]);
      }
    },
  };
  await it.run({ copier });
  expect(seen).toEqual([
    [0, 0, '0 B of 3 GiB are copied from /dev/pool-0/s1.'],
    [2 * GIB, 66, '2 GiB of 3 GiB are copied from /dev/pool-0/s1.'],
    [2 * GIB, 66, '2 GiB of 3 GiB are copied from /dev/pool-0/s1.'],
    [3 * GIB, 99, '3 GiB of 3 GiB are copied from /dev/pool-0/s1.'],
  ]);
});

test.each<[string, Given, string, string]>([
  ['overflowed', { snapshot: snapshotOf('s1', { snapshot: { overflowed: true } }) }, 'SourceFailed', 'overflowed'],
  ['gone', { snapshot: 'none' }, 'SourceMissing', 'cannot be made from it'],
  [
    'is being deleted',
    { snapshot: { ...snapshotOf('s1'), metadata: { name: 's1', deletionTimestamp: '2026-01-01T00:00:00Z' } } },
    ...(['SourceMissing', 'cannot be made from it'] as const),
  ],
  [
    'shows more than the volume has, since its source grew before it was taken',
    { snapshot: snapshotOf('s1', { snapshot: { sourceBytes: 5 * GIB } }) },
    ...(['SourceFailed', 'Snapshot s1 shows 5 GiB, and this volume has 4 GiB'] as const),
  ],
  ['has no logical volume', { inGroup: { name: 's2' } }, 'SourceMissing', 'Snapshot s1 is not in volume group pool-0.'],
  [
    'could not be taken',
    { snapshot: snapshotOf('s1', { phase: 'Failed', message: 'no room' }) },
    'SourceMissing',
    'no room',
  ],
])('a snapshot that %s: refused, and nothing is copied', async (_, given, reason, message) => {
  const it = rig(given);
  for (let call = 0; call < 2; call += 1) await expect(it.run()).rejects.toThrow(message);
  expect(it.did, 'told once').toEqual([`event ${reason}`]);
  expect(it.status()).toMatchObject({ phase: 'Failed', reason, message: expect.stringContaining(message) as string });
});

test.each<[string, Given]>([
  ['not made yet', { spec: { source: { volume: 'v0' } }, snapshot: 'none' }],
  ['being taken', { snapshot: snapshotOf('s1', { phase: 'Pending' }) }],
])('a snapshot that is %s is waited for, and nobody is alarmed', async (_, given) => {
  const it = rig(given);
  expect(await it.run()).toBe('waits');
  expect(it.did).toEqual([]);
  expect(it.status()).toMatchObject({ phase: 'Pending', reason: 'SourceMissing' });
});

test('a source whose reads fail leaves the volume not Ready, and says so', async () => {
  const it = rig();
  const copier = { copy: () => Promise.reject(new Fault('precondition', '/dev/pool-0/s1 cannot be read: EIO')) };
  await expect(it.run({ copier })).rejects.toThrow('EIO');
  expect(it.status()).toMatchObject({ phase: 'Failed', reason: 'SourceFailed' });
  const full = { copy: () => Promise.reject(new Fault('unavailable', '/dev/pool-0/v1 cannot be written')) };
  await expect(it.run({ copier: full })).rejects.toThrow('written');
  expect(it.status()).toMatchObject({ phase: 'Failed', reason: 'CopyFailed' });
});

test('a path that leads to another volume is neither read nor written', async () => {
  const it = rig();
  const disks = { mapperUuid: (path: string) => Promise.resolve(path.endsWith('v1') ? 'LVM-other' : undefined) };
  await expect(it.run({ disks })).rejects.toThrow('/dev/pool-0/v1 leads to LVM-other');
  expect(it.copies).toEqual([]);
});

test.each(['/dev/pool-0/v1', mappingPathOf('v1')])(
  'nothing is copied onto a volume that is mounted by %s, though its object says that it is not filled',
  async (device) => {
    const it = rig({ status: begunOn('lv-v1') });
    const entry = sampleMount('/pods/a', { source: device });
    const mounts = {
      list: () => Promise.resolve([sampleMount('/'), entry]),
      shows: ({ source }: { readonly source: string }, path: string) => Promise.resolve(source === path),
    };
    await expect(it.run({ mounts })).rejects.toThrow('pool-0/v1 is mounted at /pods/a');
    expect(it.did).toEqual(['event InUse']);
    expect(it.status()).toMatchObject({ phase: 'Failed', reason: 'InUse', copiedBytes: 2 * GIB });
  },
);

test('a snapshot whose device is not there, as after a boot, is activated', async () => {
  const it = rig({ inGroup: { active: false } });
  await it.run();
  expect(it.did.slice(0, 2)).toEqual(['activate s1', 'copy']);
});

test('a snapshot that cannot be activated is told so', async () => {
  const it = rig({ inGroup: { active: false } });
  const activateVolume = () => Promise.reject(new Fault('unavailable', 'refusing activation'));
  await expect(it.run({ lvm: { ...it.deps.lvm, activateVolume } })).rejects.toThrow('refusing activation');
  expect(it.status()).toMatchObject({ phase: 'Failed', reason: 'ActivationFailed' });
});

test('the copy of an xfs is recorded as one, also where it has the sign of something else', async () => {
  const it = rig({ spec: { fsType: 'xfs' }, content: xfs });
  const marked: string[] = [];
  const write = {
    ...it.deps.write,
    markFormatted: async (name: string, type: string) => void marked.push(`${name} ${type}`),
  };
  const probe: CopyVolumeDeps['filesystems']['probe'] = async (device, signal, only) =>
    only === 'xfs' ? it.deps.filesystems.probe(device, signal) : { kind: 'other', what: 'linux_raid_member' };
  await it.run({ write, filesystems: { ...it.deps.filesystems, probe } });
  expect(it.did).toContain('settle /dev/pool-0/v1');
  expect(marked).toEqual(['v1 xfs']);
});

test('a copy that is stopped tells nothing', async () => {
  const it = rig();
  const stopping = new AbortController();
  const copier = {
    copy: () => {
      stopping.abort(new Error('removed'));
      return Promise.reject(new Fault('unavailable', 'it is closed'));
    },
  };
  await expect(
    copyVolume(it.object.read() ?? sampleLocalVolume(), { ...it.deps, copier }, stopping.signal),
  ).rejects.toThrow('removed');
  expect(it.status()).toMatchObject({ phase: 'Pending', reason: 'Copying' });
});
