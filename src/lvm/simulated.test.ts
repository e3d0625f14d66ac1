import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { bytes, GIB, MIB } from '../model/bytes.ts';
import { createOne } from '../../test/rig/create-one.ts';
import { createStateFile } from '../exec/state-file.ts';
import { createSimulatedLvm } from './simulated.ts';

const never = new AbortController().signal;
const volume = (name: string, sizeBytes: number) =>
  ({ vgName: 'g', name, sizeBytes: bytes(sizeBytes), layout: 'linear' }) as const;

async function simulated(disks: readonly object[]) {
  const folder = await mkdtemp(path.join(tmpdir(), 'simulated-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'disks.json');
  await writeFile(file, JSON.stringify({ disks, note: 'kept' }));
  return { file, lvm: createSimulatedLvm(createStateFile(file)) };
}

test('extents are counted as LVM counts them: 1 MiB before them, whole ones only', async () => {
  const { lvm } = await simulated([{ name: '/dev/sim-a', sizeBytes: GIB }]);
  await lvm.createGroup({ name: 'g', devices: ['/dev/sim-a'] }, never);
  await createOne(lvm, volume('v', 1), never);
  const [group] = (await lvm.report(never)).groups;
  expect(group).toMatchObject({ total: 1020 * MIB, free: 1016 * MIB, volumes: [{ name: 'v', size: 4 * MIB }] });
});

test('a disk with a signature is refused, and nothing is written', async () => {
  const { lvm, file } = await simulated([
    { name: '/dev/sim-a', sizeBytes: GIB },
    { name: '/dev/sim-b', sizeBytes: GIB, signature: 'xfs' },
  ]);
  const before = await readFile(file, 'utf8');
  const attempt = lvm.createGroup({ name: 'g', devices: ['/dev/sim-a', '/dev/sim-b'] }, never);
  await expect(attempt).rejects.toMatchObject({
    kind: 'precondition',
    message: expect.stringContaining('xfs') as string,
  });
  expect(await readFile(file, 'utf8')).toBe(before);
});

test('everything is in the file at once, beside what else it holds', async () => {
  const { lvm, file } = await simulated([{ name: '/dev/sim-a', sizeBytes: GIB }]);
  await lvm.createGroup({ name: 'g', devices: ['/dev/sim-a'] }, never);
  await Promise.all(['a', 'b', 'c'].map((name) => createOne(lvm, volume(name, MIB), never)));
  await lvm.removeVolume(volume('b', 0), never);
  const names = (await createSimulatedLvm(createStateFile(file)).report(never)).groups[0]?.volumes.map(
    ({ name }) => name,
  );
  expect(names).toEqual(['a', 'c']);
  expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ note: 'kept' });
});

test('a disk that was pulled makes its group partial', async () => {
  const { lvm, file } = await simulated([{ name: '/dev/sim-a', sizeBytes: GIB }]);
  await lvm.createGroup({ name: 'g', devices: ['/dev/sim-a'] }, never);
  const state = JSON.parse(await readFile(file, 'utf8')) as object;
  await writeFile(file, JSON.stringify({ ...state, disks: [] }));
  const [group] = (await lvm.report(never)).groups;
  expect(group).toMatchObject({ partial: true, total: 0, devices: [{ device: '[unknown]', missing: true }] });
});

test('a file that is not there is named', async () => {
  await expect(createSimulatedLvm(createStateFile('/nowhere/disks.json')).report(never)).rejects.toThrow(
    '/nowhere/disks.json',
  );
});

test('a second group of one name is a conflict, as with LVM; one of another name is not', async () => {
  const disks = ['a', 'b', 'c'].map((letter) => ({ name: `/dev/sim-${letter}`, sizeBytes: GIB }));
  const { lvm } = await simulated(disks);
  await lvm.createGroup({ name: 'g', devices: ['/dev/sim-a'] }, never);
  await lvm.createGroup({ name: 'h', devices: ['/dev/sim-b'] }, never);
  await expect(lvm.createGroup({ name: 'g', devices: ['/dev/sim-c'] }, never)).rejects.toThrow('already exists');
  expect((await lvm.report(never)).groups.map(({ name }) => name)).toEqual(['g', 'h']);
});

test('how full a snapshot is, is what its entry says', async () => {
  const { lvm, file } = await simulated([{ name: '/dev/sim-a', sizeBytes: GIB }]);
  await lvm.createGroup({ name: 'g', devices: ['/dev/sim-a'] }, never);
  await createOne(lvm, volume('v', 40 * MIB), never);
  await lvm.createSnapshot({ vgName: 'g', name: 's', sizeBytes: bytes(8 * MIB), origin: 'v' }, never);
  expect(await lvm.fill(never)).toEqual([
    { vgName: 'g', name: 's', storeBytes: 8 * MIB, usedBytes: 8192, overflowed: false },
  ]);
  const before = await readFile(file, 'utf8');
  await writeFile(file, before.replace(/"usedBytes": ?8192/, '"usedBytes": 9000, "overflowed": true'));
  expect(await lvm.fill(never)).toMatchObject([{ usedBytes: 9000, overflowed: true }]);
  const [group] = (await lvm.report(never)).groups;
  expect(group?.volumes.find(({ name }) => name === 's')).toMatchObject({ origin: 'v', snapshot: { invalid: true } });
});
