import { expect, test } from 'vitest';
import { luksUuidOf, mappingNameOf, mappingPathOf } from '../../crypt/names.ts';
import { GIB, MIB } from '../../model/bytes.ts';
import { Fault } from '../../model/fault.ts';
import type { Content } from '../../mount/filesystem.ts';
import { Code } from '../status.ts';
import {
  encrypted,
  expand,
  INLINE,
  never,
  publish,
  rig,
  stage,
  unpublish,
  unstage,
  type Rig,
} from '../../../test/rig/csi-node.ts';
import { planLuks } from './plan-luks.ts';

const DEVICE = '/dev/g/v1';
const NAME = mappingNameOf('v1');
const key = 'the first key';
const next = 'the second key\n';
const bytesOf = (text: string): Uint8Array => Buffer.from(text);

async function encryptedRig(...given: Parameters<typeof encrypted> | []): Promise<Rig> {
  const it = await rig();
  it.volumes.set('v1', encrypted('v1', given[1]));
  return it;
}

/** The machine was started again: nothing is open or mounted, and what is on the disks stays. */
async function reboot(it: Rig): Promise<void> {
  for (const { target } of await it.mounts.list(never)) await it.mounts.unmount(target, never);
  await it.crypt.close(NAME, never);
}

const opens = (it: Rig, text: string): Promise<boolean> => it.crypt.opens(DEVICE, bytesOf(text), never);
const filesystem = (it: Rig): Promise<Content> => it.filesystems.probe(mappingPathOf('v1'), never);

const blank: Content = { kind: 'blank' };
const damaged: Content = { kind: 'blank', looksLike: 'crypto_LUKS' };
const luks = (uuid: string): Content => ({ kind: 'other', what: 'crypto_LUKS', uuid });
const own = luks(luksUuidOf('v1'));
const foreign = luks(luksUuidOf('v2'));
type Recorded = Parameters<typeof encrypted>[1];

test.each<[string, Recorded, Content, number | undefined, string]>([
  ['blank, and always was', {}, blank, undefined, 'make'],
  ['blank, after formatting was begun', { recorded: 'begun' }, blank, undefined, 'make'],
  ['half of what a cut try of ours wrote', { recorded: 'begun' }, damaged, undefined, 'make'],
  ['the same, of one whose key nobody has any more', { forgetsKey: true }, damaged, undefined, 'make'],
  ['what a cut try of ours left', { recorded: 'begun' }, own, 0, 'make'],
  ['what a cut try of ours left, half written', { recorded: 'begun' }, own, undefined, 'make'],
  ['ours, with a key, though it is recorded as begun', { recorded: 'begun' }, own, 1, 'open'],
  ['ours, and recorded as done', { recorded: 'done' }, own, 1, 'open'],
  ['ours, recorded as done, and its keys were destroyed', { recorded: 'done' }, own, 0, 'open'],
  ['ours, and what was recorded of it is lost', {}, own, 1, 'open'],
  ['a copy with the header of its source', { copied: true }, foreign, 1, 'rename'],
  ['a copy that has its own header', { copied: true }, own, 1, 'open'],
  ['one whose key nobody has any more', { recorded: 'done', forgetsKey: true }, own, 1, 'make'],
])('a device that is %s', (_, more, content, slots, plan) => {
  const header = slots === undefined ? undefined : { slots };
  expect(planLuks({ id: 'v1', encryption: encrypted('v1', more).encryption! }, content, header)).toBe(plan);
});

test.each<[string, Recorded, Content, string]>([
  ['gone', {}, { kind: 'missing' }, 'is missing'],
  ['blank, after it was encrypted', { recorded: 'done' }, blank, 'it is not made anew'],
  ['nothing to blkid, and begins like something', {}, damaged, 'begins like crypto_LUKS'],
  ['a stranger’s LUKS volume', {}, foreign, 'not its own'],
  ['a stranger’s LUKS volume, after formatting was begun', { recorded: 'begun' }, foreign, 'not its own'],
  ['a stranger’s, of an inline volume', { forgetsKey: true }, foreign, 'not its own'],
  ['a stranger’s, of a copy that was opened once', { copied: true, recorded: 'done' }, foreign, 'not its own'],
  ['a LUKS volume without a UUID', { recorded: 'begun' }, { kind: 'other', what: 'crypto_LUKS' }, 'not its own'],
  ['a plain filesystem', {}, { kind: 'filesystem', type: 'ext4' }, 'carries ext4, and is not encrypted'],
  [
    'a disk of LVM',
    { copied: true },
    { kind: 'other', what: 'LVM2_member' },
    'carries LVM2_member, and is not encrypted',
  ],
])('a device that is %s is left alone', (_, more, content, message) => {
  expect(() => planLuks({ id: 'v1', encryption: encrypted('v1', more).encryption! }, content, { slots: 0 })).toThrow(
    message,
  );
});

