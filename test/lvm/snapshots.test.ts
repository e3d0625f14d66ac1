// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'vitest';
import { run, type Run } from '../../src/exec/run.ts';
import { createStateFile } from '../../src/exec/state-file.ts';
import { createLvm, type Lvm } from '../../src/lvm/lvm.ts';
import { OUR_TAG, UNFINISHED_TAG } from '../../src/lvm/names.ts';
import type { LvmReport } from '../../src/lvm/report.ts';
import { createSimulatedLvm } from '../../src/lvm/simulated.ts';
import { bytes, MIB } from '../../src/model/bytes.ts';
import { largestStore, STORE_CHUNK } from '../../src/model/snapshot-store.ts';
import { createLoopDisks, type LoopDisks } from './loop-disks.ts';
import { testOn } from '../machine.ts';
import { createOne } from '../rig/create-one.ts';

const test = testOn('root', 'lvm2', 'loop devices');
const never = new AbortController().signal;
const volume = (name: string, mib: number) =>
  ({ vgName: 'ring3', name, sizeBytes: bytes(mib * MIB), layout: 'linear' }) as const;
const snapshot = (name: string, mib: number, origin = 'origin') =>
  ({ vgName: 'ring3', name, sizeBytes: bytes(mib * MIB), origin }) as const;

/** Makes what createSnapshot makes, which lvm does only with device-mapper. */
async function take(disks: LoopDisks, name: string, mib: number, ...more: readonly string[]): Promise<void> {
  await disks.lvm('lvcreate', '--size', `${mib}m`, '--addtag', OUR_TAG, ...more, '--name', name, 'ring3');
  await disks.lvm('lvconvert', '--yes', '--snapshot', '--zero', 'n', 'ring3/origin', `ring3/${name}`);
}

const shapeOf = ({ groups }: LvmReport) =>
  groups.map(({ free, volumes }) => ({
    free,
    volumes: volumes
      .map(({ name, size, taken, tags, layout, origin, snapshot: facts }) => ({
        ...{ name, size, taken, tags, layout, origin },
        facts: facts && { originSize: facts.originSize, invalid: facts.invalid, isTimed: facts.takenAt !== undefined },
      }))
      .toSorted((a, b) => a.name.localeCompare(b.name)),
  }));

test('before lvm looks for what snapshots need, the kernel is asked to load it', async () => {
  await using disks = await createLoopDisks(200 * MIB);
  const ran: string[] = [];
  const recording: Run = (argv, ...more) => {
    ran.push(argv.join(' '));
    return run(argv, ...more);
  };
  const lvm = createLvm({ run: recording, systemDir: disks.systemDir });
  await lvm.createGroup({ name: 'ring3', devices: disks.devices }, never);
  await createOne(lvm, volume('origin', 40), never);
  const load = 'dmsetup target-version snapshot';
  /** What was run last; without device-mapper lvm ends with an error after it. */
  const last = async (work: () => Promise<void>): Promise<readonly (string | undefined)[]> => {
    ran.length = 0;
    await work().catch(() => {});
    return [load, /lvcreate.*--snapshot/, /lvchange.*--activate/].map((wanted) =>
      ran.find((line) => (typeof wanted === 'string' ? line === wanted : wanted.test(line))),
    );
  };
  expect(await last(() => lvm.activateVolume(volume('origin', 40), never))).toEqual([
    undefined,
    undefined,
    expect.any(String) as string,
  ]);
  const [loaded, taken] = await last(() => lvm.createSnapshot(snapshot('snap', 6), never));
  expect(ran.indexOf(loaded ?? '')).toBeLessThan(ran.indexOf(taken ?? ''));
  expect(loaded).toBe(load);
  await take(disks, 'other', 4);
  const [again, , activated] = await last(() => lvm.activateVolume(volume('origin', 40), never));
  expect(again).toBe(load);
  expect(ran.indexOf(load)).toBeLessThan(ran.indexOf(activated ?? ''));
});

test('real lvm2 and the simulated one agree about snapshots after every step', async () => {
  await using disks = await createLoopDisks(200 * MIB);
  const file = path.join(disks.systemDir, 'simulated.json');
  await writeFile(file, JSON.stringify({ disks: [{ name: '/dev/sim-a', sizeBytes: 200 * MIB }] }));
  const real = createLvm({ run, systemDir: disks.systemDir });
  const simulated = createSimulatedLvm(createStateFile(file));
  await real.createGroup({ name: 'ring3', devices: disks.devices }, never);
  await simulated.createGroup({ name: 'ring3', devices: ['/dev/sim-a'] }, never);

  const steps: ((lvm: Lvm) => Promise<unknown>)[] = [
    (lvm) => createOne(lvm, volume('origin', 40), never),
    (lvm) => (lvm === real ? take(disks, 'snap', 6) : lvm.createSnapshot(snapshot('snap', 6), never)),
    (lvm) => lvm.createSnapshot(snapshot('snap', 6), never), // again: done
    (lvm) => lvm.extendVolume(volume('snap', 13), never),
    (lvm) => lvm.extendVolume(volume('snap', 100), never), // no larger than it can ever need
    (lvm) => lvm.extendVolume(volume('snap', 100), never), // again: done
    (lvm) => lvm.createSnapshot(snapshot('snap', 100), never), // as large as it can be
    (lvm) => (lvm === real ? take(disks, 'other', 4) : lvm.createSnapshot(snapshot('other', 4), never)),
    (lvm) => lvm.removeVolume(volume('other', 0), never), // beside another of its volume
    (lvm) => lvm.splitSnapshot(volume('snap', 0), never),
    (lvm) => lvm.splitSnapshot(volume('snap', 0), never), // again: done
    (lvm) => lvm.removeVolume(volume('snap', 0), never),
    (lvm) => lvm.removeVolume(volume('origin', 0), never),
  ];
  for (const [index, step] of steps.entries()) {
    await step(real);
    await step(simulated);
    expect(shapeOf(await simulated.report(never)), `after step ${index}`).toEqual(shapeOf(await real.report(never)));
  }
});

