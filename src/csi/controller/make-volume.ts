import { Fault } from '../../model/fault.ts';
import type { LocalVolume } from '../../model/objects.ts';
import { meaningOf } from '../../model/volume-reasons.ts';
import { checkLimit } from './capacity-range.ts';
import type { WantedVolume } from './create-volume.ts';
import { checkSame, newLocalVolume } from './local-volume.ts';
import { waitFor } from './wait-for-agent.ts';
import type { Room, Volumes } from '../ports.ts';

export interface MakeVolumeDeps {
  readonly volumes: Volumes;
  readonly room: Room;
  /** The uid of the claim that a volume is for, when it can be known. */
  readonly claimUid: (wanted: Pick<WantedVolume, 'name' | 'claim'>) => string | undefined;
  /** How long to wait for an agent. */
  readonly patienceMs: number;
}

/**
 * Makes the volume, or finds it as an earlier try left it: a retry comes before any decision, or a group that the first try filled
 * would refuse the second. Returns once the node has it. Throws Fault: `exhausted` when it must be asked for elsewhere (nothing of it
 * is left then), `conflict`, `out-of-range`, and `aborted` for everything that the same call, repeated, will find settled.
 */
export async function makeVolume(
  wanted: WantedVolume,
  deps: MakeVolumeDeps,
  signal: AbortSignal,
): Promise<LocalVolume> {
  const found = await findStaying(wanted.id, deps, signal);
  if (found) checkSame(wanted, found);
  const volume = found ?? (await placeAndCreate(wanted, deps, signal));
  return untilReady(volume, deps, signal);
}

/** A volume that is being removed is waited for: the same name may be used again once it is gone. */
async function findStaying(id: string, deps: MakeVolumeDeps, signal: AbortSignal): Promise<LocalVolume | undefined> {
  // Not asked for: nearly every volume is new, and creating one that was not heard of fails, which is where it is found.
  const found = deps.volumes.heard(id);
  if (found?.metadata.deletionTimestamp === undefined) return found;
  await untilGone(found, deps, signal);
  return undefined;
}

async function placeAndCreate(wanted: WantedVolume, deps: MakeVolumeDeps, signal: AbortSignal): Promise<LocalVolume> {
  const { id: name, policy, size, nodes, claim, asked } = wanted;
  const claimUid = deps.claimUid(wanted);
  const placed = deps.room.place({
    name,
    policy,
    size,
    ...(nodes ? { nodes } : {}),
    ...(claim ? { claim } : {}),
    ...(claimUid === undefined ? {} : { claimUid }),
  });
  if (!placed.ok) throw new Fault('exhausted', placed.refusal.message);
  try {
    checkLimit(placed.placement.size, asked);
    return await deps.volumes.create(newLocalVolume(wanted, placed.placement, claimUid), signal);
  } catch (error) {
    if (!(error instanceof Fault && error.kind === 'aborted')) deps.room.unplace(name);
    throw error;
  }
}

type Outcome =
  | { readonly kind: 'ready'; readonly volume: LocalVolume }
  | { readonly kind: 'failed'; readonly volume: LocalVolume }
  | { readonly kind: 'gone' };

function outcomeOf(volume: LocalVolume | undefined): Outcome | undefined {
  if (volume === undefined || volume.metadata.deletionTimestamp !== undefined) return { kind: 'gone' };
  if (volume.status?.phase === 'Ready' && volume.status.sizeBytes !== undefined) return { kind: 'ready', volume };
  return volume.status?.phase === 'Failed' ? { kind: 'failed', volume } : undefined;
}

async function untilReady(asked: LocalVolume, deps: MakeVolumeDeps, signal: AbortSignal): Promise<LocalVolume> {
  const { name = '' } = asked.metadata;
  const { nodeName } = asked.spec;
  const why = (): string => `volume ${name}: node ${nodeName} has not made it yet; is the agent there running?`;
  const outcome = await waitFor(
    { ms: deps.patienceMs, why },
    (deadline) => deps.volumes.until(name, outcomeOf, deadline),
    signal,
  );
  if (outcome.kind === 'ready') return outcome.volume;
  if (outcome.kind === 'gone') throw new Fault('aborted', `volume ${name} was deleted while it was being made`);
  const { message = 'no reason given' } = outcome.volume.status ?? {};
  if (!mayGoElsewhere(outcome.volume)) throw new Fault('aborted', `volume ${name}: node ${nodeName} says: ${message}`);
  await deps.volumes.remove(name, signal);
  await untilGone(outcome.volume, deps, signal);
  throw new Fault('exhausted', `node ${nodeName} could not make the volume: ${message}`);
}

/** A volume that was ready may have data by now: it stays where it is. */
const mayGoElsewhere = ({ status }: LocalVolume): boolean =>
  status?.sizeBytes === undefined && status?.reason !== undefined && meaningOf(status.reason).elsewhere;

/** Waits until the agent has removed the volume. Throws Fault `aborted` with what the agent says when that takes too long. */
export async function untilGone(
  { metadata: { name = '' }, spec }: LocalVolume,
  { volumes, patienceMs }: Pick<MakeVolumeDeps, 'volumes' | 'patienceMs'>,
  signal: AbortSignal,
): Promise<void> {
  let said: string | undefined;
  const decide = (volume: LocalVolume | undefined): true | undefined => {
    said = volume?.status?.message;
    return volume === undefined ? true : undefined;
  };
  const why = (): string =>
    `volume ${name}: node ${spec.nodeName} has not removed it yet; ${said ?? 'is the agent there running?'}`;
  await waitFor({ ms: patienceMs, why }, (deadline) => volumes.until(name, decide, deadline), signal);
}
