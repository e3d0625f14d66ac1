import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { CommandFailed } from '../exec/command-failed.ts';
import { createFakeRun, exits, type Script } from '../exec/fake-run.ts';
import { createCommands, devicesOf, groupOf, isFresh } from './commands.ts';
import { createLvm } from './lvm.ts';

const never = new AbortController().signal;
const group = {
  vg_name: 'pool-0',
  vg_uuid: 'u',
  vg_systemid: 'me',
  vg_size: '0',
  vg_free: '0',
  vg_extent_size: '1',
  vg_seqno: '1',
};
const report = JSON.stringify({ report: [{ vg: [group], pv: [], lv: [], pvseg: [], seg: [] }] });

test('a machine whose system ID was not told is asked again, and no group is called foreign meanwhile', async () => {
  const answers = ['', 'system ID: me\n'];
  const { run } = createFakeRun((argv) => (argv.includes('systemid') ? answers.shift() : report));
  const commands = createCommands({ run });
  await expect(commands.report(never)).rejects.toMatchObject({ kind: 'unavailable' });
  for (const _ of [1, 2]) expect((await commands.report(never)).groups).toMatchObject([{ foreign: false }]);
});

const pv = (pv_name: string) => ({ pv_name, pv_uuid: pv_name, pv_size: '0', pv_free: '0', pv_missing: '' });
const reportOn = (...names: readonly string[]) =>
  JSON.stringify({ report: [{ vg: [{ ...group, vg_systemid: '' }], pv: names.map(pv), lv: [], pvseg: [], seg: [] }] });

/** A machine with two disks in one group, on which what looks at a hung one does not end. */
function twoDisks() {
  const devices = ['/dev/good', '/dev/lame'];
  const hung = new Set<string>();
  const { run, calls } = createFakeRun((argv) => {
    const said = argv.join(' ');
    const seen = ['good', 'lame'].filter((name) => said.includes(name));
    if (seen.some((name) => hung.has(name)))
      return new CommandFailed({ argv, exitCode: undefined, signal: 'SIGKILL', stdout: '', stderr: '' }, 'hangs');
    return argv[0] === 'dd' ? '' : reportOn(...seen.map((name) => `/dev/${name}`));
  });
  const commands = createCommands({ run, devices: () => Promise.resolve(devices), lockWaitMs: 0 });
  const look = async () => {
    const { groups, silent } = await commands.report(never);
    return { members: groups.flatMap((one) => one.devices.map(({ device }) => device)), silent };
  };
  const asked = () => calls.filter(([program]) => program === 'dd').map(([, input = '']) => input.slice(3));
  return { devices, hung, look, asked, calls };
}

test('a disk that does not answer hides no other, and is looked at again when it does', async () => {
  const it = twoDisks();
  const whole = { members: ['/dev/good', '/dev/lame'], silent: undefined };
  expect(await it.look()).toEqual(whole);
  expect(it.asked()).toEqual([]);
  it.hung.add('lame');
  const without = { members: ['/dev/good'], silent: [{ device: '/dev/lame', group: 'pool-0' }] };
  expect(await it.look()).toEqual(without);
  expect(it.asked()).toEqual(['/dev/good', '/dev/lame']);
  const before = it.calls.length;
  expect(await it.look()).toEqual(without);
  expect(it.calls.slice(before).map(([program]) => program)).toEqual(['dd', 'lvm']); // no look in vain
  it.hung.clear();
  expect(await it.look()).toEqual(whole);
});

test('a disk that does not answer and is taken out is forgotten', async () => {
  const it = twoDisks();
  it.hung.add('lame');
  await it.look();
  it.devices.pop();
  expect(await it.look()).toEqual({ members: ['/dev/good'], silent: undefined });
});

test('where every disk answers and lvm does not end, it is told so', async () => {
  const { run } = createFakeRun((argv) =>
    argv[0] === 'dd'
      ? ''
      : new CommandFailed({ argv, exitCode: undefined, signal: 'SIGKILL', stdout: '', stderr: '' }, 'hangs'),
  );
  const commands = createCommands({ run, devices: () => Promise.resolve(['/dev/good']), lockWaitMs: 0 });
  await expect(commands.report(never)).rejects.toMatchObject({ kind: 'unavailable' });
});

test('a disk that gives an error answers', async () => {
  const { run } = createFakeRun((argv) =>
    argv[0] === 'dd' || !argv.join(' ').includes('lame')
      ? new CommandFailed({ argv, exitCode: 1, signal: undefined, stdout: '', stderr: 'EIO' }, 'exited with 1')
      : new CommandFailed({ argv, exitCode: undefined, signal: 'SIGKILL', stdout: '', stderr: '' }, 'hangs'),
  );
  const commands = createCommands({ run, devices: () => Promise.resolve(['/dev/lame']), lockWaitMs: 0 });
  await expect(commands.report(never)).rejects.toThrow('hangs');
});

