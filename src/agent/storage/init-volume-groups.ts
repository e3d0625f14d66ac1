import { present } from '../../model/present.ts';
import { textOf } from '../../model/fault.ts';
import type { KeyedMutex } from '../../daemon/keyed-mutex.ts';
import type { Log } from '../../model/log.ts';
import type { Disks } from '../../disk/disks.ts';
import { useOf, type DeviceFacts } from '../../disk/inspect.ts';
import type { Lvm } from '../../lvm/lvm.ts';
import type { Standing } from './conditions.ts';
import type { OwnerOf } from './owner-of.ts';
import type { IsOver } from './stale-marks.ts';
import { factsOf, orphanAt } from './device-facts.ts';
import type { Observation } from './observe.ts';
import { planVolumeGroups, type GroupPlan, type Problem, type WantedGroup } from './plan-volume-groups.ts';

export interface InitDeps {
  readonly lvm: Pick<Lvm, 'createGroup' | 'extendGroup'>;
  readonly disks: Pick<Disks, 'resolve' | 'probe' | 'unlabel'>;
  readonly ownerOf: OwnerOf;
  readonly isOver: IsOver;
  /** Keyed by group. */
  readonly locks: KeyedMutex;
  readonly log: Log;
}

/** Makes and extends the groups as far as that is safe. Says how each stands, and whether anything was written. */
export async function initVolumeGroups(
  wanted: readonly WantedGroup[],
  observation: Observation,
  deps: InitDeps,
  signal: AbortSignal,
): Promise<{ readonly standings: readonly Standing[]; readonly changed: boolean }> {
  const facts = await gatherFacts(wanted, observation, deps, signal);
  const standings: Standing[] = [];
  let changed = false;
  for (const plan of planVolumeGroups(wanted, observation.groups, facts, observation.silent)) {
    const failure = await carryOut(plan, deps, signal);
    standings.push(standingOf(plan, failure));
    changed ||= plan.step !== undefined;
  }
  return { standings, changed };
}

/** Looks into those devices only that nothing else rules out. */
async function gatherFacts(
  wanted: readonly WantedGroup[],
  observation: Observation,
  deps: InitDeps,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, DeviceFacts>> {
  const { disks, ownerOf } = deps;
  const facts = new Map<string, DeviceFacts>();
  for (const path of wanted.flatMap(({ devices }) => devices)) {
    if (facts.has(path)) continue;
    const resolved = await disks.resolve(path, signal);
    const owner = resolved === undefined ? undefined : ownerOf(resolved, observation);
    const known = { ...factsOf(path, resolved, observation), ...present({ owner }) };
    facts.set(
      path,
      known.group === '' ? await orphanFacts(known, observation, deps, signal) : await probed(known, deps, signal),
    );
  }
  return facts;
}

/** What LVM has, and no group: it may be the rest of a try of ours, as its content tells if nothing else uses it. */
async function orphanFacts(
  known: DeviceFacts,
  observation: Observation,
  deps: InitDeps,
  signal: AbortSignal,
): Promise<DeviceFacts> {
  const { group = '', ...rest } = known;
  const found = known.device && orphanAt(known.device, observation);
  const orphan = found && { uuid: found.uuid, isOver: deps.isOver(found.uuid), ...present({ isUsed: found.used }) };
  return { ...(await probed(rest, deps, signal)), group, ...present({ orphan }) };
}

async function probed(known: DeviceFacts, { disks }: InitDeps, signal: AbortSignal): Promise<DeviceFacts> {
  const { device } = known;
  return device && !useOf(known) ? { ...known, probe: await disks.probe(device, signal) } : known;
}

async function carryOut(
  { name, step }: GroupPlan,
  { lvm, disks, locks, log }: InitDeps,
  signal: AbortSignal,
): Promise<Problem | undefined> {
  if (!step) return undefined;
  log.info({ vg: name, action: step }, 'changing a volume group');
  const change = async (): Promise<void> => {
    for (const path of step.begun ?? []) await disks.unlabel({ path }, signal);
    const { kind, uuid, devices } = step;
    if (kind === 'create') await lvm.createGroup({ name, devices }, signal);
    else await lvm.extendGroup({ name, devices, ...(uuid === undefined ? {} : { uuid }) }, signal);
  };
  try {
    await locks.run(name, change, signal);
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    log.warn({ vg: name, err: error }, 'a volume group could not be changed');
    return { reason: step.kind === 'create' ? 'CreateVGFailed' : 'ExtendVGFailed', message: `${textOf(error)}.` };
  }
}

function standingOf({ name, refused, problem, flaw, kept = [] }: GroupPlan, failure: Problem | undefined): Standing {
  const type = `VolumeGroup/${name}` as const;
  const wrong = problem ?? failure ?? flaw;
  const refusals = refused.map(({ device, finding }) => `${device} ${finding.what}: left alone. ${finding.todo}`);
  if (wrong) return { type, ok: false, reason: wrong.reason, message: [wrong.message, ...refusals].join(' ') };
  if (refused.length > 0) return { type, ok: false, reason: 'DeviceRefused', message: refusals.join(' ') };
  const message = 'All devices of the list are in the group.';
  if (kept.length === 0) return { type, ok: true, reason: 'Ready', message };
  return {
    type,
    ok: true,
    reason: 'Ready',
    message: `${message} Not all that is free can be given: it ${kept.join('; it ')}.`,
  };
}