test.each<[string, Record<string, string>, string]>([
  ['no secret', {}, 'csi.storage.k8s.io/node-stage-secret-name and csi.storage.k8s.io/node-stage-secret-namespace'],
  ['a secret with another key’s name', { passphrase: key }, 'no secret with a "key"'],
  ['a key of zero bytes', { key: '' }, '"key" of its secret is empty'],
  ['a key of one megabyte', { key: 'k'.repeat(MIB) }, `"key" of its secret has ${MIB} bytes: use at most 65536`],
  ['a previous key of zero bytes', { key, previousKey: '' }, '"previousKey" of its secret is empty'],
  ['a previous key of one megabyte', { key, previousKey: 'k'.repeat(MIB) }, '"previousKey" of its secret has'],
])('%s is refused by name, and nothing is made', async (_, secrets, message) => {
  const it = await encryptedRig();
  const failed = stage(it, { secrets });
  await expect(failed).rejects.toMatchObject({ code: Code.INVALID_ARGUMENT });
  await expect(failed).rejects.toThrow(message);
  expect(await it.crypt.header(DEVICE, never)).toBeUndefined();
  expect(it.volumes.get('v1')?.encryption?.recorded).toBeUndefined();
});

test.each([true, false])(
  'what a new key shows of old bytes is taken for nothing (a filesystem: %s)',
  async (isMounted) => {
    const it = await encryptedRig();
    const real = { ...it.filesystems };
    const cleared: string[] = [];
    it.filesystems.unformat = (device) => Promise.resolve(void cleared.push(device));
    it.filesystems.probe = (device, signal) =>
      device === DEVICE || cleared.includes(device)
        ? real.probe(device, signal)
        : Promise.resolve({ kind: 'other', what: 'jbd' });
    for (const _ of [1, 2]) await stage(it, { secrets: { key }, block: !isMounted });
    expect(cleared).toEqual(isMounted ? [mappingPathOf('v1')] : []);
  },
);

test('an encrypted volume is formatted once, mounted through its mapping, closed, and opened again', async () => {
  const it = await encryptedRig();
  let marks = 0;
  const known = { ...it.known };
  it.known.markEncrypted = (...args) => known.markEncrypted(...args).finally(() => (marks += 1));
  it.crypt.identify = () => Promise.reject(new Error('it has its own UUID'));
  await stage(it, { secrets: { key } });
  it.known.find = (id, signal, how) =>
    how === 'fresh' ? Promise.reject(new Error('nothing is to be made')) : known.find(id, signal, how);
  await stage(it, { secrets: { key } });
  await publish(it);
  expect((await it.mounts.list(never)).map(({ source }) => source)).toEqual([mappingPathOf('v1'), mappingPathOf('v1')]);
  const [header, made] = [await it.crypt.header(DEVICE, never), await filesystem(it)];
  await unpublish(it);
  expect(await it.crypt.mapping(NAME, never)).toBeDefined();
  for (const _ of [1, 2]) await unstage(it);
  expect(await it.crypt.mapping(NAME, never)).toBeUndefined();
  await stage(it, { secrets: { key } });
  expect([await it.crypt.header(DEVICE, never), await filesystem(it)]).toEqual([header, made]);
  await reboot(it);
  await stage(it, { secrets: { key } });
  expect([await filesystem(it), marks]).toEqual([made, 1]);
});

test('what was heard of a volume is not enough to encrypt it: it may be older than what is on it', async () => {
  const it = await encryptedRig('v1', { recorded: 'done' });
  const known = { ...it.known };
  it.known.find = (id, signal, how) =>
    how === 'fresh' ? known.find(id, signal, how) : Promise.resolve(encrypted('v1', { recorded: undefined }));
  it.crypt.format = () => Promise.reject(new Error('must not be formatted'));
  await expect(stage(it, { secrets: { key } })).rejects.toMatchObject({
    code: Code.FAILED_PRECONDITION,
    details: expect.stringContaining('it is not made anew') as string,
  });
});