const volumeRow = (lv_name: string, minor: string) => ({
  ...{ lv_name, lv_uuid: `u-${lv_name}`, lv_size: '0', lv_tags: '', lv_active: minor === '' ? '' : 'active' },
  ...{ lv_kernel_major: minor === '' ? '-1' : '253', lv_kernel_minor: minor === '' ? '-1' : minor },
});
const withVolumes = JSON.stringify({
  report: [
    {
      vg: [{ ...group, vg_systemid: '' }],
      ...{ pv: [], pvseg: [], seg: [] },
      lv: [volumeRow('good', '1'), volumeRow('lost', '2'), volumeRow('asleep', '')],
    },
  ],
});

test('an active volume to whose device no file leads is told', async () => {
  const { run } = createFakeRun(() => withVolumes);
  const isDevice = (path: string) => Promise.resolve(path === '/dev/pool-0/good');
  const { groups } = await createCommands({ run, isDevice }).report(never);
  expect(groups[0]?.volumes.map(({ name, pathless }) => [name, pathless])).toEqual([
    ['good', undefined],
    ['lost', true],
    ['asleep', undefined],
  ]);
});

test.each<[string, { path: boolean; detached: boolean }, readonly string[]]>([
  ['whose path is gone', { path: false, detached: false }, ['vgmknodes']],
  ['whose disk is back', { path: true, detached: true }, ['lvchange']],
  ['with both', { path: false, detached: true }, ['lvchange', 'vgmknodes']],
])('refreshing a volume %s', async (_, { path, detached }, verbs) => {
  const { run, calls } = createFakeRun((argv) => (argv[1] === 'fullreport' ? withVolumes : ''));
  const lvm = createLvm({
    run,
    isDevice: () => Promise.resolve(path),
    isDetached: () => Promise.resolve(detached),
  });
  await lvm.refreshVolume({ vgName: 'pool-0', name: 'lost' }, never);
  expect(calls.map(([, verb]) => verb).filter((verb) => verb !== 'fullreport')).toEqual(verbs);
});

test('a group is the one of its UUID where it is known, and by its name alone only where that is there once', () => {
  const groups = [
    { name: 'pool', uuid: 'a' },
    { name: 'pool', uuid: 'b' },
    { name: 'other', uuid: 'c' },
  ];
  expect(groupOf(groups, { vgName: 'pool', vgUuid: 'b' })).toBe(groups[1]);
  expect(groupOf(groups, { vgName: 'other' })).toBe(groups[2]);
  expect(() => groupOf(groups, { vgName: 'pool' })).toThrow('2 volume groups are called pool (a, b)');
  expect(() => groupOf(groups, { vgName: 'pool', vgUuid: 'c' })).toThrow('volume group pool (c) is not on this node');
});

/** What is said of reports with locks, and how each report was asked for. */
function locked(says: Script, lockWaitMs?: number) {
  const { run, calls } = createFakeRun((argv, ...rest) =>
    argv.includes('--nolocking') ? reportOn('/dev/good') : says(argv, ...rest),
  );
  const commands = createCommands({ run, ...(lockWaitMs === undefined ? {} : { lockWaitMs }) });
  const asked = () => calls.map((argv) => (argv.includes('--nolocking') ? 'without locks' : 'with locks'));
  return { commands, asked };
}

test('where no lock can be had the report comes without, and none is waited for in the next minute', async () => {
  const { commands, asked } = locked((argv) => exits(argv, 5, '  /run/lock/lvm/V_pool: open failed: No space left'));
  for (const _ of [1, 2]) expect((await commands.report(never)).groups).toMatchObject([{ name: 'pool-0' }]);
  expect(asked()).toEqual(['with locks', 'without locks', 'without locks']);
});

test('where somebody keeps a lock too long the report comes without, and the next waits again', async () => {
  const { commands, asked } = locked((argv) => exits(argv, 5, '  cut off'), 0);
  for (const _ of [1, 2]) await commands.report(never);
  expect(asked()).toEqual(['with locks', 'without locks', 'with locks', 'without locks']);
});

test('another failure of a report is told, and a report that worked is asked for once', async () => {
  const { commands, asked } = locked((argv) => exits(argv, 5, '  no such field'));
  await expect(commands.report(never)).rejects.toThrow('no such field');
  expect(asked()).toEqual(['with locks']);
  const well = locked(() => reportOn('/dev/good'));
  await well.commands.report(never);
  expect(well.asked()).toEqual(['with locks']);
});