const FAILURES: readonly (readonly [string, (lvm: Lvm) => Promise<unknown>, string])[] = [
  ['of a volume that is not there', (lvm) => lvm.createSnapshot(snapshot('s', 4, 'none'), never), 'not-found'],
  ['of a snapshot', (lvm) => lvm.createSnapshot(snapshot('s', 4, 'snap'), never), 'invalid'],
  [
    'of a volume that was made anew',
    (lvm) => lvm.createSnapshot({ ...snapshot('s', 4), originUuid: 'x' }, never),
    'precondition',
  ],
  [
    'of another volume, under a name that is taken',
    (lvm) => lvm.createSnapshot(snapshot('snap', 4, 'b'), never),
    'conflict',
  ],
  ["under the name of someone else's volume", (lvm) => lvm.createSnapshot(snapshot('foreign', 4), never), 'conflict'],
  ['larger than the one that is there', (lvm) => lvm.createSnapshot(snapshot('snap', 8), never), 'conflict'],
  ['without room to grow', (lvm) => lvm.extendVolume(volume('snap', 90), never), 'exhausted'],
  ['whose volume is to be removed', (lvm) => lvm.removeVolume(volume('origin', 0), never), 'precondition'],
  ['without device-mapper', (lvm) => lvm.createSnapshot(snapshot('s', 4, 'b'), never), 'precondition'],
];

test('every failure of a snapshot has its kind, and changes nothing', async () => {
  await using disks = await createLoopDisks(160 * MIB);
  const lvm = createLvm({ run, systemDir: disks.systemDir });
  await lvm.createGroup({ name: 'ring3', devices: disks.devices }, never);
  await createOne(lvm, volume('origin', 100), never);
  await createOne(lvm, volume('b', 8), never);
  await take(disks, 'snap', 4);
  await disks.lvm('lvcreate', '--size', '4m', '--name', 'foreign', 'ring3');
  const before = await lvm.report(never);
  for (const [name, attempt, kind] of FAILURES) {
    const failure = await attempt(lvm).catch((error: unknown) => error);
    expect({ name, failure }).toMatchObject({ name, failure: { name: 'Fault', kind } });
  }
  expect(await lvm.report(never)).toEqual(before);
});

test('a snapshot whose making was cut after it was taken is kept, with what its store has taken in', async () => {
  await using disks = await createLoopDisks(100 * MIB);
  const lvm = createLvm({ run, systemDir: disks.systemDir });
  await lvm.createGroup({ name: 'ring3', devices: disks.devices }, never);
  await createOne(lvm, volume('origin', 20), never);
  await take(disks, 'snap', 4, '--addtag', UNFINISHED_TAG);
  const uuidOf = async () => {
    const found = (await lvm.report(never)).groups[0]?.volumes.find(({ name }) => name === 'snap');
    return { uuid: found?.uuid, tags: found?.tags };
  };
  const { uuid } = await uuidOf();
  await lvm.createSnapshot(snapshot('snap', 4), never);
  expect(await uuidOf()).toEqual({ uuid, tags: [OUR_TAG] });
});

test.each([4, 8, 40, 96])('the largest store of a volume of %d MiB is as large as lvm says', async (mib) => {
  await using disks = await createLoopDisks(220 * MIB);
  await disks.lvm('vgcreate', '--physicalextentsize', '4k', 'ring3', ...disks.devices);
  await disks.lvm('lvcreate', '--size', `${mib}m`, '--name', 'origin', 'ring3');
  await take(disks, 'snap', 1);
  const lvm = createLvm({ run, systemDir: disks.systemDir });
  await lvm.extendVolume(volume('snap', 200), never);
  const found = (await lvm.report(never)).groups[0]?.volumes.find(({ name }) => name === 'snap');
  const chunks = largestStore(bytes(mib * MIB)) / STORE_CHUNK;
  // Without device-mapper lvm expects a kernel that loses chunks.
  expect(found?.size).toBe((chunks + Math.ceil(chunks / 64)) * STORE_CHUNK);
});