test('a mapping that does not appear is waited for', async () => {
  const it = await encryptedRig();
  it.crypt.mapping = () => Promise.resolve(undefined);
  await expect(stage(it, { secrets: { key } })).rejects.toMatchObject({
    code: Code.UNAVAILABLE,
    details: expect.stringContaining('has not appeared') as string,
  });
});

test('a raw device is the mapping, and never what is below it', async () => {
  const it = await encryptedRig();
  await expect(publish(it, { block: true })).rejects.toMatchObject({
    code: Code.FAILED_PRECONDITION,
    details: expect.stringMatching(
      /is encrypted, and not open: NodeStageVolume comes first.* delete the pod/,
    ) as string,
  });
  await stage(it, { block: true, secrets: { key } });
  await publish(it, { block: true });
  expect((await it.mounts.list(never)).map(({ source }) => source)).toEqual([mappingPathOf('v1')]);
});

test.each([true, false])('a wrong key opens nothing and changes nothing (open already: %s)', async (isOpen) => {
  const it = await encryptedRig();
  await stage(it, { secrets: { key } });
  if (!isOpen) await unstage(it);
  const before = await it.crypt.header(DEVICE, never);
  for (const secrets of [{ key: 'wrong' }, { key: 'wrong', previousKey: 'wrong too' }]) {
    const failed = stage(it, { secrets });
    await expect(failed).rejects.toMatchObject({ code: Code.FAILED_PRECONDITION });
    await expect(failed).rejects.toThrow(/"key" of its secret does not open it|neither "key" nor "previousKey"/);
    await expect(failed).rejects.not.toThrow(/wrong/);
  }
  expect(await it.crypt.header(DEVICE, never)).toEqual(before);
  expect((await it.crypt.mapping(NAME, never)) !== undefined).toBe(isOpen);
  await stage(it, { secrets: { key } });
});

test.each([true, false])('a key is replaced by the next at stage (open already: %s)', async (isOpen) => {
  const it = await encryptedRig();
  await stage(it, { secrets: { key } });
  const made = await filesystem(it);
  if (!isOpen) await unstage(it);
  for (const _ of [1, 2]) await stage(it, { secrets: { key: next, previousKey: key } });
  expect([await opens(it, key), await opens(it, next)]).toEqual([false, true]);
  expect(await filesystem(it)).toEqual(made);
  await stage(it, { secrets: { key: next, previousKey: next } }); // the same twice takes nothing away
  expect(await opens(it, next)).toBe(true);
});

/** Ends a step that changes something before it is done, or after, as a kill does; resolves to what heals that. */
function cutting(it: Rig, step: Step, when: 'before' | 'after'): () => void {
  const [crypt, known] = [{ ...it.crypt }, { ...it.known }];
  const cut =
    <A extends readonly unknown[], R>(work: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      if (when === 'after') await work(...args);
      throw new Fault('unavailable', 'killed');
    };
  const owner = step === 'markEncrypting' || step === 'markEncrypted' ? it.known : it.crypt;
  Object.assign(owner, { [step]: cut((owner as unknown as Record<Step, () => Promise<unknown>>)[step]) });
  return () => {
    Object.assign(it.crypt, crypt);
    Object.assign(it.known, known);
  };
}
type Step = 'markEncrypting' | 'format' | 'markEncrypted' | 'open' | 'addKey' | 'removeKey';
const each = <const T extends Step>(...steps: T[]) =>
  steps.flatMap((step) => (['before', 'after'] as const).map((when) => [step, when] as const));

test.each(each('markEncrypting', 'format', 'markEncrypted', 'open'))(
  'killed at %s, %s it, while a volume is made: the next try ends with one that the key opens',
  async (step, when) => {
    const it = await encryptedRig();
    const heal = cutting(it, step, when);
    await expect(stage(it, { secrets: { key } })).rejects.toMatchObject({ code: Code.UNAVAILABLE });
    heal();
    await stage(it, { secrets: { key } });
    expect(await opens(it, key)).toBe(true);
    expect(await filesystem(it)).toMatchObject({ kind: 'filesystem', type: 'ext4' });
    expect(it.volumes.get('v1')?.encryption?.recorded).toBe('done');
  },
);

