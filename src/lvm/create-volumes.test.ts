import { AsyncLocalStorage } from 'node:async_hooks';
import { expect, test } from 'vitest';
import { exits } from '../exec/fake-run.ts';
import { bytes, GIB, MIB } from '../model/bytes.ts';
import type { Seen } from './commands.ts';
import { createFakeLvm, type FakeLvm } from './fake-lvm.ts';
import { createLvm } from './lvm.ts';
import { OUR_TAG, UNFINISHED_TAG } from './names.ts';

const never = new AbortController().signal;
const GROUP = { name: 'pool-0', uuid: 'vg-1', device: '/dev/sda', sizeBytes: 100 * GIB };
const volume = (name: string, layout: 'linear' | 'striped' = 'linear') =>
  ({ vgName: 'pool-0', vgUuid: 'vg-1', name, sizeBytes: bytes(GIB), layout }) as const;
const whole = (name: string) => ({ name, uuid: `lv-${name}`, size: GIB, tags: [OUR_TAG] });
const unfinished = (name: string) => ({ ...whole(name), tags: [OUR_TAG, UNFINISHED_TAG] });

function rig(before: (command: string, program: FakeLvm) => void = () => {}) {
  const program: FakeLvm = createFakeLvm(GROUP, (command) => before(command, program));
  const lvm = createLvm({ run: program.run });
  const look = async (): Promise<Seen> => {
    const seen = { groups: (await lvm.report(never)).groups, at: performance.now() };
    program.said.length = 0;
    return seen;
  };
  const tags = (): readonly (readonly string[])[] => [...program.volumes.values()].map((one) => one.tags);
  return { program, lvm, look, tags };
}

test('volumes are made one after another on what was seen, and finished with one command', async () => {
  const it = rig();
  const results = await it.lvm.createVolumes(
    ['a', 'b', 'c'].map((name) => volume(name)),
    never,
    await it.look(),
  );
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled']);
  expect(it.program.said).toEqual([
    ...['lvcreate pool-0/a', 'lvcreate pool-0/b', 'lvcreate pool-0/c'],
    'lvchange pool-0/a pool-0/b pool-0/c',
  ]);
  expect(it.tags()).toEqual([[OUR_TAG], [OUR_TAG], [OUR_TAG]]);
});

test('what was seen too long ago is looked at again, and so is how striped volumes lie', async () => {
  const it = rig();
  const seen = await it.look();
  await it.lvm.createVolumes([volume('a')], never, { ...seen, at: seen.at - 6000 });
  expect(it.program.said).toEqual(['fullreport', 'lvcreate pool-0/a', 'lvchange pool-0/a']);
  const again = await it.look();
  await it.lvm.createVolumes([volume('b', 'striped'), volume('c', 'striped')], never, again);
  expect(it.program.said).toEqual([
    ...['lvcreate pool-0/b', 'fullreport', 'lvcreate pool-0/c'],
    'lvchange pool-0/b pool-0/c',
  ]);
});

test('what is done for a volume is done within what it brings, and what is for all within none', async () => {
  const within = new AsyncLocalStorage<string>();
  const told: string[] = [];
  const it = rig((command) => void told.push(`${within.getStore() ?? 'nobody'}: ${command}`));
  const wanted = ['a', 'b'].map((name) => ({
    ...volume(name),
    inside: <T>(work: () => T): T => within.run(name, work),
  }));
  await it.lvm.createVolumes(wanted, never, await it.look());
  expect(told.slice(1)).toEqual([
    ...['a: lvcreate pool-0/a', 'b: lvcreate pool-0/b'],
    'nobody: lvchange pool-0/a pool-0/b',
  ]);
});

test('one that fails fails alone', async () => {
  const it = rig((command) => {
    if (command === 'lvcreate pool-0/b') throw exits(['lvm', 'lvcreate'], 5, 'insufficient free space');
  });
  const results = await it.lvm.createVolumes(
    ['a', 'b', 'c'].map((name) => volume(name)),
    never,
    await it.look(),
  );
  expect(results).toMatchObject([{ status: 'fulfilled' }, { reason: { kind: 'exhausted' } }, { status: 'fulfilled' }]);
  expect(it.tags()).toEqual([[OUR_TAG], [OUR_TAG]]);
  expect(it.program.said).not.toContain('fullreport'); // what is there makes no room
});

test('where finishing all fails, each is finished by itself, and who went meanwhile is told', async () => {
  const it = rig((command, { volumes }) => {
    if (command.startsWith('lvchange')) volumes.delete('b');
  });
  const results = await it.lvm.createVolumes(
    ['a', 'b', 'c'].map((name) => volume(name)),
    never,
    await it.look(),
  );
  expect(results).toMatchObject([{ status: 'fulfilled' }, { reason: { kind: 'not-found' } }, { status: 'fulfilled' }]);
  expect(it.tags()).toEqual([[OUR_TAG], [OUR_TAG]]);
});

