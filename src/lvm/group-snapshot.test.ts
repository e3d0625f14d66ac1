import { expect, test } from 'vitest';
import { createFakeRun, exits, type Reply } from '../exec/fake-run.ts';
import { bytes, MIB } from '../model/bytes.ts';
import { createCommands } from './commands.ts';
import { createTogether } from './group-snapshot.ts';
import type { StateFile } from '../exec/state-file.ts';
import { createLvm } from './lvm.ts';

const never = new AbortController().signal;
const VG = 'AAAAAA-1111-2222-3333-4444-5555-BBBBBB';
const idOf = (name: string): string => `${name.repeat(6)}-1111-2222-3333-4444-5555-${name.repeat(6)}`;
const deviceOf = (name: string): string => `LVM-${VG}${idOf(name)}`.replaceAll('-', '').replace('LVM', 'LVM-');

/** A machine with volumes `a` and `b` in group `data`, each of which can be stopped, as device-mapper does it. */
function machine(
  script: (said: string, stopped: Set<string>) => Reply | Promise<Reply> = () => undefined,
  active = 'active',
) {
  const stopped = new Set<string>();
  const volumes = ['a', 'b'];
  const report = (): string => JSON.stringify({ report: [section(volumes, active)] });
  const { run, calls } = createFakeRun(async (argv) => {
    const said = argv.filter((word, at) => word !== '--config' && argv[at - 1] !== '--config').join(' ');
    const own = await script(said, stopped);
    if (own !== undefined) return own;
    const [, verb, , device = ''] = argv;
    if (argv[0] === 'dmsetup' && verb === 'suspend') stopped.add(device);
    if (argv[0] === 'dmsetup' && verb === 'resume') stopped.delete(device);
    if (argv[0] === 'dmsetup' && verb === 'info')
      return volumes
        .map((name) => `${deviceOf(name)} ${stopped.has(deviceOf(name)) ? 'Suspended' : 'Active'} `)
        .join('\n');
    if (said.startsWith('lvm lvcreate')) stopped.delete(deviceOf(said.slice(-1)));
    return said.startsWith('lvm fullreport') ? report() : '';
  });
  const lvm = createLvm({ run });
  const done = (): readonly string[] =>
    calls.flatMap(([program, verb, , device = '', ...rest]) => {
      if (program === 'dmsetup')
        return ['suspend', 'resume'].includes(verb ?? '') ? [`${verb} ${device.slice(-1)}`] : [];
      return verb === 'fullreport' ? [] : [`${verb} ${rest.at(-1)}`];
    });
  return { run, calls, lvm, stopped, done, volumes };
}

const section = (names: readonly string[], active: string) => ({
  vg: [
    {
      vg_name: 'data',
      vg_uuid: VG,
      vg_size: String(100 * MIB),
      vg_free: String(50 * MIB),
      vg_extent_size: String(4 * MIB),
      vg_seqno: '1',
    },
  ],
  pv: [{ pv_name: '/dev/sda', pv_uuid: 'pv', pv_size: String(100 * MIB), pv_free: String(50 * MIB), vg_name: 'data' }],
  lv: names.map((name) => ({
    ...{ lv_name: name, lv_uuid: idOf(name), lv_size: String(8 * MIB), lv_tags: 'open-local', lv_active: active },
  })),
  pvseg: [],
});

const snapshot = (origin: string) => ({ vgName: 'data', name: `s${origin}`, sizeBytes: bytes(4 * MIB), origin });
const BOTH = [snapshot('a'), snapshot('b')];
const MADE = ['suspend a', 'suspend b', 'lvcreate data/a', 'lvcreate data/b'];
const GOING = ['resume a', 'resume b'];

test('all volumes are stopped, then all snapshots taken, then all let go on, and the snapshots are finished last', async () => {
  const { lvm, done } = machine();
  await lvm.createSnapshots(BOTH, never);
  expect(done()).toEqual([...MADE, ...GOING, 'lvchange data/sa', 'lvchange data/sb']);
});

