import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Gate } from '../../daemon/gate.ts';
import { Gates } from '../../daemon/gates.ts';
import { KeyedMutex } from '../../daemon/keyed-mutex.ts';
import { createOne } from '../../../test/rig/create-one.ts';
import { createStateFile, type StateFile } from '../../exec/state-file.ts';
import type { Lvm } from '../../lvm/lvm.ts';
import { createSimulatedLvm } from '../../lvm/simulated.ts';
import type { SimulatedStorage } from '../../lvm/simulated-groups.ts';
import { bytes, GIB, MIB } from '../../model/bytes.ts';
import { NO_TRACER } from '../../trace/tracer.ts';
import { Fault } from '../../model/fault.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { silentLog } from '../../model/log.ts';
import { createFakeObjects } from '../fake-objects.ts';
import { sampleLocalVolume, sampleObservation } from '../storage-fixture.ts';
import { findSuspects } from './changed-volumes.ts';
import { reconcileVolume, type VolumeDeps } from './reconcile-volume.ts';
import { createTurns } from './settle-together.ts';
import { createVolumeWriter } from './write-volume.ts';

const never = new AbortController().signal;
const GROUPS = { a: 'pool-0', b: 'pool-1' } as const;
type Source = keyof typeof GROUPS;
const SOURCES = ['a', 'b'] as const;
const PARTS = ['snap-a', 'snap-b'];

const part = (source: Source): LocalVolume =>
  sampleLocalVolume({
    meta: { name: `snap-${source}`, uid: `uid-${source}` },
    spec: {
      ...{ role: 'Snapshot', vgName: GROUPS[source], sizeBytes: 64 * MIB, source: { volume: source } },
      ...{ groupSnapshot: 'group', groupSources: [...SOURCES] },
    },
  });