test('one that cannot be finished is tried once', async () => {
  const it = rig((command, { volumes }) => {
    if (command.startsWith('lvchange')) volumes.delete('a');
  });
  const results = await it.lvm.createVolumes([volume('a')], never, await it.look());
  expect(results).toMatchObject([{ reason: { kind: 'not-found' } }]);
  expect(it.program.said).toEqual(['lvcreate pool-0/a', 'lvchange pool-0/a']);
});

test.each([
  ['ours and whole: nothing is done', whole('a'), { status: 'fulfilled' }],
  ['somebody else’s: it is refused', { ...whole('a'), tags: [] }, { reason: { kind: 'conflict' } }],
  ['ours and smaller: it is refused', { ...whole('a'), size: 4 * MIB }, { reason: { kind: 'conflict' } }],
])('what bears the name of a volume is %s', async (_, there, result) => {
  const it = rig();
  for (const one of [whole('0'), there]) it.program.volumes.set(one.name, one);
  expect(await it.lvm.createVolumes([volume('a')], never, await it.look())).toMatchObject([result]);
  expect(it.program.said).toEqual([]);
});

test('a name that lvcreate calls taken, though nothing bears it, is refused in the words of lvm', async () => {
  const it = rig((command) => {
    if (command.startsWith('lvcreate')) throw exits(['lvm', 'lvcreate'], 5, 'Logical Volume "a" already exists');
  });
  it.program.volumes.set('0', whole('0'));
  expect(await it.lvm.createVolumes([volume('a')], never, await it.look())).toMatchObject([
    { reason: { kind: 'conflict', message: expect.stringContaining('"a" already exists') as string } },
  ]);
});

test.each([
  ['ours and whole: it is done', whole('a'), { status: 'fulfilled' }],
  ['being made by another agent: it waits', unfinished('a'), { reason: { kind: 'unavailable' } }],
  ['somebody else’s: it is refused', { ...whole('a'), tags: [] }, { reason: { kind: 'conflict' } }],
  ['ours and smaller: it is refused', { ...whole('a'), size: 4 * MIB }, { reason: { kind: 'conflict' } }],
])('lvcreate finds the name taken, which was free when it was looked at; %s', async (_, there, result) => {
  const it = rig();
  const seen = await it.look();
  for (const one of [whole('0'), there]) it.program.volumes.set(one.name, one);
  expect(await it.lvm.createVolumes([volume('a')], never, seen)).toMatchObject([result]);
  expect(it.program.said).toEqual(['lvcreate pool-0/a', 'fullreport']);
  expect(it.program.volumes.get('a')).toEqual(there);
});

test('the rest of a cut try goes, unless another volume bears its name by now', async () => {
  const it = rig();
  it.program.volumes.set('a', unfinished('a'));
  const seen = await it.look();
  it.program.volumes.set('a', { ...whole('a'), uuid: 'lv-other', tags: [] });
  expect(await it.lvm.createVolumes([volume('a')], never, seen)).toMatchObject([{ reason: { kind: 'conflict' } }]);
  expect(it.program.volumes.get('a')?.uuid).toBe('lv-other');
  it.program.volumes.set('a', unfinished('a'));
  expect(await it.lvm.createVolumes([volume('a')], never, await it.look())).toMatchObject([{ status: 'fulfilled' }]);
  expect(it.tags()).toEqual([[OUR_TAG]]);
});

test('what was seen of a volume serves to grow, start and remove it, and no other of its name is touched', async () => {
  const it = rig();
  it.program.volumes.set('a', whole('a'));
  const seen = await it.look();
  const ref = { vgName: 'pool-0', vgUuid: 'vg-1', name: 'a', uuid: 'lv-a' };
  await it.lvm.extendVolume({ ...ref, sizeBytes: bytes(2 * GIB) }, never, seen);
  await it.lvm.activateVolume(ref, never, seen);
  it.program.volumes.set('a', { ...whole('a'), uuid: 'lv-other' });
  expect(await it.lvm.removeVolume(ref, never, seen)).toBe(false);
  expect(it.program.said).toEqual(['lvextend pool-0/a', 'lvchange pool-0/a', 'lvremove pool-0/a']);
  expect(it.program.volumes.has('a')).toBe(true);
  it.program.volumes.set('a', whole('a'));
  expect(await it.lvm.removeVolume(ref, never, await it.look())).toBe(true);
  expect(it.program.volumes.has('a')).toBe(false);
});

test.each([0, 1, 2, 3])('cut after %i of its commands, the next try ends with each volume once, whole', async (cut) => {
  const names = ['a', 'b', 'c'];
  const dying = new AbortController();
  let left = Infinity;
  const it = rig(() => {
    left -= 1;
    if (left >= 0) return;
    dying.abort(new Error('killed'));
    throw new Error('killed');
  });
  const seen = await it.look();
  const wanted = names.map((name) => volume(name));
  left = cut;
  await expect(it.lvm.createVolumes(wanted, dying.signal, seen)).rejects.toThrow('killed');
  left = Infinity;
  const again = await it.lvm.createVolumes(wanted, never, await it.look());
  expect(again.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled']);
  expect([...it.program.volumes.keys()].toSorted((a, b) => a.localeCompare(b))).toEqual(names);
  expect(it.tags()).toEqual(names.map(() => [OUR_TAG]));
});
