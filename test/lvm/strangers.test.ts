// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
import { appendFile, mkdir, open, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'vitest';
import { run } from '../../src/exec/run.ts';
import { concernsGroup } from '../../src/lvm/errors.ts';
import { createLvm, type LvmOptions } from '../../src/lvm/lvm.ts';
import { ofSystemId } from '../../src/lvm/system-id.ts';
import { bytes, MIB } from '../../src/model/bytes.ts';
import { createLoopDisks, type LoopDisks } from './loop-disks.ts';
import { testOn } from '../machine.ts';

/** What other people's machines do to lvm's answers. */

const test = testOn('root', 'lvm2', 'loop devices');
const never = new AbortController().signal;
const lvmOn = ({ systemDir, devices }: LoopDisks, more: Partial<LvmOptions> = {}) =>
  createLvm({ run, systemDir, devices: () => Promise.resolve(devices), ...more });
const groupsOf = async (lvm: ReturnType<typeof lvmOn>) =>
  (await lvm.report(never)).groups.map(({ name, exported, partial, volumes }) => ({
    ...{ name, exported, partial },
    volumes: volumes.map((volume) => [volume.name, volume.tags]),
  }));

test('a disk of a group that was copied is told with the physical volume that is there twice', async () => {
  await using disks = await createLoopDisks(64 * MIB, 64 * MIB);
  const [own = '', copy = ''] = disks.devices;
  await disks.lvm('vgcreate', 'g', own);
  const lvm = lvmOn(disks);
  expect((await lvm.report(never)).duplicates).toBeUndefined();
  await disks.command('dd', `if=${own}`, `of=${copy}`, 'bs=1M', 'conv=fsync');
  const { groups, duplicates } = await lvm.report(never);
  const [member] = groups[0]?.devices ?? [];
  expect(groups).toHaveLength(1);
  expect(duplicates).toEqual([{ device: member?.device === own ? copy : own, uuid: member?.uuid }]);
});

test('a disk whose metadata is damaged takes no other group with it', async () => {
  await using disks = await createLoopDisks(64 * MIB, 64 * MIB);
  const [own = '', damaged = ''] = disks.devices;
  await disks.lvm('vgcreate', 'g', own);
  await disks.lvm('vgcreate', 'h', damaged);
  const whole = await lvmOn(disks).report(never);
  await disks.command('sh', '-c', 'printf XXXX | dd of="$0" bs=1 seek=4700 conv=notrunc,fsync status=none', damaged);
  const { groups, orphans } = await lvmOn(disks).report(never);
  expect(groups).toEqual(whole.groups.filter(({ name }) => name === 'g'));
  expect(orphans).toMatchObject([{ device: damaged, used: true }]);
});

test('a group that machines share under the locks of lvmlockd is told to be one, and nothing is made in it', async () => {
  await using disks = await createLoopDisks(64 * MIB, 64 * MIB);
  const [own = '', theirs = ''] = disks.devices;
  await disks.lvm('vgcreate', 'own', own);
  await disks.lvm('vgcreate', 'theirs', theirs);
  const file = path.join(disks.systemDir, 'theirs');
  await disks.lvm('vgcfgbackup', '--file', file, 'theirs');
  const locks = 'lock_type = "sanlock"\nlock_args = "1.0.0:lvmlock"';
  await writeFile(file, (await readFile(file, 'utf8')).replace('extent_size', `${locks}\nextent_size`));
  await disks.lvm('vgcfgrestore', '--force', '--file', file, 'theirs');
  const lvm = lvmOn(disks);
  const groups = (await lvm.report(never)).groups.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  expect(groups).toMatchObject([
    { name: 'own', kept: [], devices: [{ device: own }] },
    { name: 'theirs', shared: true, room: 0, devices: [{ device: theirs }] },
  ]);
  expect(groups[0]?.shared).toBeUndefined();
  const [made] = await lvm.createVolumes(
    [{ vgName: 'theirs', name: 'v', sizeBytes: bytes(8 * MIB), layout: 'linear' }],
    never,
  );
  expect(made?.status === 'rejected' && concernsGroup(made.reason)).toBe(true);
  // What is told of such a group.
  await disks.lvm('vgchange', '--yes', '--lock-type', 'none', '--lock-opt', 'force', 'theirs');
  expect((await groupsOf(lvm)).map(({ name }) => name).toSorted()).toEqual(['own', 'theirs']);
  expect((await lvm.report(never)).groups.filter(({ shared }) => shared)).toEqual([]);
});

test('what is told of a group with a system ID takes it off, whoever it was', async () => {
  await using disks = await createLoopDisks(64 * MIB);
  const asNode = 'global { system_id_source="lvmlocal" } local { system_id="node-1.example" }';
  await disks.lvm('vgcreate', '--config', asNode, 'g', ...disks.devices);
  const lvm = lvmOn(disks);
  const [group] = (await lvm.report(never)).groups;
  expect(group).toMatchObject({ foreign: true, systemId: 'node-1.example' });
  const [, todo = ''] = /: (vgchange .+)$/.exec(ofSystemId(group!)) ?? [];
  await disks.command('env', `LVM_SYSTEM_DIR=${disks.systemDir}`, 'sh', '-c', todo);
  expect((await lvm.report(never)).groups).toMatchObject([{ foreign: false }]);
});

test('a group is seen on a machine with more disks than a pattern for each would have room for', async () => {
  await using disks = await createLoopDisks(64 * MIB);
  await disks.lvm('vgcreate', 'g', ...disks.devices);
  const others = Array.from({ length: 9000 }, (_, at) => `/dev/sd${at.toString(26).replaceAll(/\d/g, 'z')}p${at}`);
  const lvm = lvmOn(disks, { devices: () => Promise.resolve([...others, ...disks.devices]) });
  expect(await groupsOf(lvm)).toMatchObject([{ name: 'g' }]);
  expect(await groupsOf(lvmOn(disks, { devices: () => Promise.resolve(others) }))).toEqual([]);
});

test('a group on a disk that shrank has no room, and is as before once the disk is as large as it was', async () => {
  await using disks = await createLoopDisks(64 * MIB, 64 * MIB);
  const [shrinks = '', other = ''] = disks.devices;
  await disks.lvm('vgcreate', 'g', shrinks, other);
  const lvm = lvmOn(disks);
  const whole = (await lvm.report(never)).groups[0];
  expect(whole).toMatchObject({ room: whole?.free, kept: [] });
  const resize = async (size: number): Promise<void> => {
    const file = await disks.command('losetup', '--noheadings', '--output', 'BACK-FILE', '--list', shrinks);
    await using image = await open(file, 'r+');
    await image.truncate(size);
    await disks.command('losetup', '--set-capacity', shrinks);
  };
  await resize(60 * MIB);
  const cut = (await lvm.report(never)).groups[0];
  expect(cut).toMatchObject({ room: 0, kept: [`reaches beyond the end of ${shrinks}`] });
  expect(cut?.devices.map(({ cutTo }) => cutTo)).toEqual([60 * MIB, undefined]);
  await resize(64 * MIB);
  expect((await lvm.report(never)).groups[0]).toEqual(whole);
});

test('a disk that is back after its group was changed without it has returned; ours changes nothing meanwhile', async () => {
  await using disks = await createLoopDisks(64 * MIB, 64 * MIB);
  const [stays = '', leaves = ''] = disks.devices;
  await disks.lvm('vgcreate', 'g', stays, leaves);
  const plain = ['--zero', 'n', '--wipesignatures', 'n', '--addtag', 'open-local'];
  for (const [name, disk] of Object.entries({ here: stays, there: leaves }))
    await disks.lvm('lvcreate', ...plain, '--size', '8M', '--name', name, 'g', disk);
  let seen = [stays];
  const lvm = lvmOn(disks, { devices: () => Promise.resolve(seen) });
  const members = async () =>
    (await lvm.report(never)).groups[0]?.devices.map(({ missing, returned = false }) => ({ missing, returned }));
  const whole = { missing: false, returned: false };
  await expect(lvm.markFilled({ vgName: 'g', name: 'here' }, never)).rejects.toThrow('lacks disks');
  expect(await members()).toEqual([whole, { missing: true, returned: false }]);
  seen = [stays, leaves];
  expect(await members()).toEqual([whole, whole]); // nothing was changed
  seen = [stays];
  await disks.lvm('lvremove', '--yes', '--config', `devices { filter=["a|^${stays}$|","r|.*|"] }`, 'g/here');
  seen = [stays, leaves];
  expect(await members()).toEqual([whole, { missing: true, returned: true }]);
  await disks.lvm('vgextend', '--restoremissing', 'g', leaves);
  expect(await members()).toEqual([whole, whole]);
});

test.each([
  'report { binary_values_as_numeric = 1 }',
  'report { compact_output = 1 }',
  'report { prefixes = 1 }',
  'report { list_item_separator = ";" }',
  'log { command_names = 1 prefix = "lvm: " }',
])('a report is read the same under %s in lvm.conf', async (settings) => {
  await using disks = await createLoopDisks(64 * MIB);
  await disks.lvm('vgcreate', 'g', ...disks.devices);
  await disks.lvm(
    'lvcreate',
    '--size',
    '8M',
    '--zero',
    'n',
    '--wipesignatures',
    'n',
    '--name',
    'v',
    '--addtag',
    'a',
    '--addtag',
    'b',
    'g',
  );
  await appendFile(path.join(disks.systemDir, 'lvm.conf'), `${settings}\n`);
  expect(await groupsOf(lvmOn(disks))).toEqual([
    { name: 'g', exported: false, partial: false, volumes: [['v', ['a', 'b']]] },
  ]);
});

test.each(['log { report_command_log = 1 }', 'report { output_format = "json_std" }', 'global { test = 1 }'])(
  'lvm does what it is told, and what it says is heard, under %s in lvm.conf',
  async (settings) => {
    await using disks = await createLoopDisks(64 * MIB, 64 * MIB);
    const [own = '', copy = ''] = disks.devices;
    await disks.lvm('vgcreate', 'g', own);
    const plain = ['--zero', 'n', '--wipesignatures', 'n', '--addtag', 'open-local'];
    await disks.lvm('lvcreate', ...plain, '--size', '8M', '--name', 'v', 'g');
    await appendFile(path.join(disks.systemDir, 'lvm.conf'), `${settings}\n`);
    const lvm = lvmOn(disks);
    const volume = { vgName: 'g', name: 'w', sizeBytes: bytes(128 * MIB), layout: 'linear' } as const;
    const [made] = await lvm.createVolumes([volume], never);
    expect(made).toMatchObject({ reason: { kind: 'exhausted' } });
    expect(await lvm.removeVolume({ vgName: 'g', name: 'v' }, never)).toBe(true);
    expect((await lvm.report(never)).groups).toMatchObject([{ volumes: [] }]);
    await disks.command('dd', `if=${own}`, `of=${copy}`, 'bs=1M', 'conv=fsync');
    expect((await lvm.report(never)).duplicates).toHaveLength(1);
  },
);

test('a program that keeps the lock of one group hides no other', async () => {
  await using disks = await createLoopDisks(64 * MIB, 64 * MIB);
  const [first = '', second = ''] = disks.devices;
  await disks.lvm('vgcreate', 'free', first);
  await disks.lvm('vgcreate', 'held', second);
  const holding = new AbortController();
  const lock = path.join(disks.systemDir, '../locks/V_held');
  const asked = run(['flock', '--exclusive', lock, 'sleep', '60'], { timeoutMs: 60_000 }, holding.signal);
  const held = asked.catch(() => undefined);
  const lvm = lvmOn(disks, { lockWaitMs: 1000 });
  const names = async () => (await groupsOf(lvm)).map(({ name }) => name).toSorted();
  expect(await names()).toEqual(['free', 'held']);
  expect(await names()).toEqual(['free', 'held']); // at once, this time
  holding.abort();
  await held;
});

test('where lvm can have no locks at all, groups are still reported', async () => {
  await using disks = await createLoopDisks(64 * MIB);
  await disks.lvm('vgcreate', 'g', ...disks.devices);
  await appendFile(path.join(disks.systemDir, 'lvm.conf'), 'global { locking_dir = "/proc/no-locks" }\n');
  expect(await groupsOf(lvmOn(disks))).toMatchObject([{ name: 'g' }]);
});

test.each([
  ['full', 'nr_inodes=1'],
  ['read-only', 'ro'],
])('where the folder of locks is %s groups are reported, and none is given anything', async (_, option) => {
  await using disks = await createLoopDisks(64 * MIB);
  await disks.lvm('vgcreate', 'g', ...disks.devices);
  await using stack = new AsyncDisposableStack();
  const folder = path.join(disks.systemDir, 'full');
  await mkdir(folder);
  await disks.command('mount', '-t', 'tmpfs', '-o', option, 'locks', folder);
  stack.defer(() => disks.command('umount', folder).then(() => undefined));
  await appendFile(path.join(disks.systemDir, 'lvm.conf'), `global { locking_dir = "${folder}" }\n`);
  const lvm = lvmOn(disks);
  expect(await groupsOf(lvm)).toMatchObject([{ name: 'g' }]);
  const volume = { vgName: 'g', name: 'v', sizeBytes: bytes(8 * MIB), layout: 'linear' } as const;
  const [made] = await lvm.createVolumes([volume], never);
  expect(made?.status === 'rejected' && concernsGroup(made.reason)).toBe(true);
});

test('a group that was written over with an older state is told, and what was kept of it brings its volumes back', async () => {
  await using disks = await createLoopDisks(64 * MIB);
  const backupDir = path.join(disks.systemDir, 'lvm-backup');
  const lvm = lvmOn(disks, { backupDir });
  const make = async (name: string): Promise<void> =>
    void (await lvm.createVolumes([{ vgName: 'g', name, sizeBytes: bytes(8 * MIB), layout: 'linear' }], never));
  await lvm.createGroup({ name: 'g', devices: disks.devices }, never);
  await make('v1');
  const older = path.join(disks.systemDir, 'older');
  await disks.lvm('vgcfgbackup', '--file', older, 'g');
  await make('v2');
  await disks.lvm('vgcfgrestore', '--file', older, 'g');
  const file = path.join(backupDir, 'g');
  const lost = { names: ['v2'], file };
  for (const _ of [1, 2]) expect((await lvm.report(never)).groups).toMatchObject([{ name: 'g', lost }]);
  await disks.lvm('vgcfgrestore', '--file', file, 'g');
  const seen = await lvm.report(never);
  expect(seen.groups.map((group) => [group.lost, group.volumes.map(({ name }) => name).toSorted()])).toEqual([
    [undefined, ['v1', 'v2']],
  ]);
  await disks.lvm('lvremove', '--yes', 'g/v2'); // by hand
  expect((await lvm.report(never)).groups.map(({ lost }) => lost)).toEqual([undefined]);
});

test('what another program changes of a group is kept, too', async () => {
  await using disks = await createLoopDisks(64 * MIB);
  const backupDir = path.join(disks.systemDir, 'lvm-backup');
  const lvm = lvmOn(disks, { backupDir });
  await disks.lvm('vgcreate', 'g', ...disks.devices);
  const kept = (): Promise<string> => readFile(path.join(backupDir, 'g'), 'utf8');
  await lvm.report(never);
  expect(await kept()).not.toContain('theirs');
  await disks.lvm('lvcreate', '-an', '-Zn', '-Wn', '--size', '4m', '--name', 'theirs', 'g');
  await lvm.report(never);
  expect(await kept()).toContain('theirs');
});

test('what a group is like is kept for whoever has to restore it, outside of lvm.conf', async () => {
  await using disks = await createLoopDisks(64 * MIB);
  const backupDir = path.join(disks.systemDir, 'kept "here"');
  const lvm = lvmOn(disks, { backupDir });
  await lvm.createGroup({ name: 'g', devices: disks.devices }, never);
  await lvm.createVolumes([{ vgName: 'g', name: 'v', sizeBytes: bytes(8 * MIB), layout: 'linear' }], never);
  const file = path.join(backupDir, 'g');
  await disks.command('dd', 'if=/dev/zero', `of=${disks.devices[0]}`, 'bs=1M', 'count=1', 'conv=fsync');
  expect(await groupsOf(lvm)).toEqual([]);
  const [, uuid = ''] = /pv0 \{\s+id = "([^"]+)"/.exec(await readFile(file, 'utf8')) ?? [];
  await disks.lvm('pvcreate', '--uuid', uuid, '--restorefile', file, ...disks.devices);
  await disks.lvm('vgcfgrestore', '--file', file, 'g');
  expect(await groupsOf(lvm)).toMatchObject([{ name: 'g', volumes: [['v', [expect.any(String)]]] }]);
});
