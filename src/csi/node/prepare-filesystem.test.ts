import { expect, test } from 'vitest';
import { CONTRADICTING, type Content } from '../../mount/filesystem.ts';
import { Fault } from '../../model/fault.ts';
import { present } from '../../model/present.ts';
import * as csi from '../gen/csi.ts';
import { capability, never, rig, stage, volume, type Rig } from '../../../test/rig/csi-node.ts';
import { Code } from '../status.ts';
import type { NodeVolume } from './node-volumes.ts';
import { planFilesystem } from './prepare-filesystem.ts';

const DEVICE = '/dev/g/v1';
const OURS = 'u-ours';
const begun = { formatting: { type: 'xfs', uuid: OURS } } as const;
const carrying = (type: string, uuid: string): Content => ({ kind: 'filesystem', type, uuid });
const cut = (uuid: string): Content => ({ kind: 'filesystem', type: 'xfs', uuid, unfinished: true });
const blank: Content = { kind: 'blank' };
const damaged: Content = { kind: 'blank', looksLike: 'ext2, ext3 or ext4' };

test.each<[string, Parameters<typeof volume>[1], Content, string]>([
  ['blank, and always was', {}, blank, 'make'],
  ['blank, after formatting was begun', begun, blank, 'make'],
  ['what a cut mkfs of ours left, and is nothing yet', begun, damaged, 'make'],
  ['what a cut try of ours left', begun, cut(OURS), 'make-anew'],
  ['ours, and finished, though it is recorded as begun', begun, carrying('xfs', OURS), 'keep'],
  ['cut, and not the one that we began', begun, cut('u-2'), 'keep'],
  ['cut, and recorded as done', { ...begun, formatted: 'xfs' }, cut(OURS), 'keep'],
  ['ours, and recorded as done', { ...begun, formatted: 'xfs' }, carrying('xfs', OURS), 'keep'],
  ['of the type asked for, and not begun by us', {}, carrying('xfs', 'u-2'), 'keep'],
  ['of the type asked for, and not the one that we began', begun, carrying('xfs', 'u-2'), 'keep'],
  ['of the type asked for, without a UUID', {}, { kind: 'filesystem', type: 'xfs' }, 'keep'],
  ['cut, of a copy, whose source was being formatted', { isCopy: true }, cut('u-of-the-source'), 'make-anew'],
  ['cut, of a copy that we began to format since', { ...begun, isCopy: true }, cut('u-of-the-source'), 'keep'],
  ['cut, of a copy that was formatted', { formatted: 'xfs', isCopy: true }, cut('u-of-the-source'), 'keep'],
  ['whole, of a copy', { isCopy: true }, carrying('xfs', 'u-of-the-source'), 'keep'],
  ['cut, without a UUID, and not begun by us', {}, { kind: 'filesystem', type: 'xfs', unfinished: true }, 'keep'],
])('a device that is %s', (_, more, content, plan) => {
  expect(planFilesystem(volume('v1', more), content, 'xfs')).toBe(plan);
});

test.each<[string, Parameters<typeof volume>[1], Content, string]>([
  ['gone', begun, { kind: 'missing' }, 'is missing'],
  ['of another type, and not the one that we began', begun, carrying('ext4', 'u-2'), 'carries ext4, not the xfs'],
  [
    'of another type, finished under the UUID that we began',
    begun,
    carrying('ext4', OURS),
    'carries ext4, not the xfs',
  ],
  [
    'in use otherwise, after formatting was begun',
    begun,
    { kind: 'other', what: 'LVM2_member' },
    'carries LVM2_member',
  ],
  ['blank, after it was formatted', { ...begun, formatted: 'xfs' }, blank, 'not formatted again'],
  ['nothing to blkid, and begins like something', {}, damaged, 'begins like ext2, ext3 or ext4'],
  ['the same, of a volume that was made before us', { isAdopted: true }, damaged, 'it is not formatted'],
  ['another one of ours by now', { ...begun, formatted: 'xfs' }, carrying('ext4', OURS), 'carries ext4'],
])('a device that is %s is left alone', (_, more, content, message) => {
  expect(() => planFilesystem(volume('v1', more), content, 'xfs')).toThrow(message);
});

