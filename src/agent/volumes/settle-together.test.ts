import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Gate } from '../../daemon/gate.ts';
import { Gates } from '../../daemon/gates.ts';
import { KeyedMutex } from '../../daemon/keyed-mutex.ts';
import { createStateFile } from '../../exec/state-file.ts';
import type { Lvm } from '../../lvm/lvm.ts';
import { mapperUuidOf } from '../../lvm/names.ts';
import { createSimulatedLvm } from '../../lvm/simulated.ts';
import { GIB, MIB } from '../../model/bytes.ts';
import { silentLog } from '../../model/log.ts';
import { createFakeTracer } from '../../trace/fake-tracer.ts';
import { AS_IT_IS, NO_TRACER } from '../../trace/tracer.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { createFakeObjects } from '../fake-objects.ts';
import { sampleLocalVolume, sampleObservation } from '../storage-fixture.ts';
import { reconcileVolume } from './reconcile-volume.ts';
import { createTurns, settleTogether } from './settle-together.ts';
import type { VolumeStep } from './volume-step.ts';
import type { VolumeDeps } from './volume-deps.ts';
import { createVolumeWriter } from './write-volume.ts';

const never = new AbortController().signal;
const deleting = { deletionTimestamp: '2026-01-01T00:00:00Z' };

const namesIn = (subject: unknown): string =>
  [subject]
    .flat()
    .map((one) => (one as { readonly name?: string }).name)
    .join(' ');

