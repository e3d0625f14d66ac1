import { stat } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { Code } from '../status.ts';
import { DATA, Mode, mountPoint, never, publish, rig, stage, type Rig } from '../../../test/rig/csi-node.ts';

const mode = Mode.SINGLE_NODE_SINGLE_WRITER;
/** Where the kubelet publishes a volume for a pod, and where else it mounts it. */
const targetOf = ({ folder }: Rig, pod: string): string => `${folder}/pods/${pod}/volumes/kubernetes.io~csi/pv/mount`;
const blockTargetOf = ({ folder }: Rig, pod: string): string =>
  `${folder}/plugins/kubernetes.io/csi/volumeDevices/publish/pv/${pod}`;
const seenAt = async ({ mounts }: Rig): Promise<readonly string[]> =>
  (await mounts.list(never)).map(({ target }) => target);
const bind = ({ mounts }: Rig, source: string, target: string): Promise<void> =>
  mounts.bind({ source, target, readOnly: false, options: [] }, never);

/** What the kubelet does when it is started again, or takes another look at a pod: the same calls. */
test.each<[string, boolean, (it: Rig) => Promise<void>, (it: Rig) => Promise<void>]>([
  ['a filesystem', false, async () => {}, async () => {}],
  ['a mounted filesystem of its own', false, mountPoint, async () => {}],
  [
    'a filesystem of which a container has a part, the whole of it',
    false,
    async () => {},
    (it) => bind(it, targetOf(it, 'a'), `${it.folder}/pods/a/volume-subpaths/pv/c/0`),
  ],
  [
    'a raw device, which the kubelet maps for the pod',
    true,
    async () => {},
    (it) => bind(it, '/dev/g/v1', `${it.folder}/plugins/kubernetes.io/csi/volumeDevices/pv/dev/a`),
  ],
])('%s for a single writer is published again to its pod, and to no other', async (_, block, prepare, mountMore) => {
  const it = await rig();
  const at = (pod: string) => (block ? blockTargetOf(it, pod) : targetOf(it, pod));
  await prepare(it);
  await stage(it, { block });
  await publish(it, { mode, block, target: at('a') });
  await mountMore(it);
  const before = await seenAt(it);
  for (const _ of [1, 2]) await publish(it, { mode, block, target: at('a') });
  await expect(publish(it, { mode, block, target: at('b') })).rejects.toMatchObject({
    code: Code.FAILED_PRECONDITION,
    details: expect.stringContaining(`published at ${at('a')} already`) as string,
  });
  expect(await seenAt(it)).toEqual(before);
  await expect(stat(at('b'))).rejects.toMatchObject({ code: 'ENOENT' });
});

test.each([
  ['a container of an earlier pod had', false, (it: Rig) => `${it.folder}/pods/a/volume-subpaths/pv/c/0`],
  ['the kubelet mapped for a pod', true, (it: Rig) => `${it.folder}/plugins/kubernetes.io/csi/volumeDevices/pv/dev/a`],
])('what %s is no publication', async (_, block, left) => {
  const it = await rig();
  await stage(it, { block });
  await bind(it, block ? '/dev/g/v1' : it.staging, left(it));
  const target = block ? blockTargetOf(it, 'b') : targetOf(it, 'b');
  await publish(it, { mode, block, target });
  expect(await seenAt(it)).toContain(target);
});

test.each([
  [
    'the root folder of the kubelet is bound at another path, too',
    (it: Rig) => targetOf({ ...it, folder: '/mnt/kubelet' }, 'a'),
  ],
  [
    'the kubelet had another root folder when the pod came',
    (it: Rig) => targetOf({ ...it, folder: '/old/kubelet' }, 'a'),
  ],
])('where %s, a pod is not kept out by itself, and another one is', async (_, other) => {
  const it = await rig();
  await stage(it);
  await bind(it, it.staging, other(it));
  await publish(it, { mode, target: targetOf(it, 'a') });
  await it.mounts.unmount(targetOf(it, 'a'), never);
  await expect(publish(it, { mode, target: targetOf(it, 'b') })).rejects.toMatchObject({
    code: Code.FAILED_PRECONDITION,
    details: expect.stringContaining(`published at ${other(it)} already: end the pod a; if that is gone`) as string,
  });
});