/** Volumes `a` and `b` in a group each, and agents that may be killed, of which one at a time works on them. */
async function node() {
  const folder = await mkdtemp(path.join(tmpdir(), 'group-snapshots-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'disks.json');
  const disks = SOURCES.map((name) => ({ name: `/dev/sim-${name}`, sizeBytes: 10 * GIB }));
  await writeFile(file, JSON.stringify({ disks }));
  const { client, heard: others, wrote, order } = createFakeObjects();

  /** A new agent; `state`: through what it reaches the disks. */
  const agent = (state: StateFile<SimulatedStorage> = createStateFile(file)) => {
    const lvm: Lvm = createSimulatedLvm(state);
    const write = createVolumeWriter({ client, wrote });
    const locks = new KeyedMutex();
    const turns = createTurns(locks);
    const deps = {
      lvm,
      write,
      locks,
      turns,
      erasing: new Gates({ ofOneKey: 2, inAll: 8 }),
      apart: new Gate(4),
      others,
      tracer: NO_TRACER,
      ...idle,
    } as unknown as VolumeDeps;
    const look = async (name: string): Promise<void> => {
      await reconcileVolume(others.get(name) as LocalVolume, deps, never).catch((error: unknown) => {
        if (!(error instanceof Fault) && !isKilled(error)) throw error;
      });
    };
    /** What an agent does by itself when it starts, and from time to time. */
    const lookAround = async (): Promise<void> => {
      const { groups } = await lvm.report(never);
      for (const name of findSuspects(others.values(), { groups, devices: [], mountPoints: [] })) await look(name);
    };
    return { lvm, look, lookAround };
  };

  const { lvm, look } = agent();
  for (const source of SOURCES) {
    await lvm.createGroup({ name: GROUPS[source], devices: [`/dev/sim-${source}`] }, never);
    order(sampleLocalVolume({ meta: { name: source }, spec: { vgName: GROUPS[source] } }));
    await look(source);
  }
  const status = (name: string): LocalVolume['status'] => others.get(name)?.status;
  const stopped = async (): Promise<readonly string[]> =>
    (await lvm.report(never)).groups.flatMap(({ volumes }) =>
      volumes.flatMap(({ name, suspended }) => (suspended ? [name] : [])),
    );
  return { file, order, agent, status, stopped, lvm };
}

const idle = {
  disks: {},
  filesystems: {},
  crypt: {},
  mounts: { list: () => Promise.resolve([]) },
  observe: () => Promise.resolve(sampleObservation()),
  record: () => {},
  log: silentLog,
  onBroken: () => {},
  onChange: () => {},
};

const KILLED = 'the agent was killed';
const isKilled = (error: unknown): boolean => error instanceof Error && error.message === KILLED;

/** The disks as an agent reaches them that is killed after so many changes. */
function dyingAfter(changes: number, file: string): StateFile<SimulatedStorage> {
  const real = createStateFile<SimulatedStorage>(file);
  let left = changes;
  return {
    read: (signal) => (left > 0 ? real.read(signal) : Promise.reject(new Error(KILLED))),
    update: async (change, signal) => {
      if (left <= 0) throw new Error(KILLED);
      await real.update(change, signal);
      left -= 1;
    },
  };
}

test('the first part takes all, when the last is asked for; the others find theirs', async () => {
  const { order, agent, status, stopped } = await node();
  const { look } = agent();
  order(part('a'));
  await look('snap-a');
  expect(status('snap-a')).toEqual({ phase: 'Pending', message: expect.stringContaining('snapshots of b') as string });
  order(part('b'));
  await look('snap-b');
  expect(status('snap-b')).toEqual({ phase: 'Pending', message: 'Is taken together with snap-a.' });
  await look('snap-a');
  await look('snap-b');
  for (const name of PARTS) expect(status(name)).toMatchObject({ phase: 'Ready', sizeBytes: 64 * MIB });
  expect(status('snap-a')?.snapshot?.takenAt).toBe(status('snap-b')?.snapshot?.takenAt);
  expect(await stopped()).toEqual([]);
});

test.each([0, 1, 2, 3, 4, 5, 6, 7])(
  'an agent that is killed after %i changes leaves no volume stopped, and no parts of several moments',
  async (changes) => {
    const { file, order, agent, status, stopped, lvm } = await node();
    for (const source of SOURCES) order(part(source));
    await agent(dyingAfter(changes, file)).look('snap-a');
    const left = await stopped();
    expect(left).toEqual([[], ['a'], ['a', 'b'], ['b'], [], [], [], []][changes]);

    const next = agent();
    await next.lookAround();
    expect(await stopped()).toEqual([]);
    for (const name of [...PARTS, ...PARTS]) await next.look(name);
    const ready = PARTS.filter((name) => status(name)?.phase === 'Ready');
    const isTaken = changes < 3 || changes > 5; // else some were made, and none was finished
    expect(ready).toEqual(isTaken ? PARTS : []);
    const failed = { phase: 'Failed', reason: 'GroupSnapshotFailed' };
    expect(status('snap-a')).toMatchObject(isTaken ? { phase: 'Ready' } : failed);
    const taken = (await lvm.report(never)).groups.flatMap(({ volumes }) =>
      volumes.flatMap(({ snapshot }) => snapshot?.takenAt ?? []),
    );
    expect(new Set(isTaken ? taken : ['cut']).size).toBe(1);
  },
);

test('one for which there is no room fails all, tells so, and stops nothing for longer', async () => {
  const { order, agent, status, stopped } = await node();
  const { look, lvm } = agent();
  await createOne(
    lvm,
    { vgName: 'pool-1', name: 'big', sizeBytes: bytes(9 * GIB - 32 * MIB), layout: 'linear' },
    never,
  );
  for (const source of SOURCES) order(part(source));
  for (const name of PARTS) await look(name);
  expect(status('snap-a')).toMatchObject({ phase: 'Failed', reason: 'NoSpace' });
  expect(status('snap-b')?.phase).toBe('Pending');
  expect(await stopped()).toEqual([]);
});

test('of a group that was taken, a part that is gone is lost, and is not taken later', async () => {
  const { order, agent, status, lvm } = await node();
  const { look } = agent();
  for (const source of SOURCES) order(part(source));
  for (const name of PARTS) await look(name);
  await lvm.removeVolume({ vgName: 'pool-1', name: 'snap-b' }, never);
  order(part('b')); // and its record is as it was before
  await look('snap-b');
  expect(status('snap-b')).toMatchObject({ phase: 'Failed', reason: 'VolumeLost' });
});

test('what is wrong with one of the volumes is told, and none is stopped', async () => {
  const { order, agent, status, lvm } = await node();
  const { look } = agent();
  await lvm.removeVolume({ vgName: 'pool-1', name: 'b' }, never);
  for (const source of SOURCES) order(part(source));
  await look('snap-a');
  expect(status('snap-a')).toMatchObject({ phase: 'Failed', reason: 'SourceMissing' });
});