const named = { isKnownByName: true } as const;

test.each<[string, Parameters<typeof volume>[1], Content]>([
  ['is the one that we began', { ...begun, ...named }, carrying('xfs', OURS)],
  ['was formatted before UUIDs were recorded', { formatted: 'xfs', ...named }, carrying('xfs', 'u-2')],
  ['was made before us', { isAdopted: true, ...named }, carrying('xfs', 'u-2')],
  ['has no UUID', { ...begun, ...named }, { kind: 'filesystem', type: 'xfs' }],
])('the filesystem of a disk that is known by its name is used when it %s', (_, more, content) => {
  expect(planFilesystem(volume('v1', more), content, 'xfs')).toBe('keep');
});

test.each<[string, Parameters<typeof volume>[1], string]>([
  ['another than was made', { ...begun, formatted: 'xfs', ...named }, `not its own, ${OURS}`],
  ['another than was begun', { ...begun, ...named }, `blkid --uuid ${OURS} tells`],
  ['there, and none was made', named, 'of which it has none yet'],
])('a disk that is known by its name is left alone when its filesystem is %s', (_, more, told) => {
  const plan = () => planFilesystem(volume('v1', more), carrying('xfs', 'u-2'), 'xfs');
  expect(plan).toThrow('carries the xfs u-2');
  expect(plan).toThrow(told);
  expect(plan).toThrow('kubectl annotate localvolume v1 csi.aliyun.com/formatting="xfs u-2" --overwrite');
});

/** Ends a step that changes something before it is done, or after, as a kill does; resolves to what heals that. */
function cutting(it: Rig, step: 'begun' | 'format' | 'done', when: 'before' | 'after'): () => void {
  const [filesystems, known] = [{ ...it.filesystems }, { ...it.known }];
  const killed =
    <A extends readonly unknown[]>(work: (...args: A) => Promise<unknown>) =>
    async (...args: A): Promise<never> => {
      if (when === 'after') await work(...args);
      throw new Fault('unavailable', 'killed');
    };
  if (step === 'format') it.filesystems.format = killed((...args) => filesystems.format(...args));
  if (step === 'begun') it.known.markFormatting = killed((...args) => known.markFormatting(...args));
  if (step === 'done') it.known.markFormatted = killed((...args) => known.markFormatted(...args));
  return () => {
    Object.assign(it.filesystems, filesystems);
    Object.assign(it.known, known);
  };
}

test.each([
  ['begun', 'before'],
  ['begun', 'after'],
  ['format', 'before'],
  ['format', 'after'],
  ['done', 'before'],
  ['done', 'after'],
] as const)(
  'killed when formatting is at "%s", %s it: the next try ends with one whole filesystem',
  async (step, when) => {
    const it = await rig();
    const heal = cutting(it, step, when);
    await expect(stage(it, { fsType: 'xfs' })).rejects.toMatchObject({ code: Code.UNAVAILABLE });
    heal();
    expect(await it.mounts.list(never)).toEqual([]);
    const made: string[] = [];
    const real = { ...it.filesystems };
    it.filesystems.format = async (device, wanted, signal) => {
      expect(await it.filesystems.probe(device, signal)).toEqual(blank); // mkfs refuses anything else
      made.push(wanted.uuid);
      await real.format(device, wanted, signal);
    };
    for (const _ of [1, 2]) await stage(it, { fsType: 'xfs' });
    const isMade = step === 'done' || (step === 'format' && when === 'after');
    expect(made).toHaveLength(isMade ? 0 : 1);
    const { formatted, formatting } = it.volumes.get('v1') ?? {};
    expect([formatted, await it.filesystems.probe(DEVICE, never)]).toEqual([
      'xfs',
      carrying('xfs', formatting?.uuid ?? ''),
    ]);
  },
);