/** A node with one group; `said` are the verbs of LVM that its agent used, in order. */
async function node() {
  const folder = await mkdtemp(path.join(tmpdir(), 'settle-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'disks.json');
  await writeFile(file, JSON.stringify({ disks: [{ name: '/dev/sim-a', sizeBytes: 100 * GIB }] }));
  const real = createSimulatedLvm(createStateFile(file));
  await real.createGroup({ name: 'pool-0', devices: ['/dev/sim-a'] }, never);
  const said: string[] = [];
  const lvm = new Proxy(real, {
    get: (target, name: keyof Lvm) => {
      const verb = target[name] as (...args: unknown[]) => unknown;
      return (...args: unknown[]): unknown => {
        said.push(name === 'report' ? name : `${name} ${namesIn(args[0])}`);
        return verb(...args);
      };
    },
  });

  const { client, heard: others, wrote, order, read } = createFakeObjects();
  const locks = new KeyedMutex();
  const kernel = new Map<string, string>();
  const deps = {
    ...{
      lvm,
      locks,
      turns: createTurns(locks),
      erasing: new Gates({ ofOneKey: 2, inAll: 8 }),
      apart: new Gate(4),
      others,
    },
    write: createVolumeWriter({ client, wrote }),
    disks: { mapperUuid: (device: string) => Promise.resolve(kernel.get(device)) },
    mounts: { list: () => Promise.resolve([]) },
    observe: () => Promise.resolve(sampleObservation()),
    ...{
      filesystems: {},
      crypt: {},
      log: silentLog,
      tracer: NO_TRACER,
      record: () => {},
      onBroken: () => {},
      onChange: () => {},
    },
  } as unknown as VolumeDeps;

  /** Works on all of these at once; what was wrong with which. */
  const work = async (...names: readonly string[]): Promise<readonly string[]> => {
    said.length = 0;
    const all = await Promise.allSettled(
      names.map((name) => reconcileVolume(others.get(name) as LocalVolume, deps, never)),
    );
    return all.flatMap((one, at) => (one.status === 'rejected' ? [`${names[at]}: ${String(one.reason)}`] : []));
  };
  const status = (name: string): LocalVolume['status'] => read(name)?.status;
  return { deps, lvm: real, said, order, others, work, status, kernel };
}

const named = (name: string, spec: Partial<LocalVolume['spec']> = {}): LocalVolume =>
  sampleLocalVolume({ meta: { name, uid: `uid-${name}` }, spec });
const snapshotOf = (volume: string, name: string): LocalVolume =>
  named(name, { role: 'Snapshot', sizeBytes: 64 * MIB, source: { volume } });

test('volumes that wait together share two looks, and sixteen at most do', async () => {
  const it = await node();
  const names = Array.from({ length: 20 }, (_, at) => `v${at}`);
  for (const name of names) it.order(named(name));
  expect(await it.work(...names)).toEqual([]);
  const [first, rest] = [names.slice(0, 16).join(' '), names.slice(16).join(' ')];
  expect(it.said).toEqual([
    ...['report', `createVolumes ${first}`, 'report'],
    ...['report', `createVolumes ${rest}`, 'report'],
  ]);
  for (const name of names) expect(it.status(name)?.phase).toBe('Ready');
});

test('one that cannot be made is told so, and the others are made', async () => {
  const it = await node();
  it.order(named('large', { sizeBytes: 200 * GIB }));
  for (const name of ['a', 'b']) it.order(named(name));
  expect(await it.work('a', 'large', 'b')).toEqual([expect.stringContaining('large: Fault')]);
  expect(it.status('large')).toMatchObject({ phase: 'Failed', reason: 'NoSpace' });
  for (const name of ['a', 'b']) expect(it.status(name)?.phase).toBe('Ready');
});

test('what changes more than its own volume is done alone, after a look of its own', async () => {
  const it = await node();
  for (const name of ['a', 'b']) it.order(named(name));
  await it.work('a', 'b');
  it.order(snapshotOf('a', 'snap-a'));
  it.order(snapshotOf('b', 'snap-b'));
  it.order(named('c'));
  expect(await it.work('snap-a', 'snap-b', 'c')).toEqual([]);
  expect(it.said.filter((verb) => !verb.startsWith('fill'))).toEqual([
    ...['report', 'createVolumes c'],
    ...['report', 'createSnapshot snap-a', 'report', 'createSnapshot snap-b', 'report'],
  ]);
});

test('a volume is removed after one look, and looked at again only where lvm removed nothing', async () => {
  const it = await node();
  for (const name of ['a', 'b']) it.order(named(name));
  await it.work('a', 'b');
  for (const name of ['a', 'b']) {
    const made = it.others.get(name) as LocalVolume;
    it.order({ ...made, metadata: { ...made.metadata, ...deleting } });
  }
  expect(await it.work('a')).toEqual([]);
  expect(it.said).toEqual(['report', 'removeVolume a']);
  expect((await it.lvm.report(never)).groups[0]?.volumes.map(({ name }) => name)).toEqual(['b']);

  it.said.length = 0;
  const answers = [false];
  const removeVolume: Lvm['removeVolume'] = async (...asked) =>
    answers.pop() ?? (await it.deps.lvm.removeVolume(...asked));
  const deps = { ...it.deps, lvm: { ...it.deps.lvm, removeVolume } };
  await reconcileVolume(it.others.get('b') as LocalVolume, deps, never);
  expect(it.said).toEqual(['report', 'report', 'removeVolume b']);
  expect((await it.lvm.report(never)).groups[0]?.volumes).toEqual([]);
});

const GONE = { kind: 'gone' };

test('a snapshot that was taken is not removed with its source by one who looked before', async () => {
  const it = await node();
  it.order(named('a'));
  await it.work('a');
  const made = it.others.get('a') as LocalVolume;
  const snapshot = snapshotOf('a', 'snap-a');
  const leaving = { ...made, metadata: { ...made.metadata, ...deleting } };
  const endsWith = ({ kind }: VolumeStep): boolean => ['ready', 'gone', 'wait'].includes(kind);
  it.order(snapshot);
  const deps = { ...it.deps, others: new Map([['a', made]]) }; // neither has heard of the other's wish
  const members = [snapshot, leaving].map((volume) => ({ volume, deps, endsWith, inside: AS_IT_IS }));
  const results = await settleTogether(members, never);
  const left = (await it.lvm.report(never)).groups[0]?.volumes.map(({ name }) => name);
  expect(left).toEqual([]);
  expect(results).toMatchObject([
    { reason: { message: expect.stringContaining('not there') } },
    { value: { step: GONE } },
  ]);
});

test('the store of a snapshot is made a volume before it is removed, and its source stays', async () => {
  const it = await node();
  it.order(named('a'));
  it.order(snapshotOf('a', 'snap-a'));
  await it.work('a');
  await it.work('snap-a');
  const made = it.others.get('snap-a') as LocalVolume;
  it.order({ ...made, metadata: { ...made.metadata, ...deleting } });
  expect(await it.work('snap-a')).toEqual([]);
  expect(it.said.filter((verb) => verb !== 'report')).toEqual(['splitSnapshot snap-a', 'removeVolume snap-a']);
  expect((await it.lvm.report(never)).groups[0]?.volumes.map(({ name }) => name)).toEqual(['a']);
});

test('growth is shared, too, and a path that leads to another logical volume is not grown', async () => {
  const it = await node();
  for (const name of ['a', 'b']) it.order(named(name));
  await it.work('a', 'b');
  for (const name of ['a', 'b']) {
    const made = it.others.get(name) as LocalVolume;
    it.order({ ...made, spec: { ...made.spec, sizeBytes: 2 * GIB } });
  }
  const { groupUuid = '', volumeUuid = '' } = it.status('a') ?? {};
  it.kernel.set('/dev/pool-0/a', mapperUuidOf(groupUuid, volumeUuid));
  it.kernel.set('/dev/pool-0/b', mapperUuidOf('another', volumeUuid));
  expect(await it.work('a', 'b')).toEqual([expect.stringContaining('/dev/pool-0/b leads to LVM-another')]);
  expect(it.said).toEqual(['report', 'extendVolume a', 'report']);
  expect([it.status('a')?.sizeBytes, it.status('b')?.sizeBytes]).toEqual([2 * GIB, GIB]);
});

test('volumes that are made together are each told in the trace that asks for them', async () => {
  const it = await node();
  const { tracer, ended } = createFakeTracer();
  const together: string[] = [];
  const createVolumes: Lvm['createVolumes'] = async (volumes, signal) => {
    together.push(namesIn(volumes));
    for (const { name, inside = AS_IT_IS } of volumes)
      await inside(() => tracer.within({ name: `lvcreate ${name}` }, async () => {}));
    return it.lvm.createVolumes(volumes, signal);
  };
  const deps = { ...it.deps, tracer, lvm: { ...it.lvm, createVolumes } };
  it.order(named('a'));
  it.order(named('b', { sizeBytes: 200 * GIB }));
  const work = (name: string): Promise<void> =>
    tracer.enter({ name }, () => reconcileVolume(it.others.get(name) as LocalVolume, deps, never)).catch(() => {});
  await Promise.all(['a', 'b'].map(work));
  expect(together).toEqual(['a b']);
  const traces = new Map(ended.flatMap(({ parentId, name, traceId }) => (parentId ? [] : [[traceId, name] as const])));
  const told = ended.map(({ traceId, name, attributes: { volume } }) => [traces.get(traceId), name, volume]);
  for (const name of ['a', 'b']) {
    expect(told).toContainEqual([name, 'volume create', name]);
    expect(told).toContainEqual([name, `lvcreate ${name}`, undefined]);
  }
  const failures = ended.filter(({ name }) => name === 'volume create').map(({ failure }) => failure);
  expect(failures).toEqual([undefined, expect.stringMatching(/room|free|space/i)]);
});