test('whoever does not wait any more is given no report without locks', async () => {
  const stopping = new AbortController();
  const { commands, asked } = locked((argv) => {
    stopping.abort(new Error('enough'));
    return exits(argv, 5, '  V_pool: open failed');
  }, 0);
  await expect(commands.report(stopping.signal)).rejects.toThrow('enough');
  expect(asked()).toEqual(['with locks']);
});

test('each command is told with its verb, its time and whether it went well', async () => {
  const told: { readonly verb: string; readonly ok: boolean; readonly ms: number }[] = [];
  const { run } = createFakeRun((argv) => (argv[1] === 'lvremove' ? exits(argv, 5, 'in use') : ''));
  const { change } = createCommands({ run, onCommand: (one) => void told.push(one) });
  await change(['lvm', 'lvchange'], undefined, never);
  await expect(change(['lvm', 'lvremove'], undefined, never)).rejects.toThrow('in use');
  expect(told).toMatchObject([
    { verb: 'lvchange', ok: true },
    { verb: 'lvremove', ok: false },
  ]);
  for (const { ms } of told) expect(ms).toBeLessThan(60_000);
});

test('the system ID of a machine without one is none, and is asked for where some group has one', async () => {
  const { run, calls } = createFakeRun((argv) => (argv.includes('systemid') ? '  system ID:\n  v\n' : report));
  expect((await createCommands({ run }).report(never)).groups).toMatchObject([{ foreign: true }]);
  expect(calls.filter((argv) => argv.includes('systemid'))).toHaveLength(1);
  const two = JSON.parse(report) as { report: { vg: object[] }[] };
  two.report.push({ ...two.report[0]!, vg: [{ ...group, vg_uuid: 'w', vg_systemid: '' }] });
  const mixed = createFakeRun((argv) => (argv.includes('systemid') ? 'system ID: me\n' : JSON.stringify(two)));
  expect((await createCommands({ run: mixed.run }).report(never)).groups).toMatchObject([
    { foreign: false },
    { foreign: false },
  ]);
});

test('a look serves for five seconds', () => {
  expect(isFresh({ groups: [], at: performance.now() })).toBe(true);
  expect(isFresh({ groups: [], at: performance.now() - 5001 })).toBe(false);
});

test('devices that are missing are none of those that can be looked at', () => {
  const device = (name: string, missing: boolean) => ({ device: name, missing, size: 0, free: 0, uuid: name });
  const devices = [device('/dev/a', false), device('/dev/b', true)] as never;
  expect(devicesOf({ devices })).toEqual(['/dev/a']);
});

test('a damaged copy of the metadata is one that two reports in a row tell of', async () => {
  const damaged = '  WARNING: repair VG metadata on /dev/b with vgck --updatemetadata.';
  const other = '  WARNING: Scanning /dev/a mda1 found mismatch with other metadata.';
  const said = ['', damaged, '', damaged, `${damaged}\n${other}`, other];
  const { run } = createFakeRun(() => '');
  const saying: typeof run = async (...call) => ({
    ...(await run(...call)),
    stdout: reportOn('/dev/a', '/dev/b'),
    stderr: said.shift() ?? '',
  });
  const commands = createCommands({ run: saying });
  const looks: unknown[] = [];
  while (said.length > 0) {
    const { groups } = await commands.report(never);
    looks.push(groups.flatMap(({ devices }) => devices.flatMap((pv) => (pv.damagedCopy ? [pv.device] : []))));
  }
  expect(looks).toEqual([[], [], [], [], ['/dev/b'], ['/dev/a']]);
});

test('the state of a group is kept after changes of other programs alone, and tried once for each', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'kept-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  let seqno = 1;
  const stateOf = (): string => `pool-0 {\n\tid = "u"\n\tseqno = ${seqno}\n}\n`;
  const { run, calls } = createFakeRun(() => {
    const vg = [{ ...group, vg_systemid: '', vg_seqno: `${seqno}` }];
    return JSON.stringify({ report: [{ vg, pv: [], lv: [], pvseg: [], seg: [] }] });
  });
  const commands = createCommands({ run, backupDir: folder });
  const kept = async (): Promise<number> => {
    await commands.report(never);
    return calls.filter((argv) => argv.includes('vgcfgbackup')).length;
  };
  expect([await kept(), await kept()]).toEqual([1, 1]); // the folder stays empty: it was tried
  await writeFile(path.join(folder, 'pool-0'), stateOf());
  expect(await kept()).toBe(1);
  seqno = 2;
  expect([await kept(), await kept()]).toEqual([2, 2]);
  seqno = 3;
  await writeFile(path.join(folder, 'pool-0'), stateOf()); // a change of ours
  expect(await kept()).toBe(2);
});