test('a pod that has the volume keeps it, whoever else has it', async () => {
  const it = await rig();
  await stage(it);
  for (const pod of ['a', 'b']) await publish(it, { mode: Mode.SINGLE_NODE_MULTI_WRITER, target: targetOf(it, pod) });
  await publish(it, { mode, target: targetOf(it, 'a') });
  expect(await seenAt(it)).toEqual([it.staging, targetOf(it, 'a'), targetOf(it, 'b')]);
});

test('a volume that was unstaged while it was bound is not published, nor is the folder below it', async () => {
  const it = await rig();
  await stage(it);
  const before = { ...it.mounts };
  it.mounts.bind = async (wanted, signal) => {
    await it.mounts.unmount(it.staging, signal);
    await before.bind(wanted, signal);
  };
  await expect(publish(it)).rejects.toMatchObject({ code: Code.UNAVAILABLE });
  expect(await seenAt(it)).toEqual([]);
});

test.each<[string, (it: Rig) => Promise<void>]>([
  ['a filesystem', async () => {}],
  ['a mounted filesystem of its own', mountPoint],
])('of a caller that is not the kubelet every other path counts: %s', async (_, prepare) => {
  const it = await rig();
  await prepare(it);
  await stage(it);
  await publish(it, { mode });
  await publish(it, { mode });
  await expect(publish(it, { mode, target: `${it.folder}/other` })).rejects.toMatchObject({
    code: Code.FAILED_PRECONDITION,
    details: expect.stringContaining(`published at ${it.target} already: end who has it there; if`) as string,
  });
});

test('what another pod has of another volume is no publication', async () => {
  const it = await rig();
  await it.mounts.mount({ source: '/dev/g/v2', target: targetOf(it, 'b'), fsType: 'ext4', options: [] }, never);
  await stage(it);
  await publish(it, { mode, target: targetOf(it, 'a') });
  expect(await seenAt(it)).toContain(targetOf(it, 'a'));
});

test('what an earlier call published is not taken away when it cannot be told what it shows', async () => {
  const it = await rig();
  await stage(it, { block: true });
  await publish(it, { block: true });
  it.mounts.shows = () => Promise.resolve(false);
  await expect(publish(it, { block: true })).rejects.toMatchObject({ code: Code.UNAVAILABLE });
  expect(await seenAt(it)).toEqual([it.target]);
});

test('what is staged is the volume, or it is not published', async () => {
  const it = await rig();
  await stage(it, {}, 'v2');
  await expect(publish(it)).rejects.toMatchObject({
    code: Code.UNAVAILABLE,
    details: expect.stringContaining(`/dev/g/v2 is mounted at ${it.staging}, not /dev/g/v1`) as string,
  });
  expect(await seenAt(it)).toEqual([it.staging]);
});

test('a filesystem that is unmounted between the look and the bind is not staged, nor is the folder below it', async () => {
  const it = await rig();
  await mountPoint(it);
  await it.mounts.unmount(DATA, never);
  const before = { ...it.mounts };
  it.mounts.bind = async (wanted, signal) => {
    await before.bind(wanted, signal);
    it.volumes.delete('v1'); // the agent finds it gone at the next look
  };
  await expect(stage(it)).rejects.toMatchObject({ code: Code.NOT_FOUND });
  expect(await seenAt(it)).toEqual([]);
  expect((await stat(it.staging)).isDirectory()).toBe(true);
});

test('what is staged stays so when its filesystem is found to be gone later', async () => {
  const it = await rig();
  await mountPoint(it);
  await stage(it);
  const before = { ...it.mounts };
  it.mounts.bind = async (wanted, signal) => {
    await before.bind(wanted, signal);
    it.volumes.delete('v1');
  };
  await expect(stage(it)).rejects.toMatchObject({ code: Code.NOT_FOUND });
  expect(await seenAt(it)).toEqual([DATA, it.staging]);
});