test('what pods wrote stays when etcd is restored from before the volume was known to be made', async () => {
  const it = await encryptedRig();
  await stage(it, { secrets: { key } });
  const [header, made] = [await it.crypt.header(DEVICE, never), await filesystem(it)];
  await reboot(it);
  await it.known.markEncrypting('v1', luksUuidOf('v1'), never); // as the backup has it
  await expect(stage(it, { secrets: { key: next } })).rejects.toMatchObject({ code: Code.FAILED_PRECONDITION });
  await stage(it, { secrets: { key } });
  expect([await it.crypt.header(DEVICE, never), await filesystem(it)]).toEqual([header, made]);
  expect(it.volumes.get('v1')?.encryption?.recorded).toBe('done');
});

test.each(each('addKey', 'open', 'removeKey'))(
  'killed at %s, %s it, while a key is replaced: one of both opens it always, and the next try ends with the new one',
  async (step, when) => {
    const it = await encryptedRig();
    await stage(it, { secrets: { key } });
    await unstage(it);
    const heal = cutting(it, step, when);
    const secrets = { key: next, previousKey: key };
    await expect(stage(it, { secrets })).rejects.toMatchObject({ code: Code.UNAVAILABLE });
    heal();
    expect((await opens(it, key)) || (await opens(it, next))).toBe(true);
    await stage(it, { secrets });
    expect([await opens(it, key), await opens(it, next)]).toEqual([false, true]);
    expect((await it.crypt.header(DEVICE, never))?.slots).toBe(1);
  },
);

test('what somebody else opened under the volume’s name is neither used nor closed', async () => {
  const it = await encryptedRig();
  await it.crypt.format('/dev/g/v2', { uuid: luksUuidOf('v1'), label: '', key: bytesOf(key), sectorSize: 512 }, never);
  await it.crypt.open({ device: '/dev/g/v2', name: NAME, key: bytesOf(key) }, never);
  const failed = stage(it, { secrets: { key } });
  await expect(failed).rejects.toMatchObject({ code: Code.ALREADY_EXISTS });
  await expect(failed).rejects.toThrow('open over /dev/g/v2 and is not this volume');

  await it.crypt.format(DEVICE, { uuid: luksUuidOf('v2'), label: '', key: bytesOf(key), sectorSize: 512 }, never);
  await it.crypt.close(NAME, never);
  await it.crypt.open({ device: DEVICE, name: NAME, key: bytesOf(key) }, never);
  await expect(stage(it, { secrets: { key } })).rejects.toThrow(`open over ${DEVICE} and is not this volume`);
  await it.crypt.close(NAME, never);

  await it.crypt.identify('/dev/g/v2', luksUuidOf('v2'), never);
  await it.crypt.open({ device: '/dev/g/v2', name: NAME, key: bytesOf(key) }, never);
  await unstage(it);
  expect(await it.crypt.mapping(NAME, never)).toBeDefined();
});

test('a mapping below which there is no device any more is not used', async () => {
  const it = await encryptedRig();
  await stage(it, { secrets: { key } });
  const crypt = { ...it.crypt };
  it.crypt.mapping = async (...args) => {
    const found = await crypt.mapping(...args);
    return found && { ...found, below: [] };
  };
  await expect(stage(it, { secrets: { key } })).rejects.toThrow('is open over nothing and is not this volume');
});

test('a volume that is mounted elsewhere is not closed, and it is said where', async () => {
  const it = await encryptedRig();
  await stage(it, { secrets: { key } });
  await it.mounts.mount({ source: mappingPathOf('v1'), target: '/somewhere', fsType: 'ext4', options: [] }, never);
  await it.mounts.mount({ source: '/dev/g/v2', target: '/elsewhere', fsType: 'ext4', options: [] }, never);
  await expect(unstage(it)).rejects.toThrow('cannot be closed: it is mounted at /somewhere');
  await it.mounts.unmount('/somewhere', never);
  await unstage(it);
  expect(await it.crypt.mapping(NAME, never)).toBeUndefined();
});

