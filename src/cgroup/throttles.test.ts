import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createThrottles } from './throttles.ts';

const never = new AbortController().signal;
const POD = 'kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podu_1.slice';
const use = { podUid: 'u-1', device: '253:3', limits: { writeBps: 1_048_576 } };
const LINE = '253:3 rbps=max wbps=1048576 riops=max wiops=max';

/** Files as a kernel would have them; a folder ends in a slash. */
async function rig(files: Readonly<Record<string, string>>) {
  const root = await mkdtemp(path.join(tmpdir(), 'cgroup-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(path.join(root, name.endsWith('/') ? name : path.dirname(name)), { recursive: true });
    if (!name.endsWith('/')) await writeFile(path.join(root, name), text);
  }
  const read = (name: string) => readFile(path.join(root, name), 'utf8');
  return {
    root,
    read,
    write: (name: string, text: string) => writeFile(path.join(root, name), text),
    throttles: createThrottles(root),
  };
}

const V2 = { 'cgroup.controllers': 'cpuset cpu io memory pids\n', [`${POD}/io.max`]: '' };
const FILES = ['read_bps', 'write_bps', 'read_iops', 'write_iops'].map((name) => `blkio.throttle.${name}_device`);
const v1Group = (folder: string) => Object.fromEntries(FILES.map((name) => [`${folder}/${name}`, '']));

test.each([
  ['v2', V2, 2],
  ['v2 without the controller', { 'cgroup.controllers': 'cpu memory\n' }, undefined],
  ['v1', v1Group('blkio'), 1],
  ['v1 beside v2, which has other controllers', { ...v1Group('blkio'), 'cgroup.controllers': 'io\n' }, 1],
  ['none', {}, undefined],
])('the hierarchy: %s', async (_, files, want) => {
  const { throttles } = await rig(files);
  expect(await throttles.version(never)).toBe(want);
});

test('v2: set once, kept while it holds, set again when something else wrote, taken away', async () => {
  const it = await rig(V2);
  expect(await it.throttles.apply(use, never)).toBe('set');
  expect(await it.read(`${POD}/io.max`)).toBe(LINE);
  expect(await it.throttles.apply(use, never)).toBe('kept');
  await it.write(`${POD}/io.max`, '253:3 rbps=max wbps=9 riops=max wiops=max\n');
  expect(await it.throttles.apply(use, never)).toBe('set');
  expect(await it.throttles.apply({ ...use, limits: {} }, never)).toBe('set');
  expect(await it.read(`${POD}/io.max`)).toBe('253:3 rbps=max wbps=max riops=max wiops=max');
});

test('v1: in the cgroups of the containers too, also one that comes later', async () => {
  const pod = 'blkio/kubepods/podu-1';
  const it = await rig({ ...v1Group('blkio'), ...v1Group(pod), ...v1Group(`${pod}/c1`) });
  expect(await it.throttles.apply(use, never)).toBe('set');
  for (const folder of [pod, `${pod}/c1`])
    expect(await it.read(`${folder}/blkio.throttle.write_bps_device`)).toBe('253:3 1048576');
  expect(await it.throttles.apply(use, never)).toBe('kept');
  await mkdir(path.join(it.root, pod, 'c2'));
  for (const file of FILES) await it.write(`${pod}/c2/${file}`, '');
  expect(await it.throttles.apply(use, never)).toBe('set');
  expect(await it.read(`${pod}/c2/blkio.throttle.write_bps_device`)).toBe('253:3 1048576');
  expect(await it.throttles.foldersOf('u-1', never)).toEqual(
    ['', '/c1', '/c2'].map((at) => path.join(it.root, pod + at)),
  );
});

test('a pod that has no cgroup', async () => {
  const it = await rig(V2);
  expect(await it.throttles.apply({ ...use, podUid: 'other' }, never)).toBe('no-cgroup');
  const [qos, top] = [path.dirname(POD), path.dirname(path.dirname(POD))];
  expect(await it.throttles.foldersOf('other', never)).toEqual([top, qos].map((folder) => path.join(it.root, folder)));
  expect(await it.throttles.foldersOf('u-1', never)).toEqual([path.join(it.root, POD)]);
});

test('what cannot be written is told with the file and the line', async () => {
  const it = await rig({ 'cgroup.controllers': 'io', [`${POD}/io.max/`]: '' });
  await expect(it.throttles.apply(use, never)).rejects.toMatchObject({
    kind: 'unavailable',
    message: expect.stringContaining(`${POD}/io.max could not be set to "${LINE}"`) as string,
  });
});

test('v2: a controller that was turned off for pods is turned on again, in each folder above', async () => {
  const { [`${POD}/io.max`]: _, ...off } = V2;
  const [qos, top] = [path.dirname(POD), path.dirname(path.dirname(POD))];
  const it = await rig({
    ...off,
    [`${POD}/`]: '',
    'cgroup.subtree_control': 'cpu io memory\n',
    [`${top}/cgroup.subtree_control`]: 'cpu memory\n',
    [`${qos}/cgroup.subtree_control`]: 'cpu iox memory\n',
    [`${POD}/cgroup.subtree_control`]: 'cpu\n',
  });
  expect(await it.throttles.apply({ ...use, limits: {} }, never)).toBe('kept');
  expect(await it.read(`${top}/cgroup.subtree_control`)).toBe('cpu memory\n');
  await expect(it.throttles.apply(use, never)).rejects.toMatchObject({
    message: expect.stringContaining(`${POD}/io.max is not there: the io controller is off`) as string,
  });
  const written = ['', top, qos, POD].map((folder) => it.read(path.join(folder, 'cgroup.subtree_control')));
  expect(await Promise.all(written)).toEqual(['cpu io memory\n', '+io', '+io', 'cpu\n']);
  await it.write(`${POD}/io.max`, '');
  expect(await it.throttles.apply(use, never)).toBe('set');
});

test('without a controller nothing can be limited', async () => {
  const it = await rig({});
  await expect(it.throttles.apply(use, never)).rejects.toMatchObject({ kind: 'precondition' });
  expect(await it.throttles.foldersOf('u-1', never)).toEqual([]);
});