test.each<[string, (said: string) => Reply, readonly string[]]>([
  [
    'the second cannot be stopped',
    (said) =>
      said === `dmsetup suspend --uuid ${deviceOf('b')}` ? exits(['dmsetup'], 1, 'Device or resource busy') : undefined,
    MADE.slice(0, 2),
  ],
  [
    'there is no room for the second',
    (said) => (said.endsWith('data/b') ? exits(['lvm', 'lvcreate'], 5, 'insufficient free space') : undefined),
    MADE,
  ],
  [
    'the kernel does not say who is stopped',
    (said) => (said.startsWith('dmsetup info') ? exits(['dmsetup'], 1) : undefined),
    MADE.slice(0, 2),
  ],
])('when %s, all go on, and nothing is finished', async (_, script, before) => {
  const { lvm, done, stopped } = machine(script);
  await expect(lvm.createSnapshots(BOTH, never)).rejects.toMatchObject({ name: 'Fault' });
  expect(done()).toEqual([...before, ...GOING]);
  expect([...stopped]).toEqual([]);
});

test('one that another program let go on is not snapshotted any more', async () => {
  const { lvm, done } = machine((said, stopped) => {
    if (said.endsWith('data/a')) stopped.delete(deviceOf('b'));
    return undefined;
  });
  await expect(lvm.createSnapshots(BOTH, never)).rejects.toThrow('another program let data/b go on');
  expect(done()).toEqual([...MADE.slice(0, 3), ...GOING]);
});

test('a call that is given up lets all go on before it ends', async () => {
  const giveUp = new AbortController();
  const { lvm, done } = machine((said) => {
    if (said.endsWith('data/b')) giveUp.abort(new Error('the agent stops'));
    return undefined;
  });
  await expect(lvm.createSnapshots(BOTH, giveUp.signal)).rejects.toThrow('the agent stops');
  expect(done()).toEqual([...MADE, ...GOING]);
});

test('when the time is over, all go on, and it is said how long they were stopped', async () => {
  const { run, done, stopped } = machine((said) => (said.endsWith('data/b') ? new Promise(() => {}) : undefined));
  await expect(createTogether(createCommands({ run }), { run }, BOTH, never, 20)).rejects.toThrow(
    'a, b could not be snapshotted within 0.02 s: they went on',
  );
  expect(done()).toEqual([...MADE, ...GOING]);
  expect([...stopped]).toEqual([]);
});

test('one that does not go on is put right by lvm', async () => {
  const { lvm, done } = machine((said) =>
    said === `dmsetup resume --uuid ${deviceOf('a')}` ? exits(['dmsetup'], 1, 'ioctl failed') : undefined,
  );
  await lvm.createSnapshots(BOTH, never);
  expect(done()).toEqual([...MADE, ...GOING, 'lvchange data/a', 'lvchange data/sa', 'lvchange data/sb']);
});

test('where one goes on neither by the kernel nor by lvm, that is told, and the others go on', async () => {
  const { lvm, done } = machine((said) =>
    said === `dmsetup resume --uuid ${deviceOf('a')}` || said.includes('--refresh')
      ? exits(['dmsetup'], 1, 'ioctl failed')
      : undefined,
  );
  await expect(lvm.createSnapshots(BOTH, never)).rejects.toThrow('ioctl failed');
  expect(done()).toEqual([...MADE, ...GOING, 'lvchange data/a']);
});

test.each([
  ['Device or resource busy\n', /^dmsetup suspend: Device or resource busy$/],
  ['', /^dmsetup suspend: dmsetup exited with 1$/],
])('what the kernel says of one that cannot be stopped is told: %j', async (stderr, told) => {
  const { lvm } = machine((said) => (said.startsWith('dmsetup suspend') ? exits(['dmsetup'], 1, stderr) : undefined));
  await expect(lvm.createSnapshots(BOTH, never)).rejects.toThrow(told);
});