test('a filesystem that says that its making was cut is made anew, once', async () => {
  const it = await rig();
  const heal = cutting(it, 'format', 'after');
  await expect(stage(it, { fsType: 'xfs' })).rejects.toMatchObject({ code: Code.UNAVAILABLE });
  heal();
  const real = { ...it.filesystems };
  const done: string[] = [];
  it.filesystems.probe = async (device, signal) => {
    const content = await real.probe(device, signal);
    return content.kind === 'filesystem' && done.length < 2 ? { ...content, unfinished: true } : content;
  };
  it.filesystems.unformat = (device, signal) => real.unformat(device, signal).finally(() => done.push('unformat'));
  it.filesystems.format = (...args) => real.format(...args).finally(() => done.push('format'));
  for (const _ of [1, 2]) await stage(it, { fsType: 'xfs' });
  expect(done).toEqual(['unformat', 'format']);
});

test('what pods wrote stays when etcd is restored from before the filesystem was known to be made', async () => {
  const it = await rig();
  await stage(it, { fsType: 'xfs' });
  const made = await it.filesystems.probe(DEVICE, never);
  await it.mounts.unmount(it.staging, never);
  it.volumes.set('v1', volume('v1', { ...it.volumes.get('v1'), formatted: undefined })); // as the backup has it
  it.filesystems.format = () => Promise.reject(new Error('must not be formatted'));
  it.filesystems.unformat = () => Promise.reject(new Error('must not be wiped'));
  await stage(it, { fsType: 'xfs' });
  expect(await it.filesystems.probe(DEVICE, never)).toEqual(made);
  expect(it.volumes.get('v1')?.formatted).toBe('xfs');
});

test.each([
  ['where it was staged', (it: Rig) => it.staging],
  ['for a container alone', (it: Rig) => `${it.folder}/pods/a/volume-subpaths/pv/c/0`],
])('of a volume that is mounted %s the kernel is asked what it carries, and not the device', async (_, left) => {
  const it = await rig();
  await stage(it, { fsType: 'xfs' });
  if (left(it) !== it.staging) {
    await it.mounts.bind({ source: it.staging, target: left(it), readOnly: false, options: [] }, never);
    await it.mounts.unmount(it.staging, never);
  }
  const probed: string[] = [];
  it.filesystems.probe = (device) => {
    probed.push(device);
    return Promise.resolve(blank); // as a superblock that is being written to may look
  };
  await stage(it, { fsType: 'xfs' });
  await expect(stage({ ...it, staging: `${it.folder}/other` }, { fsType: 'ext4' })).rejects.toMatchObject({
    code: Code.FAILED_PRECONDITION,
    details: expect.stringContaining('carries xfs, not the ext4 asked for') as string,
  });
  expect(probed).toEqual([]);
});

test.each([
  ['an array at its end is staged again: it may be in a file', 'linux_raid_member', true, 'staged'],
  ['two things at once is staged again', CONTRADICTING, true, 'staged'],
  ['an array and was not recorded as formatted is left alone', 'linux_raid_member', false, 'carries linux_raid_member'],
  ['LVM at its start is left alone', 'LVM2_member', true, 'carries LVM2_member'],
])('a device that shows %s', async (_, what, isRecorded, want) => {
  const it = await rig();
  if (isRecorded) await stage(it, { fsType: 'ext4' });
  else await it.filesystems.format(DEVICE, { type: 'ext4', uuid: OURS }, never);
  await it.mounts.unmount(it.staging, never);
  const real = { ...it.filesystems };
  it.filesystems.probe = (device, signal, only) =>
    only === 'ext4' ? real.probe(device, signal) : Promise.resolve({ kind: 'other', what });
  const ended = await stage(it, { fsType: 'ext4' }).then(() => 'staged', String);
  expect(ended).toContain(want);
});

