// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
import { constants } from 'node:fs';
import { open, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'vitest';
import { KeyedMutex } from '../../src/daemon/keyed-mutex.ts';
import { silentLog } from '../../src/model/log.ts';
import { createHostDisks } from '../../src/disk/host-disks.ts';
import { unlabelDevice } from '../../src/disk/unlabel.ts';
import { run } from '../../src/exec/run.ts';
import * as argv from '../../src/lvm/argv.ts';
import { concernsGroup } from '../../src/lvm/errors.ts';
import { isMarkedFor, newDeviceMark } from '../../src/lvm/device-mark.ts';
import { createLvm, type Lvm } from '../../src/lvm/lvm.ts';
import { OUR_TAG, UNFINISHED_TAG } from '../../src/lvm/names.ts';
import type { LvmReport } from '../../src/lvm/report.ts';
import { createStateFile } from '../../src/exec/state-file.ts';
import { createSimulatedLvm } from '../../src/lvm/simulated.ts';
import { bytes, MIB } from '../../src/model/bytes.ts';
import { initVolumeGroups } from '../../src/agent/storage/init-volume-groups.ts';
import type { Observation } from '../../src/agent/storage/observe.ts';
import { createLoopDisks, type LoopDisks } from './loop-disks.ts';
import { testOn } from '../machine.ts';
import { createOne } from '../rig/create-one.ts';

const test = testOn('root', 'lvm2', 'loop devices');
const never = new AbortController().signal;
const lvmOf = ({ systemDir }: LoopDisks): Lvm => createLvm({ run, systemDir });
const volume = (name: string, mib: number, layout: 'linear' | 'striped' = 'linear') =>
  ({ vgName: 'ring3', name, sizeBytes: bytes(mib * MIB), layout }) as const;

/** Picks what two LVMs must agree on, without names of devices and identifiers, which differ. */
const shapeOf = ({ groups }: LvmReport) =>
  groups.map(({ name, total, free, extentSize, exported, partial, devices, volumes }) => ({
    group: { name, total, free, extentSize, exported, partial },
    devices: devices.map(({ size, free, missing }) => ({ size, free, missing })),
    volumes: volumes
      .map(({ name, size, taken, tags, layout }) => ({ name, size, taken, tags, layout }))
      .toSorted((a, b) => a.name.localeCompare(b.name)),
  }));

test('real lvm2 and the simulated one agree after every step', async () => {
  const sizes = [200 * MIB + 4096, 150 * MIB, 64 * MIB];
  await using disks = await createLoopDisks(...sizes);
  const names = ['/dev/sim-a', '/dev/sim-b', '/dev/sim-c'];
  const file = path.join(disks.systemDir, 'simulated.json');
  await writeFile(file, JSON.stringify({ disks: names.map((name, at) => ({ name, sizeBytes: sizes[at] })) }));
  const real = lvmOf(disks);
  const simulated = createSimulatedLvm(createStateFile(file));

  const steps: ((lvm: Lvm, devices: readonly string[]) => Promise<unknown>)[] = [
    (lvm, devices) => lvm.createGroup({ name: 'ring3', devices: devices.slice(0, 2) }, never),
    (lvm) => createOne(lvm, volume('a', 10), never),
    (lvm) => createOne(lvm, volume('a', 10), never), // again: done
    (lvm) => lvm.markFilled(volume('a', 0), never),
    (lvm) => lvm.markFilled(volume('a', 0), never), // again: done
    (lvm) => createOne(lvm, volume('s', 20, 'striped'), never),
    (lvm) => lvm.extendVolume(volume('a', 33), never),
    (lvm) => lvm.extendVolume(volume('a', 33), never), // again: done
    (lvm) => lvm.extendVolume(volume('a', 5), never), // never smaller
    (lvm) => createOne(lvm, { ...volume('odd', 1), sizeBytes: bytes(1_000_001) }, never), // no whole sectors
    (lvm) => createOne(lvm, volume('wide', 190), never), // over two devices
    (lvm, devices) => lvm.extendGroup({ name: 'ring3', devices: devices.slice(2) }, never),
    (lvm) => lvm.removeVolume(volume('a', 0), never),
    (lvm) => lvm.removeVolume(volume('a', 0), never), // again: done
  ];
  for (const [index, step] of steps.entries()) {
    await step(real, disks.devices);
    await step(simulated, names);
    expect(shapeOf(await simulated.report(never)), `after step ${index}`).toEqual(shapeOf(await real.report(never)));
  }
});

const FAILURES: readonly (readonly [string, (lvm: Lvm, devices: readonly string[]) => Promise<unknown>, string])[] = [
  ['no room to create', (lvm) => createOne(lvm, volume('big', 4000), never), 'exhausted'],
  ['no room to extend', (lvm) => lvm.extendVolume(volume('a', 4000), never), 'exhausted'],
  ['a larger volume of that name', (lvm) => createOne(lvm, volume('a', 30), never), 'conflict'],
  ["someone else's volume", (lvm) => createOne(lvm, volume('foreign', 4), never), 'conflict'],
  ['extending what is not there', (lvm) => lvm.extendVolume(volume('none', 4), never), 'not-found'],
  ['creating in no group', (lvm) => createOne(lvm, { ...volume('x', 4), vgName: 'nowhere' }, never), 'not-found'],
  ['removing in no group', (lvm) => lvm.removeVolume({ vgName: 'nowhere', name: 'x' }, never), 'not-found'],
  ['a reserved name', (lvm) => createOne(lvm, volume('snapshot1', 4), never), 'invalid'],
  ['a name that is an option', (lvm) => createOne(lvm, volume('--yes', 4), never), 'invalid'],
  ['the origin of a snapshot', (lvm) => lvm.removeVolume(volume('origin', 0), never), 'precondition'],
  [
    'a group that is there',
    (lvm, [, disk = '']) => lvm.createGroup({ name: 'ring3', devices: [disk] }, never),
    'conflict',
  ],
  [
    'a disk of the group',
    (lvm, [disk = '']) => lvm.extendGroup({ name: 'ring3', devices: [disk] }, never),
    'precondition',
  ],
  ['a disk that is not there', (lvm) => lvm.createGroup({ name: 'new', devices: ['/dev/none'] }, never), 'not-found'],
];

test('every failure has its kind', async () => {
  await using disks = await createLoopDisks(100 * MIB, 64 * MIB);
  const lvm = lvmOf(disks);
  await lvm.createGroup({ name: 'ring3', devices: disks.devices.slice(0, 1) }, never);
  await createOne(lvm, volume('a', 10), never);
  await createOne(lvm, volume('origin', 8), never);
  await disks.lvm('lvcreate', '--size', '4m', '--name', 'foreign', 'ring3');
  await disks.lvm('lvcreate', '--size', '4m', '--name', 'cow', 'ring3');
  await disks.lvm('lvconvert', '--yes', '--snapshot', '--zero', 'n', 'ring3/origin', 'ring3/cow');
  const before = await lvm.report(never);
  for (const [name, attempt, kind] of FAILURES) {
    const failure = await attempt(lvm, disks.devices).catch((error: unknown) => error);
    expect({ name, failure }).toMatchObject({ name, failure: { name: 'Fault', kind } });
  }
  expect(await lvm.report(never)).toEqual(before);
  expect(before.groups[0]?.volumes.find(({ name }) => name === 'cow')?.origin).toBe('origin');
});

test('a group whose disk cannot be written or is gone is faulty as a whole, and no volume of it is in doubt', async () => {
  await using disks = await createLoopDisks(100 * MIB, 64 * MIB);
  const lvm = lvmOf(disks);
  const [first = '', second = ''] = disks.devices;
  await lvm.createGroup({ name: 'ring3', devices: disks.devices }, never);
  const failure = (): Promise<unknown> => createOne(lvm, volume('a', 8), never).catch((error: unknown) => error);
  await disks.command('blockdev', '--setro', first);
  expect(concernsGroup(await failure())).toBe(true);
  await disks.command('blockdev', '--setrw', first);
  await disks.command('dd', 'if=/dev/zero', `of=${second}`, 'bs=1M', 'count=1', 'conv=fsync');
  expect(concernsGroup(await failure())).toBe(true);
});

test('what a cut try for a group left on a disk can be told from all else, and the group is finished', async () => {
  await using disks = await createLoopDisks(64 * MIB, 64 * MIB);
  const lvm = lvmOf(disks);
  const [device = '', other = ''] = disks.devices;
  const [, , ...words] = argv.pvcreate(newDeviceMark('ring3', 'boot'), device);
  await disks.lvm('pvcreate', ...words);
  const left = (await lvm.report(never)).orphans[0];
  expect(isMarkedFor('ring3', left?.uuid ?? '')).toBe(true);
  await unlabelDevice(device, never);
  await lvm.createGroup({ name: 'ring3', devices: [device, other] }, never);
  const [group] = (await lvm.report(never)).groups;
  expect(group).toMatchObject({ name: 'ring3', seqno: 1, foreign: false, devices: [{}, {}] });
});

test('a disk is as blank as before when its group cannot be made, also after pvremove', async () => {
  await using disks = await createLoopDisks(64 * MIB, 64 * MIB);
  const lvm = lvmOf(disks);
  const [taken = '', device = ''] = disks.devices;
  await lvm.createGroup({ name: 'ring3', devices: [taken] }, never);
  await expect(lvm.createGroup({ name: 'ring3', devices: [device] }, never)).rejects.toMatchObject({
    kind: 'conflict',
  });
  expect((await lvm.report(never)).orphans).toEqual([]);
  const probe = await createHostDisks(run, 'zero').probe({ path: device, size: bytes(64 * MIB) }, never);
  expect(probe).toEqual({ busy: false, signatures: [] });
});

test('a volume whose making was cut is made anew, and only such a one', async () => {
  await using disks = await createLoopDisks(100 * MIB);
  const lvm = lvmOf(disks);
  await lvm.createGroup({ name: 'ring3', devices: disks.devices }, never);
  const cut = ['lvcreate', '--addtag', OUR_TAG, '--addtag', UNFINISHED_TAG, '--size', '20m', '--name', 'a', 'ring3'];
  await disks.lvm(...cut);
  await createOne(lvm, volume('a', 8), never);
  const [group] = (await lvm.report(never)).groups;
  expect(group?.volumes).toMatchObject([{ name: 'a', size: 8 * MIB, tags: [OUR_TAG] }]);
});

test('lvm changes and removes no other volume of a name than the one that was seen, and makes several in one go', async () => {
  await using disks = await createLoopDisks(100 * MIB);
  const lvm = lvmOf(disks);
  await lvm.createGroup({ name: 'ring3', devices: disks.devices }, never);
  const look = async () => ({ at: performance.now(), groups: (await lvm.report(never)).groups });
  const results = await lvm.createVolumes(
    ['a', 'b', 'huge', 'c'].map((name) => volume(name, name === 'huge' ? 4000 : 8)),
    never,
    await look(),
  );
  expect(results).toMatchObject([{ status: 'fulfilled' }, {}, { reason: { kind: 'exhausted' } }, {}]);
  const seen = await look();
  const [group] = seen.groups;
  expect(group?.volumes.map(({ name, tags }) => ({ name, tags }))).toEqual(
    ['a', 'b', 'c'].map((name) => ({ name, tags: [OUR_TAG] })),
  );
  await disks.lvm('lvremove', '--yes', 'ring3/a');
  await disks.lvm('lvcreate', '--size', '4m', '--name', 'a', 'ring3');
  const before = (await lvm.report(never)).groups;
  expect(await lvm.removeVolume(volume('a', 0), never, seen)).toBe(false);
  await lvm.adoptVolume(volume('b', 0), never);
  expect((await lvm.report(never)).groups).toEqual(before);
  expect(await lvm.removeVolume(volume('a', 0), never)).toBe(true);
  expect((await lvm.report(never)).groups[0]?.volumes.map(({ name }) => name)).toEqual(['b', 'c']);
});

test('lvm itself refuses a disk with a filesystem, and writes nothing to it', async () => {
  await using disks = await createLoopDisks(64 * MIB, 64 * MIB);
  const [blank = '', used = ''] = disks.devices;
  await disks.command('mkfs.ext4', '-q', used);
  const before = await disks.checksum(used);
  const lvm = lvmOf(disks);
  const attempts = [
    () => lvm.createGroup({ name: 'ring3', devices: [used] }, never),
    () => lvm.createGroup({ name: 'ring3', devices: [blank, used] }, never),
  ];
  for (const attempt of attempts) await expect(attempt()).rejects.toMatchObject({ kind: 'precondition' });
  await lvm.createGroup({ name: 'ring3', devices: [blank] }, never);
  await expect(lvm.extendGroup({ name: 'ring3', devices: [used] }, never)).rejects.toMatchObject({
    kind: 'precondition',
  });
  expect(await disks.checksum(used)).toBe(before);
});

/** Ports by which the agent sees loop devices as disks. */
async function look(disks: LoopDisks): Promise<Observation> {
  const { groups, orphans } = await lvmOf(disks).report(never);
  const devices = (await createHostDisks(run, 'zero').list(never)).filter(({ path }) => disks.devices.includes(path));
  return { groups, orphans, devices, mounts: [], mountPoints: [] };
}

const UNFIT: readonly (readonly [string, (disks: LoopDisks, device: string) => Promise<unknown>, RegExp])[] = [
  ['ext4', (disks, device) => disks.command('mkfs.ext4', '-q', device), /carries filesystem ext4 \(UUID /],
  ['swap', (disks, device) => disks.command('mkswap', device), /carries a swap area/],
  [
    'an orphan physical volume',
    (disks, device) => disks.lvm('pvcreate', device),
    /is an LVM physical volume of no group/,
  ],
  ['another group', (disks, device) => disks.lvm('vgcreate', 'other', device), /belongs to volume group other/],
  [
    'bytes of no known kind',
    (_, device) => writeFile(device, 'precious', { flag: 'r+' }),
    /holds data of no known kind at byte 0/,
  ],
];

test('the agent extends a group by the blank disk, and leaves every used one as it was', async () => {
  await using disks = await createLoopDisks(...[...UNFIT, 0, 0].map(() => 64 * MIB));
  const [first = '', blank = '', ...used] = disks.devices;
  const prepared = UNFIT.map(([, prepare, finding], at) => ({ device: used[at] ?? '', prepare, finding }));
  for (const { device, prepare } of prepared) await prepare(disks, device);
  const sums = await Promise.all(used.map((device) => disks.checksum(device)));
  const deps = {
    lvm: lvmOf(disks),
    disks: createHostDisks(run, 'zero'),
    locks: new KeyedMutex(),
    ownerOf: () => undefined,
    isOver: () => true,
    log: silentLog,
  };

  const made = await initVolumeGroups([{ name: 'ring3', devices: [first] }], await look(disks), deps, never);
  expect(made).toMatchObject({ changed: true, standings: [{ ok: true }] });
  const wanted = [{ name: 'ring3', devices: [first, ...used, blank] }];
  const { standings } = await initVolumeGroups(wanted, await look(disks), deps, never);

  const group = (await look(disks)).groups.find(({ name }) => name === 'ring3');
  expect(group?.devices.map(({ device }) => device).toSorted()).toEqual([first, blank].toSorted());
  for (const { device, finding } of prepared) {
    expect(standings[0]?.message).toMatch(new RegExp(`${device} ${finding.source}`));
  }
  expect(await Promise.all(used.map((device) => disks.checksum(device)))).toEqual(sums);
  const again = await initVolumeGroups(wanted, await look(disks), deps, never);
  expect(again.changed).toBe(false);
});

test('a blank disk that a program holds for itself is busy, and free afterwards', async () => {
  await using disks = await createLoopDisks(64 * MIB);
  const deps = {
    lvm: lvmOf(disks),
    disks: createHostDisks(run, 'zero'),
    locks: new KeyedMutex(),
    ownerOf: () => undefined,
    isOver: () => true,
    log: silentLog,
  };
  const wanted = [{ name: 'ring3', devices: disks.devices }];
  const holder = await open(disks.devices[0] ?? '', constants.O_RDONLY | constants.O_EXCL);
  try {
    const refused = await initVolumeGroups(wanted, await look(disks), deps, never);
    expect(refused).toMatchObject({
      changed: false,
      standings: [{ message: expect.stringContaining('is in use') as string }],
    });
  } finally {
    await holder.close();
  }
  expect(await initVolumeGroups(wanted, await look(disks), deps, never)).toMatchObject({ standings: [{ ok: true }] });
});

test('a disk that a program holds for itself is not wiped', async () => {
  await using disks = await createLoopDisks(64 * MIB);
  const [path = ''] = disks.devices;
  const host = createHostDisks(run, 'zero');
  const device = { path, size: bytes(64 * MIB) };
  await disks.command('mkfs.ext4', '-q', path);
  const before = await disks.checksum(path);
  const holder = await open(path, constants.O_RDONLY | constants.O_EXCL);
  try {
    await expect(host.wipe(device, never)).rejects.toMatchObject({
      kind: 'precondition',
      message: expect.stringContaining(`${path} is in use`) as string,
    });
  } finally {
    await holder.close();
  }
  expect(await disks.checksum(path)).toBe(before);
  await host.wipe(device, never);
  expect(await host.probe(device, never)).toEqual({ busy: false, signatures: [] });
});

test.each([
  ['its text', 4608],
  ['its header', 4096],
])('a disk whose copy of the metadata is damaged is told, and mended as is said: %s', async (_, at) => {
  await using disks = await createLoopDisks(64 * MIB, 64 * MIB);
  const [first = '', second = ''] = disks.devices;
  const lvm = lvmOf(disks);
  await lvm.createGroup({ name: 'ring3', devices: disks.devices }, never);
  await using device = await open(second, 'r+');
  await device.write('damaged', at);
  await device.sync();
  const copies = async () =>
    (await lvm.report(never)).groups.flatMap(({ devices }) => devices.map((pv) => [pv.device, pv.damagedCopy]));
  const sound = [first, second].map((path) => [path, undefined]);
  expect(await copies()).toEqual(sound); // another program may have been writing it
  await createOne(lvm, volume('a', 10), never); // on the other disk's copy alone
  const damaged = [[first, undefined] as const, [second, true] as const];
  expect(await copies()).toEqual(damaged);
  const unused = { ownerOf: () => undefined, isOver: () => true, log: silentLog };
  const deps = { lvm, disks: createHostDisks(run, 'zero'), locks: new KeyedMutex(), ...unused };
  const seen = { ...(await look(disks)), groups: (await lvm.report(never)).groups };
  const wanted = [{ name: 'ring3', devices: disks.devices }];
  const { standings, changed } = await initVolumeGroups(wanted, seen, deps, never);
  expect({ standings, changed }).toMatchObject({
    standings: [{ ok: false, reason: 'MetadataDamaged' }],
    changed: false,
  });
  const [, simple = '', whole = ''] = / node: (.*)\. Should [^:]*: (.*)\.$/.exec(standings[0]?.message ?? '') ?? [];
  const file = path.join(disks.systemDir, 'backup');
  const follow = async (commands: string): Promise<void> => {
    for (const command of commands.split(' && ').map((text) => text.replace('FILE', file).split(' ')))
      await disks.lvm(command[0] ?? '', '--yes', ...command.slice(1));
  };
  await follow(simple);
  const isMended = (await copies()).every(([, isDamaged]) => !isDamaged);
  expect(isMended).toBe(at === 4608);
  if (!isMended) await follow(whole);
  await copies();
  expect(await copies()).toEqual(sound);
  expect((await lvm.report(never)).groups[0]?.volumes.map(({ name }) => name)).toEqual(['a']);
});
