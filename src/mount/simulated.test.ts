import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { bytes, GIB } from '../model/bytes.ts';
import { mountAt } from './mountinfo.ts';
import { createSimulatedMounts } from './simulated.ts';

const never = new AbortController().signal;
const DEVICE = '/dev/g/v';

async function rig() {
  const folder = await mkdtemp(path.join(tmpdir(), 'mounts-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const sizes = new Map([[DEVICE, bytes(GIB)]]);
  const options = {
    file: path.join(folder, 'mounts.json'),
    sizeOf: (device: string) => Promise.resolve(sizes.get(device)),
  };
  return { ...createSimulatedMounts(options), again: () => createSimulatedMounts(options), sizes };
}
const staged = { source: DEVICE, target: '/staging', fsType: 'ext4', options: [] };
const bound = { source: '/staging', target: '/pod', readOnly: true, options: [] };

test('format, mount, bind, look, unmount; remembered by the file', async () => {
  const { mounts, filesystems, again } = await rig();
  expect(await filesystems.probe(DEVICE, never)).toEqual({ kind: 'blank' });
  await filesystems.format(DEVICE, { type: 'ext4', uuid: randomUUID() }, never);
  await mounts.mount(staged, never);
  await mounts.bind(bound, never);
  const later = again();
  expect(await later.filesystems.probe(DEVICE, never)).toMatchObject({ kind: 'filesystem', type: 'ext4' });
  expect(mountAt(await later.mounts.list(never), '/pod')).toMatchObject({
    source: DEVICE,
    fsType: 'ext4',
    options: ['ro'],
  });
  expect(await later.filesystems.stats('/pod', never)).toMatchObject({ total: GIB, available: GIB });
  await later.mounts.unmount('/pod', never);
  await later.mounts.unmount('/pod', never);
  expect((await mounts.list(never)).map(({ target }) => target)).toEqual(['/staging']);
});

test('the same again is one mount, something else is a conflict', async () => {
  const { mounts } = await rig();
  await mounts.mount(staged, never);
  await mounts.mount(staged, never);
  await mounts.bind(bound, never);
  await mounts.bind(bound, never);
  expect(await mounts.list(never)).toHaveLength(2);
  await expect(mounts.bind({ ...bound, readOnly: false }, never)).rejects.toMatchObject({ kind: 'conflict' });
  await expect(mounts.bind({ ...bound, source: '/other' }, never)).rejects.toMatchObject({ kind: 'conflict' });
});

test('a filesystem has the size its device had when it was made or grown', async () => {
  const { mounts, filesystems, sizes } = await rig();
  await filesystems.format(DEVICE, { type: 'ext4', uuid: randomUUID() }, never);
  await mounts.mount(staged, never);
  sizes.set(DEVICE, bytes(2 * GIB));
  expect(await filesystems.stats('/staging', never)).toMatchObject({ total: GIB });
  await filesystems.grow({ device: DEVICE, target: '/staging', fsType: 'ext4' }, never);
  expect(await filesystems.stats('/staging', never)).toMatchObject({ total: 2 * GIB });
});

test('a device that is not there cannot be formatted, mounted or probed', async () => {
  const { mounts, filesystems } = await rig();
  expect(await filesystems.probe('/dev/none', never)).toEqual({ kind: 'missing' });
  await expect(filesystems.format('/dev/none', { type: 'ext4', uuid: randomUUID() }, never)).rejects.toMatchObject({
    kind: 'not-found',
  });
  await expect(mounts.mount({ ...staged, source: '/dev/none' }, never)).rejects.toMatchObject({ kind: 'not-found' });
  await expect(filesystems.stats('/nothing', never)).rejects.toMatchObject({ kind: 'not-found' });
});