test('a volume on which something stands is not closed, and it is said what', async () => {
  const it = await encryptedRig();
  await stage(it, { secrets: { key } });
  const crypt = { ...it.crypt };
  it.crypt.mapping = async (...args) => {
    const found = await crypt.mapping(...args);
    return found && { ...found, holders: ['dm-9'] };
  };
  await expect(unstage(it)).rejects.toThrow('cannot be closed: dm-9 stands on it');
  expect(await crypt.mapping(NAME, never)).toBeDefined();
});

test('the old key stays until the new one is seen to open the volume', async () => {
  const it = await encryptedRig();
  await stage(it, { secrets: { key } });
  it.crypt.addKey = () => Promise.resolve();
  await expect(stage(it, { secrets: { key: next, previousKey: key } })).rejects.toMatchObject({
    code: Code.UNAVAILABLE,
    details: expect.stringContaining('does not open it yet') as string,
  });
  expect(await opens(it, key)).toBe(true);
});

test('growing asks for the key again, and for none where nothing grew', async () => {
  const it = await encryptedRig();
  await stage(it, { secrets: { key } });
  await publish(it);
  expect((await expand(it, GIB - 16 * MIB)).capacityBytes).toBe(BigInt(GIB - 16 * MIB));
  const resized: string[] = [];
  const crypt = { ...it.crypt };
  it.crypt.resize = (name, tried, signal) => {
    resized.push(Buffer.from(tried).toString());
    return crypt.resize(name, tried, signal);
  };
  // The double’s mapping is always as large as its device, so a device is shown that has grown more than it.
  const filesystems = { ...it.filesystems };
  it.filesystems.sizeOf = (device, signal) => filesystems.sizeOf(device === DEVICE ? '/dev/g/v2' : device, signal);
  it.devices.set('/dev/g/v2', 2 * GIB);
  await expect(expand(it, GIB)).rejects.toThrow('csi.storage.k8s.io/node-expand-secret-name');
  await expect(expand(it, GIB, 'v1', { key: 'wrong' })).rejects.toMatchObject({ code: Code.FAILED_PRECONDITION });
  it.devices.set(DEVICE, 2 * GIB);
  it.devices.set('/dev/g/v2', 3 * GIB);
  const grown = await expand(it, GIB, 'v1', { key: next, previousKey: key });
  expect(grown.capacityBytes).toBe(BigInt(2 * GIB - 16 * MIB));
  expect(resized).toEqual(['wrong', next, key]);
});

test('a copy opens with the key of its source, under a UUID of its own', async () => {
  const it = await encryptedRig('v1', { copied: true });
  await it.crypt.format(DEVICE, { uuid: luksUuidOf('v2'), label: '', key: bytesOf(key), sectorSize: 4096 }, never);
  await stage(it, { secrets: { key: next, previousKey: key } });
  expect(await it.crypt.header(DEVICE, never)).toMatchObject({ uuid: luksUuidOf('v1'), slots: 1 });
  expect([await opens(it, next), it.volumes.get('v1')?.encryption?.recorded]).toEqual([true, 'done']);
});

const context = { 'csi.storage.k8s.io/ephemeral': 'true', vgName: 'g', size: '1Gi' };

test('the key of an inline volume is kept nowhere: it stays open for its pod, and after a boot it is made anew', async () => {
  const it = await encryptedRig();
  const device = { device: '/dev/g/v1', recorded: undefined, copied: false, forgetsKey: true } as const;
  const name = mappingNameOf(INLINE);
  it.known.makeInline = () => {
    const { encryption = device, ...known } = it.volumes.get(INLINE) ?? encrypted(INLINE);
    it.volumes.set(INLINE, { ...known, encryption: { ...encryption, ...{ device: '/dev/g/v1', forgetsKey: true } } });
    return Promise.resolve();
  };
  const publishInline = () => publish({ ...it, staging: '' }, { context, volumeId: INLINE });
  for (const _ of [1, 2]) await publishInline();
  const [header, made] = [it.volumes.get(INLINE)?.formatting?.uuid, await it.crypt.mapping(name, never)];
  expect([header, made?.luksUuid]).toEqual([expect.any(String), luksUuidOf(INLINE)]);
  await it.mounts.unmount(it.target, never);
  await it.crypt.close(name, never);
  await publishInline();
  expect(it.volumes.get(INLINE)?.formatting?.uuid).not.toBe(header);
  await unpublish(it, INLINE);
  expect(await it.crypt.mapping(name, never)).toBeUndefined();
});
