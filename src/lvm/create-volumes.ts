import { Fault } from '../model/fault.ts';
import * as argv from './argv.ts';
import type { NewVolume } from './argv.ts';
import { devicesOf, groupOf, type Commands, type GroupRef, type Seen } from './commands.ts';
import { OUR_TAG, UNFINISHED_TAG } from './names.ts';
import type { LvmGroup, LvmVolume } from './report.ts';
import { stripesFor } from './stripes.ts';

/**
 * Makes volumes of one group one after another, and ends the making of all of them with one command. Says of each how
 * it went. What is seen serves for as long as nobody else is likely to have changed it; a striped volume needs to know
 * how the ones before it lie.
 */
export async function createVolumes(
  commands: Commands,
  volumes: readonly NewVolume[],
  seen: Seen | undefined,
  signal: AbortSignal,
): Promise<readonly PromiseSettledResult<void>[]> {
  const look = createLook(commands, seen, signal);
  const made: NewVolume[] = [];
  let last: LvmGroup | undefined;
  const create = async (volume: NewVolume): Promise<void> => {
    const isStriped = volume.layout === 'striped';
    const group = await look(volume, isStriped && made.length > 0);
    const change = async (command: readonly string[]): Promise<void> => {
      await commands.change(command, devicesOf(group), signal);
    };
    if ((await settleExisting(change, volume, group)) === 'done') return;
    try {
      await change(argv.lvcreate(volume, isStriped ? stripesFor(group, volume.sizeBytes) : 1));
    } catch (error) {
      if (!(error instanceof Fault) || error.kind !== 'conflict') throw error;
      return assertMadeMeanwhile(volume, await look(volume, true), error);
    }
    made.push(volume);
    last = group;
  };
  const results = await oneByOne(volumes, (volume) => (volume.inside ?? asItIs)(() => create(volume)));
  signal.throwIfAborted();
  const finished = last ? await finish(commands, made, last, signal) : [];
  return volumes.map((volume, at) => finished[made.indexOf(volume)] ?? (results[at] as PromiseSettledResult<void>));
}

const asItIs: NonNullable<NewVolume['inside']> = (work) => work();

/** One command for all; where that fails, one for each, which says of which. Empty where it went well. */
async function finish(
  { change }: Commands,
  made: readonly NewVolume[],
  group: LvmGroup,
  signal: AbortSignal,
): Promise<readonly PromiseSettledResult<void>[]> {
  const end = async (volumes: readonly NewVolume[]): Promise<void> => {
    const names = volumes.map(({ name }) => name);
    await change(argv.markFinished({ ...group, names }), devicesOf(group), signal);
  };
  try {
    await end(made);
    return [];
  } catch (error) {
    signal.throwIfAborted();
    if (made.length === 1) return [{ status: 'rejected', reason: error }];
    return oneByOne(made, (volume) => end([volume]));
  }
}

/** What came of the task for each, also where one fails. */
export async function oneByOne<T, R>(
  all: readonly T[],
  task: (one: T) => Promise<R>,
): Promise<readonly PromiseSettledResult<R>[]> {
  const results: PromiseSettledResult<R>[] = [];
  for (const one of all) results.push(...(await Promise.allSettled([task(one)])));
  return results;
}

type Look = (ref: GroupRef, anew: boolean) => Promise<LvmGroup>;

function createLook(commands: Commands, seen: Seen | undefined, signal: AbortSignal): Look {
  let known = seen;
  return async (ref, anew) => {
    known = await commands.look(anew ? undefined : known, signal);
    return groupOf(known.groups, ref);
  };
}

/** What bears the name already may be ours and whole, or the rest of a try that was cut, which goes. */
async function settleExisting(
  change: (command: readonly string[]) => Promise<void>,
  volume: NewVolume,
  { uuid: vgUuid, volumes }: LvmGroup,
): Promise<'done' | 'gone'> {
  const { vgName, name } = volume;
  const found = volumes.find((candidate) => candidate.name === name);
  if (!found) return 'gone';
  if (!isUnfinished(found)) {
    assertSame(volume, found);
    return 'done';
  }
  await change(argv.lvremove({ vgName, name, vgUuid, uuid: found.uuid }));
  return 'gone';
}

/**
 * lvcreate found the name taken, though the look before it did not: another agent of this node makes the same volume,
 * as during an update. Throws Fault `unavailable` while it does, and `refused` when it is something else.
 */
function assertMadeMeanwhile(volume: NewVolume, { volumes }: LvmGroup, refused: Fault): void {
  const found = volumes.find(({ name }) => name === volume.name);
  if (!found) throw refused;
  if (isUnfinished(found))
    throw new Fault('unavailable', `logical volume ${volume.vgName}/${volume.name} is being made by another agent`);
  assertSame(volume, found);
}

/** Made by a try of ours that was cut: nobody has been given it. */
export const isUnfinished = (volume: Pick<LvmVolume, 'tags'>): boolean =>
  volume.tags.includes(OUR_TAG) && volume.tags.includes(UNFINISHED_TAG);

/** Throws Fault `conflict` unless the volume that bears the name is ours and as large as asked. */
export function assertSame(wanted: NewVolume, found: Pick<LvmVolume, 'tags' | 'size'>): void {
  const what = `logical volume ${wanted.vgName}/${wanted.name}`;
  if (!found.tags.includes(OUR_TAG)) throw new Fault('conflict', `${what} exists and was not made by open-local`);
  if (found.size < wanted.sizeBytes)
    throw new Fault(
      'conflict',
      `${what} exists with ${found.size} bytes, fewer than the ${wanted.sizeBytes} asked for`,
    );
}
