// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'vitest';
import { lvmDevices } from '../../src/agent/lvm-devices.ts';
import { createHostDisks } from '../../src/disk/host-disks.ts';
import { run } from '../../src/exec/run.ts';
import { createLvm, type Lvm } from '../../src/lvm/lvm.ts';
import { bytes, MIB } from '../../src/model/bytes.ts';
import type { LocalVolume } from '../../src/model/local-volume.ts';
import { createLoopDisks, type LoopDisks } from './loop-disks.ts';
import { testOn } from '../machine.ts';
import { createOne } from '../rig/create-one.ts';

const test = testOn('root', 'lvm2', 'loop devices');
const never = new AbortController().signal;
const host = createHostDisks(run, 'zero');

/** As the agent asks lvm: of all that the kernel has, by the names that the configuration gives. */
const lvmOn = ({ systemDir }: LoopDisks, named: readonly string[], volumes: readonly LocalVolume[] = []): Lvm =>
  createLvm({
    run,
    systemDir,
    devices: async (signal) =>
      lvmDevices({ devices: await host.list(signal), volumes, named: new Set(named), pattern: /^never$/ }),
  });

const namesOf = async (lvm: Lvm): Promise<readonly string[]> =>
  (await lvm.report(never)).groups.map(({ name }) => name);

test('a group that a pod wrote to its block device is not reported, not used, and not changed', async () => {
  await using disks = await createLoopDisks(100 * MIB, 64 * MIB);
  const [disk = '', pods = ''] = disks.devices;
  await disks.lvm('vgcreate', 'open-local-pool-7', pods);
  const before = await disks.checksum(pods);
  const lvm = lvmOn(disks, [disk]);
  await lvm.createGroup({ name: 'tenants-pool', devices: [disk] }, never);
  expect(await namesOf(lvm)).toEqual(['tenants-pool']);
  const claim = { vgName: 'open-local-pool-7', name: 'v', sizeBytes: bytes(8 * MIB), layout: 'linear' } as const;
  await expect(createOne(lvm, claim, never)).rejects.toMatchObject({ kind: 'not-found' });
  await expect(lvm.activateVolume(claim, never)).rejects.toMatchObject({ kind: 'not-found' });
  expect(await disks.checksum(pods)).toBe(before);
});

test('a loop device over a disk that is a volume leads nowhere, and a group of ours is never grown onto it', async () => {
  await using disks = await createLoopDisks(64 * MIB, 64 * MIB);
  const [unit = '', own = ''] = disks.devices;
  const over = await disks.command('losetup', '--find', '--show', unit);
  const conf = 'global { activation = 0 }\ndevices { use_devicesfile = 0 }\n';
  await writeFile(path.join(disks.systemDir, 'lvm.conf'), conf); // nothing but our filter is in the way
  try {
    const spec = { nodeName: 'n', kind: 'Device', path: unit, sizeBytes: MIB, role: 'Volume' } as const;
    const lvm = lvmOn(disks, [over, unit, own], [{ metadata: { name: 'v1' }, spec }]);
    await lvm.createGroup({ name: 'g', devices: [own] }, never);
    const before = await disks.checksum(unit);
    for (const devices of [[over], [unit]]) {
      const refused = { kind: 'precondition' };
      await expect(lvm.extendGroup({ name: 'g', devices }, never)).rejects.toMatchObject(refused);
      await expect(lvm.createGroup({ name: 'h', devices }, never)).rejects.toMatchObject(refused);
    }
    expect(await disks.checksum(unit)).toBe(before);
    await disks.lvm('vgcreate', '--config', `devices { filter = [ "a|^${unit}$|", "r|.*|" ] }`, 'tenant', unit);
    expect(await namesOf(lvm)).toEqual(['g']);
  } finally {
    await disks.command('losetup', '--detach', over);
  }
});

test('the global filter of lvm.conf holds as before', async () => {
  await using disks = await createLoopDisks(64 * MIB);
  await using hidden = await createLoopDisks(64 * MIB);
  await hidden.lvm('vgcreate', 'filtered', ...hidden.devices);
  const lvm = lvmOn(disks, [...disks.devices, ...hidden.devices]);
  expect(await namesOf(lvm)).toEqual([]);
});