test('formatting goes on when the caller has given up, and the retry finds it done', async () => {
  const it = await rig();
  const [started, finish] = [Promise.withResolvers<AbortSignal>(), Promise.withResolvers<void>()];
  const real = { ...it.filesystems };
  let tries = 0;
  it.filesystems.format = async (device, wanted, signal) => {
    tries += 1;
    started.resolve(signal);
    await finish.promise;
    signal.throwIfAborted();
    await real.format(device, wanted, signal);
  };
  const caller = new AbortController();
  const first = stage(it, {}, 'v1', caller.signal);
  await started.promise;
  caller.abort();
  await expect(first).rejects.toMatchObject({ code: Code.CANCELLED });
  const retry = stage(it);
  finish.resolve();
  await retry;
  expect([tries, it.volumes.get('v1')?.formatted]).toEqual([1, 'ext4']);
});

test('what was heard of a volume is not enough to format it: it may be older than its formatting', async () => {
  const it = await rig();
  await stage(it);
  await it.mounts.unmount(it.staging, never);
  const known = { ...it.known };
  const stale = { ...it.volumes.get('v1'), formatted: undefined };
  it.known.find = (id, signal, how) => (how === 'fresh' ? known.find(id, signal) : Promise.resolve(volume(id, stale)));
  it.filesystems.format = () => Promise.reject(new Error('must not be formatted'));
  it.filesystems.unformat = () => Promise.reject(new Error('must not be wiped'));
  await stage(it);
  expect(await it.mounts.list(never)).toMatchObject([{ target: it.staging }]);
});

/** What is checked, in order. */
function watchChecks(it: Rig): string[] {
  const checked: string[] = [];
  it.filesystems.check = (device, fsType) => Promise.resolve(void checked.push(`${device} ${fsType}`));
  return checked;
}

test('a filesystem is checked before it is mounted, not when it is new, mounted or to be mounted read-only', async () => {
  const it = await rig();
  const checked = watchChecks(it);
  await stage(it);
  await stage(it);
  expect(checked).toEqual([]);
  await it.mounts.unmount(it.staging, never);
  await stage(it, { mode: 2 }); // SINGLE_NODE_READER_ONLY
  expect(checked).toEqual([]);
  await it.mounts.unmount(it.staging, never);
  await stage(it);
  expect(checked).toEqual([`${DEVICE} ext4`]);
});

test('a filesystem with damage is not mounted', async () => {
  const it = await rig();
  await it.filesystems.format(DEVICE, { type: 'ext4', uuid: OURS }, never);
  it.filesystems.check = () => Promise.reject(new Fault('precondition', 'it has damage'));
  await expect(stage(it)).rejects.toMatchObject({ code: Code.FAILED_PRECONDITION, details: 'it has damage' });
  expect(await it.mounts.list(never)).toEqual([]);
});

test('a volume that may only be read is mounted so', async () => {
  const it = await rig();
  await stage(it, { mode: 2 });
  expect((await it.mounts.list(never))[0]?.options).toContain('ro');
});

test('options of mkfs come from the class, and one that is not for everybody is refused before anything is done', async () => {
  const it = await rig();
  const made: (readonly string[] | undefined)[] = [];
  const real = { ...it.filesystems };
  it.filesystems.format = (device, wanted, signal) => {
    made.push(wanted.options);
    return real.format(device, wanted, signal);
  };
  const stageWith = (mkfsOptions: string) =>
    it.node.nodeStageVolume(
      csi.NodeStageVolumeRequest.fromPartial({
        volumeId: 'v1',
        stagingTargetPath: it.staging,
        volumeCapability: capability({ fsType: 'xfs' }),
        volumeContext: { mkfsOptions },
      }),
      never,
    );
  await expect(stageWith('-f')).rejects.toMatchObject({ code: Code.INVALID_ARGUMENT });
  expect(it.volumes.get('v1')?.formatting).toBeUndefined();
  await stageWith('-m reflink=0');
  expect(made).toEqual([['-m', 'reflink=0']]);
});

