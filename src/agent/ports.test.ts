import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { run } from '../exec/run.ts';
import { GIB } from '../model/bytes.ts';
import type { LocalVolume } from '../model/local-volume.ts';
import { createPorts } from './ports.ts';

const never = new AbortController().signal;

test('what LVM and the disks of a simulated machine write at the same time is all kept', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'ports-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const simulatedDisks = path.join(folder, 'disks.json');
  const names = Array.from({ length: 6 }, (_, at) => `/dev/sim-${at}`);
  const signed = names.map((name) => ({ name, sizeBytes: GIB, signature: 'ext4' }));
  await writeFile(simulatedDisks, JSON.stringify({ disks: [...signed, { name: '/dev/sim-g', sizeBytes: GIB }] }));
  const config = {
    lvmSystemDir: undefined,
    removedData: 'zero',
    copyBandwidth: undefined,
    simulatedMounts: undefined,
    cgroupRoot: folder,
    nodeName: 'node-a',
    csiEndpoint: undefined,
    pattern: /^/,
  } as const;
  const objects = { node: { get: () => undefined }, volumes: { values: new Map<string, LocalVolume>() } };
  const { lvm, disks } = createPorts({ ...config, simulatedDisks }, { run, onCommand: () => {}, objects });
  const listed = await disks.list(never);
  await Promise.all([
    lvm.createGroup({ name: 'g', devices: ['/dev/sim-g'] }, never),
    ...listed.filter(({ path: device }) => names.includes(device)).map((device) => disks.wipe(device, never)),
  ]);
  const written = JSON.parse(await readFile(simulatedDisks, 'utf8')) as { disks: object[]; groups: { name: string }[] };
  expect(written.groups.map(({ name }) => name)).toEqual(['g']);
  expect(written.disks.filter((disk) => 'signature' in disk && disk.signature === 'ext4')).toEqual([]);
});