const onlyOn = (device: string): string => `devices { filter = [ "a|^${device}$|", "r|.*|" ] }`;

test('of two groups of one name the one that is meant is changed, and the other is as it was', async () => {
  await using disks = await createLoopDisks(64 * MIB, 64 * MIB, 64 * MIB);
  const [mine = '', theirs = '', more = ''] = disks.devices;
  const lvm = lvmOn(disks, disks.devices);
  await lvm.createGroup({ name: 'pool', devices: [mine] }, never);
  const vgUuid = (await lvm.report(never)).groups.map(({ uuid }) => uuid).join();
  await disks.lvm('vgcreate', '--config', onlyOn(theirs), 'pool', theirs);
  await disks.lvm('lvcreate', '--config', onlyOn(theirs), '-qq', '-an', '-Zn', '-Wn', '-L8m', '-nv', 'pool');
  const before = await disks.checksum(theirs);
  const uuids = (await lvm.report(never)).groups.map((group) => group.uuid);
  expect(uuids).toHaveLength(2);
  expect(uuids).toContain(vgUuid);

  const volume = { vgName: 'pool', name: 'v', sizeBytes: bytes(8 * MIB), layout: 'linear' } as const;
  const attempts = [
    () => createOne(lvm, volume, never),
    () => lvm.extendVolume(volume, never),
    () => lvm.removeVolume(volume, never),
  ];
  for (const attempt of attempts) await expect(attempt()).rejects.toMatchObject({ kind: 'precondition' });
  await createOne(lvm, { ...volume, vgUuid }, never);
  await lvm.extendVolume({ ...volume, vgUuid, sizeBytes: bytes(12 * MIB) }, never);
  await lvm.extendGroup({ name: 'pool', uuid: vgUuid, devices: [more] }, never);
  const mineNow = async () => (await lvm.report(never)).groups.find((group) => group.uuid === vgUuid);
  const made = await mineNow();
  const uuid = made?.volumes[0]?.uuid ?? '';
  expect(made).toMatchObject({
    devices: [{ device: mine }, { device: more }],
    volumes: [{ name: 'v', size: 12 * MIB }],
  });
  await expect(lvm.removeVolume({ ...volume, vgUuid, uuid: 'another' }, never)).rejects.toMatchObject({
    kind: 'precondition',
    message: expect.stringContaining(`is ${uuid}, and another is meant`) as string,
  });
  await lvm.removeVolume({ ...volume, vgUuid, uuid }, never);
  expect(await mineNow()).toMatchObject({ volumes: [] });
  expect(await disks.checksum(theirs)).toBe(before);
});

test('what lvm would not give is not called room', async () => {
  await using disks = await createLoopDisks(64 * MIB, 64 * MIB);
  const [first = ''] = disks.devices;
  const lvm = lvmOn(disks, disks.devices);
  await lvm.createGroup({ name: 'pool', devices: disks.devices }, never);
  const volume = (name: string) => ({ vgName: 'pool', name, sizeBytes: bytes(4 * MIB), layout: 'linear' }) as const;
  const seen = async () => {
    const [group] = (await lvm.report(never)).groups;
    return { free: (group?.free ?? 0) / MIB, room: (group?.room ?? 0) / MIB, kept: group?.kept.join() };
  };
  expect(await seen()).toEqual({ free: 120, room: 120, kept: '' });
  await disks.lvm('pvchange', '--allocatable', 'n', first);
  expect(await seen()).toMatchObject({ free: 120, room: 60, kept: expect.stringContaining(first) as string });
  await createOne(lvm, volume('a'), never);
  await disks.lvm('vgchange', '--logicalvolume', '1', 'pool');
  expect(await seen()).toMatchObject({ free: 116, room: 0 });
  await expect(createOne(lvm, volume('b'), never)).rejects.toMatchObject({ kind: 'exhausted' });
  await disks.lvm('vgchange', '--logicalvolume', '0', '--alloc', 'cling', 'pool');
  await disks.lvm('pvchange', '--allocatable', 'y', first);
  expect(await seen()).toMatchObject({ room: 60 });
});