/** A volume of which a record was heard that is up to date, or is not; and how often the record was read anew. */
async function hearing(version: string | undefined, recorded: Partial<NodeVolume>) {
  const it = await rig();
  const heard = volume('v1', { ...it.volumes.get('v1'), ...present({ version }) });
  it.volumes.set('v1', volume('v1', { ...heard, ...recorded }));
  let [reads, isMarked] = [0, false];
  const known = { ...it.known };
  it.known.find = (id, signal, how) => {
    if (how === 'fresh') reads += 1;
    return how === 'fresh' || isMarked ? known.find(id, signal, how) : Promise.resolve(heard);
  };
  it.known.markFormatting = async (...args) => (isMarked = await known.markFormatting(...args));
  return { it, reads: () => reads };
}

test('formatting that begins on what is still recorded reads no record, and has the UUID that it recorded', async () => {
  const { it, reads } = await hearing('7', {});
  let marks = 0;
  const known = { ...it.known };
  it.known.markFormatted = (...args) => known.markFormatted(...args).finally(() => (marks += 1));
  for (const _ of [1, 2]) await stage(it, { fsType: 'xfs' });
  const made = it.volumes.get('v1');
  expect(await it.filesystems.probe(DEVICE, never)).toMatchObject({ type: 'xfs', uuid: made?.formatting?.uuid });
  expect([made?.formatted, reads(), marks]).toEqual(['xfs', 0, 1]);
});

test('formatting that was begun goes on under the UUID that was recorded', async () => {
  const it = await rig();
  it.volumes.set('v1', volume('v1', { version: '7', ...begun }));
  it.known.markFormatting = () => Promise.reject(new Error('must not be recorded again'));
  await stage(it, { fsType: 'xfs' });
  expect(await it.filesystems.probe(DEVICE, never)).toMatchObject({ type: 'xfs', uuid: OURS });
});

test('what says that it was cut, and was recorded as done since it was heard of, is left alone', async () => {
  const it = await rig();
  it.known.find = async (_id, _signal, how) => volume('v1', { ...begun, ...(how === 'fresh' && { formatted: 'xfs' }) });
  it.filesystems.probe = () => Promise.resolve(cut(OURS));
  it.filesystems.format = () => Promise.reject(new Error('must not be formatted'));
  it.filesystems.unformat = () => Promise.reject(new Error('must not be wiped'));
  await stage(it, { fsType: 'xfs' });
  expect(await it.mounts.list(never)).toMatchObject([{ target: it.staging }]);
});

test('what a cut try left gives way to the filesystem that is asked for now', async () => {
  const it = await rig();
  it.volumes.set('v1', volume('v1', { version: '7', ...begun }));
  const real = { ...it.filesystems };
  let isCut = true;
  it.filesystems.probe = (device, signal) => (isCut ? Promise.resolve(cut(OURS)) : real.probe(device, signal));
  it.filesystems.unformat = (device, signal) => real.unformat(device, signal).finally(() => (isCut = false));
  await stage(it, { fsType: 'ext4' });
  expect(await it.filesystems.probe(DEVICE, never)).toMatchObject({ type: 'ext4' });
});

test('a volume has the filesystem that its class asks for where the call names none, whatever others have', async () => {
  const it = await rig();
  await stage({ ...it, staging: `${it.folder}/other` }, { fsType: 'ext4' }, 'v2');
  it.volumes.set('v1', volume('v1', { fsType: 'xfs' }));
  await stage(it, { fsType: '' });
  expect(await it.filesystems.probe(DEVICE, never)).toMatchObject({ type: 'xfs' });
});

test.each<[string, string | undefined, Partial<NodeVolume>]>([
  ['was written since', '7', { version: '8' }],
  ['has no version', undefined, {}],
])('a record that %s is read anew before formatting', async (_, version, recorded) => {
  const { it, reads } = await hearing(version, recorded);
  await stage(it, { fsType: 'xfs' });
  expect([it.volumes.get('v1')?.formatted, reads()]).toEqual(['xfs', 1]);
});

test('what was formatted since it was heard of is not formatted, though it shows nothing', async () => {
  const { it } = await hearing('7', { version: '8', formatted: 'xfs' });
  it.filesystems.format = () => Promise.reject(new Error('must not be formatted'));
  await expect(stage(it, { fsType: 'xfs' })).rejects.toMatchObject({
    details: expect.stringContaining('not formatted again') as string,
  });
});
