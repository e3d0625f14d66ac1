// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'vitest';
import { lvmDevices } from '../../src/agent/lvm-devices.ts';
import { createHostDisks } from '../../src/disk/host-disks.ts';
import { run } from '../../src/exec/run.ts';
import { createLvm, type Lvm } from '../../src/lvm/lvm.ts';
import { bytes, MIB } from '../../src/model/bytes.ts';
import type { LocalVolume } from '../../src/model/objects.ts';
import { createLoopDisks, type LoopDisks } from './loop-disks.ts';
import { testOn } from '../machine.ts';

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
  await lvm.createGroup({ name: 'open-local-pool-0', devices: [disk] }, never);
  expect(await namesOf(lvm)).toEqual(['open-local-pool-0']);
  const claim = { vgName: 'open-local-pool-7', name: 'v', sizeBytes: bytes(8 * MIB), layout: 'linear' } as const;
  await expect(lvm.createVolume(claim, never)).rejects.toMatchObject({ kind: 'not-found' });
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