test('the folder below a filesystem that was away only while it was bound is not staged', async () => {
  const it = await rig();
  await mountPoint(it);
  const before = { ...it.mounts };
  it.mounts.bind = async (wanted, signal) => {
    await it.mounts.unmount(DATA, signal);
    await before.bind(wanted, signal);
    await it.mounts.mount({ source: '/dev/g/v1', target: DATA, fsType: 'ext4', options: [] }, signal);
  };
  await expect(stage(it)).rejects.toMatchObject({
    code: Code.UNAVAILABLE,
    details: expect.stringContaining(`mounted at ${it.staging}, not ${DATA}`) as string,
  });
  expect(await seenAt(it)).toEqual([DATA]);
});

test('a staging path that another volume has is told before anything is made on the device', async () => {
  const it = await rig();
  await it.mounts.mount({ source: '/dev/g/v2', target: it.staging, fsType: 'ext4', options: [] }, never);
  await expect(stage(it)).rejects.toMatchObject({ code: Code.ALREADY_EXISTS });
  expect(await it.filesystems.probe('/dev/g/v1', never)).toEqual({ kind: 'blank' });
});

test('a staged path at which something else is mounted already is not taken down', async () => {
  const it = await rig();
  await it.mounts.mount({ source: '/dev/g/v2', target: it.staging, fsType: 'ext4', options: [] }, never);
  await mountPoint(it);
  await expect(stage(it)).rejects.toMatchObject({ code: Code.ALREADY_EXISTS });
  expect(await seenAt(it)).toEqual([it.staging, DATA]);
});

test('of two pods that ask at once for a volume for a single writer one gets it', async () => {
  const it = await rig();
  await stage(it);
  const before = { ...it.mounts };
  const bothLooked = Promise.withResolvers<void>();
  let looks = 0;
  it.mounts.bind = async (wanted, signal) => {
    looks += 1;
    if (looks === 2) bothLooked.resolve();
    setImmediate(bothLooked.resolve); // without a lock, the second call is here before
    await bothLooked.promise;
    await before.bind(wanted, signal);
  };
  const asked = await Promise.allSettled(['a', 'b'].map((pod) => publish(it, { mode, target: targetOf(it, pod) })));
  expect(asked.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
  expect(await seenAt(it)).toHaveLength(2);
});

/** Mounts at this path are seen by the agent's own container alone. */
const hide = ({ mounts }: Rig, path: string): void =>
  void Object.assign(mounts, { isSeenOutside: ({ target }: { target: string }) => Promise.resolve(target !== path) });
const unseen = {
  code: Code.FAILED_PRECONDITION,
  details: expect.stringContaining("is seen in the agent's own container alone") as string,
};

test.each<[string, (it: Rig) => Promise<void>]>([
  ['a filesystem', async () => {}],
  ['a mounted filesystem of its own', mountPoint],
])('%s whose mount no pod would see is not staged', async (_, prepare) => {
  const it = await rig();
  await prepare(it);
  const before = await seenAt(it);
  hide(it, it.staging);
  await expect(stage(it)).rejects.toMatchObject(unseen);
  expect(await seenAt(it)).toEqual(before);
});

test.each([
  ['a filesystem', false],
  ['a raw device', true],
])('%s whose mount no pod would see is not published', async (_, block) => {
  const it = await rig();
  await stage(it, { block });
  const before = await seenAt(it);
  hide(it, it.target);
  await expect(publish(it, { block })).rejects.toMatchObject(unseen);
  expect(await seenAt(it)).toEqual(before);
});

test('what is staged and no pod would see is not published', async () => {
  const it = await rig();
  await stage(it);
  hide(it, it.staging);
  await expect(publish(it)).rejects.toMatchObject(unseen);
  expect(await seenAt(it)).toEqual([it.staging]);
});