test('a call that is given up while a volume is stopped ends with the reason', async () => {
  const giveUp = new AbortController();
  const { lvm, done } = machine((said) => {
    if (said.startsWith('dmsetup suspend')) giveUp.abort(new Error('the agent stops'));
    return undefined;
  });
  await expect(lvm.createSnapshots(BOTH, giveUp.signal)).rejects.toThrow(/^the agent stops$/);
  expect(done()).toEqual(['suspend a', ...GOING]);
});

test.each([
  ['is not there', 'active', [snapshot('a'), snapshot('c')], 'not-found'],
  ['is not active', '', BOTH, 'precondition'],
])('where one of the volumes %s, nothing is stopped', async (_, active, wanted, kind) => {
  const { lvm, done } = machine(undefined, active);
  await expect(lvm.createSnapshots(wanted, never)).rejects.toMatchObject({ kind });
  expect(done()).toEqual([]);
});

test('where one of the names is taken, nothing is stopped', async () => {
  const { lvm, done, volumes } = machine();
  volumes.push('sb');
  await expect(lvm.createSnapshots(BOTH, never)).rejects.toMatchObject({ kind: 'conflict' });
  expect(done()).toEqual([]);
});

/** A state file in memory, of which each state is kept. */
function record(): { readonly file: StateFile<readonly string[]>; readonly states: (readonly string[])[] } {
  const states: (readonly string[])[] = [[]];
  const now = (): readonly string[] => states.at(-1) ?? [];
  return { states, file: { read: async () => now(), update: async (change) => void states.push(change(now())) } };
}

test('which are stopped is written before, and taken back when all go on', async () => {
  const { file, states } = record();
  states.push(['LVM-other']); // stopped by another call, or by an earlier process
  const { run } = machine();
  let written = -1;
  const counting: typeof run = (argv, ...rest) => {
    if (argv[1] === 'suspend' && written < 0) written = states.length;
    return run(argv, ...rest);
  };
  await createLvm({ run: counting, stopped: file }).createSnapshots(BOTH, never);
  expect(states.slice(1)).toEqual([['LVM-other'], ['LVM-other', ...['a', 'b'].map(deviceOf)], ['LVM-other']]);
  expect(written).toBe(3);
});

test('nothing is stopped when that cannot be written', async () => {
  const { run, done } = machine();
  const { file } = record();
  const full = { ...file, update: () => Promise.reject(new Error('no space left on device')) };
  await expect(createLvm({ run, stopped: full }).createSnapshots(BOTH, never)).rejects.toThrow('no space left');
  expect(done()).toEqual([]);
});

test('what a killed process left stopped goes on at once, also when one of it is not there any more', async () => {
  const { run, done } = machine((said) =>
    said.endsWith(deviceOf('a')) ? exits(['dmsetup'], 1, 'No such device') : undefined,
  );
  const { file, states } = record();
  states.push(['a', 'b'].map(deviceOf));
  await createLvm({ run, stopped: file }).resumeLeft(never);
  expect(done()).toEqual(GOING);
  expect(states.at(-1)).toEqual([]);
});

test('where nothing was left stopped, nothing is written', async () => {
  const { run, calls } = machine();
  const { file, states } = record();
  await createLvm({ run, stopped: file }).resumeLeft(never);
  expect([calls, states]).toEqual([[], [[]]]);
});

test('an agent that ends while it lets go on what was left keeps the record of it', async () => {
  const ending = new AbortController();
  const { run } = machine(() => {
    ending.abort(new Error('the agent ends'));
    return undefined;
  });
  const { file, states } = record();
  states.push(['a', 'b'].map(deviceOf));
  await expect(createLvm({ run, stopped: file }).resumeLeft(ending.signal)).rejects.toThrow('the agent ends');
  expect(states).toHaveLength(2);
});
