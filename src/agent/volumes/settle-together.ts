import { Batches } from '../../daemon/batches.ts';
import type { KeyedMutex } from '../../daemon/keyed-mutex.ts';
import { isCopy } from '../../model/copies.ts';
import { Fault } from '../../model/fault.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { oneByOne } from '../../lvm/create-volumes.ts';
import { isFresh } from '../../lvm/commands.ts';
import type { Seen } from '../../lvm/lvm.ts';
import { attempt, createAll, type Creation } from './act-on-volume.ts';
import { nextStep } from './next-step.ts';
import type { VolumeStep } from './plan-volume.ts';
import type { Member, Settled, Turns, VolumeDeps } from './volume-deps.ts';

/**
 * So many volumes of a group share their looks at LVM. The first of them waits for the last: with more a claim in a
 * burst would wait longer for less.
 */
const AT_MOST = 16;

export const createTurns = (locks: KeyedMutex): Turns => new Batches(locks, AT_MOST, settleTogether);

/**
 * Planning looks at what is there, so that each change is seen to have worked; this many changes one after another are
 * a bug.
 */
const MAX_STEPS = 4;

/**
 * These change nothing of any volume but their own, so that what was seen of the others holds. Whatever else is to be
 * done waits for a look of its own: a snapshot that was taken meanwhile, and of which a look knows nothing, would go
 * with its source.
 */
const OF_ITS_OWN: readonly VolumeStep['kind'][] = [
  ...(['refuse', 'create', 'extend', 'activate', 'refresh', 'unstage', 'remove'] as const),
];

/** A member with what was done for it so far. */
interface Work extends Member {
  changes: number;
  last?: VolumeStep['kind'];
  result?: PromiseSettledResult<Settled>;
}

interface Planned {
  readonly work: Work;
  readonly step: VolumeStep;
  readonly seen: Seen | undefined;
}

/**
 * Works on volumes of one group, under its lock, until each is as far as it gets: one look for all, then what each
 * needs one after another, then the next look. Gives how far each got, or why it failed, in their order.
 */
export async function settleTogether(
  members: readonly Member[],
  signal: AbortSignal,
): Promise<readonly PromiseSettledResult<Settled>[]> {
  const all = members.map((member): Work => ({ ...member, changes: 0 }));
  for (let open = all; open.length > 0; open = open.filter(({ result }) => result === undefined))
    await takeRound(open, signal);
  return all.map(({ result }) => result as PromiseSettledResult<Settled>);
}

async function takeRound(open: readonly Work[], signal: AbortSignal): Promise<void> {
  let looked: Promise<Seen> | undefined;
  const look = (): Promise<Seen> => (looked ??= lookAt(open[0] as Work, signal));
  const planned = (await Promise.all(open.map((work) => work.inside(() => planFor(work, look, signal))))).flatMap(
    (one) => one ?? [],
  );
  if (planned.length === 0) return;
  const alike = planned.filter(({ step }) => OF_ITS_OWN.includes(step.kind));
  const now = alike.length > 0 ? alike : planned.slice(0, 1);
  await create(now.flatMap(creationOf), await looked, signal);
  const others = now.filter(({ step }) => step.kind !== 'create');
  const results = await oneByOne(others, ({ work, step, seen }) =>
    work.inside(() => attempt(work.volume, step, work.deps, signal, seen)),
  );
  for (const [at, one] of others.entries()) note(one, results[at]);
}

async function lookAt({ deps }: Work, signal: AbortSignal): Promise<Seen> {
  const at = performance.now();
  const { groups } = await deps.lvm.report(signal);
  return { groups, at };
}

/** Undefined when the volume is as far as it gets. */
async function planFor(work: Work, look: () => Promise<Seen>, signal: AbortSignal): Promise<Planned | undefined> {
  const { volume, deps, endsWith } = work;
  let seen: Seen | undefined;
  const see = async (): Promise<Seen> => (seen = freshOf(work) ?? (await look()));
  try {
    const planned = await nextStep(volume, deps, see, signal);
    const step = planned.kind === work.last ? inVain(volume, planned) : planned;
    if (endsWith(step)) work.result = { status: 'fulfilled', value: { step, seen } };
    else if (step.kind === 'create' && isCopy(volume)) await forgetCopy(volume, deps, signal);
    return work.result ? undefined : { work, step, seen };
  } catch (reason) {
    work.result = { status: 'rejected', reason };
    return undefined;
  }
}

/** What it came with, until something was changed for it. */
const freshOf = ({ seen, changes }: Work): Seen | undefined =>
  seen && changes === 0 && isFresh(seen) ? seen : undefined;

interface PlannedCreation extends Planned {
  readonly step: Creation;
}

const creationOf = ({ step, ...planned }: Planned): readonly PlannedCreation[] =>
  step.kind === 'create' ? [{ ...planned, step }] : [];

async function create(all: readonly PlannedCreation[], seen: Seen | undefined, signal: AbortSignal): Promise<void> {
  for (const some of Map.groupBy(all, ({ step }) => step.vgUuid).values()) {
    const wanted = some.map(({ work, step }) => ({ ...work, step }));
    const results = await createAll(wanted, seen, signal);
    for (const [at, one] of some.entries()) note(one, results[at]);
  }
}

/** Remembers what came of a step: of one that resolved to true the volume is gone. */
function note({ work, step }: Pick<Planned, 'work' | 'step'>, result: PromiseSettledResult<unknown> | undefined): void {
  if (result?.status === 'rejected') {
    work.result = result;
    return;
  }
  work.deps.onChange();
  work.changes += 1;
  work.last = step.kind;
  if (result?.value === true) work.result = { status: 'fulfilled', value: { step: { kind: 'gone' } } };
  else if (work.changes === MAX_STEPS) work.result = { status: 'rejected', reason: neverSettles(work.volume) };
}

const neverSettles = ({ metadata }: LocalVolume): Error =>
  new Error(`volume ${metadata.name} is not settled after ${MAX_STEPS} changes`);

/** lvm says that all is well, and starts nothing that lvm.conf leaves out. Any other step is what it is. */
function inVain({ spec, metadata }: LocalVolume, step: VolumeStep): VolumeStep {
  const volume = `${spec.vgName}/${metadata.name}`;
  const what = {
    activate: 'was started and is not active: see volume_list in lvm.conf, and what dmesg says.',
    refresh: `is active, and nothing can be done with /dev/${volume}: see what dmesg says, dmsetup info, and whether udev works.`,
  };
  if (step.kind !== 'activate' && step.kind !== 'refresh') return step;
  return { kind: 'refuse', reason: 'ActivationFailed', message: `Logical volume ${volume} ${what[step.kind]}` };
}

/** What was copied went with the logical volume that it was copied onto. */
async function forgetCopy(volume: LocalVolume, { write }: VolumeDeps, signal: AbortSignal): Promise<void> {
  if (volume.status?.volumeUuid === undefined) return;
  await write.copyLost(volume, signal);
  throw new Fault('unavailable', `the logical volume of ${volume.metadata.name} is gone: it is copied anew`);
}
