import { bytes, formatBytes, type Bytes } from '../../model/bytes.ts';
import { Fault } from '../../model/fault.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import type { StorageReports, Volumes } from '../ports.ts';

/**
 * Agents act on their own time: a call waits for what its node says of the volume. When that takes too long, or the
 * caller gives up, each wait rejects with Fault `aborted` and what the agent said last: the caller asks again later and
 * finds what was begun.
 */
export interface AgentWait {
  readonly volumes: Pick<Volumes, 'until'>;
  readonly storage: Pick<StorageReports, 'isSilent'>;
  /** How long a call waits for an agent, in ms. */
  readonly waitForAgentMs: number;
}

/**
 * Of an agent of which nothing is heard an answer is not expected. Each call that waits takes one of the sidecar's
 * workers, and a node that is gone may have as many volumes as there are workers: those of other nodes would wait.
 */
const SILENT_WAIT_MS = 1000;

/** How making a volume ended. `gone`: somebody deleted it meanwhile. */
export type MakeOutcome =
  | { readonly kind: 'ready'; readonly volume: LocalVolume }
  | { readonly kind: 'failed'; readonly volume: LocalVolume }
  | { readonly kind: 'gone' };

/** Waits until the agent has made the volume, or says that it cannot. */
export async function untilMade(asked: LocalVolume, wait: AgentWait, signal: AbortSignal): Promise<MakeOutcome> {
  return waitFor(asked, { what: 'made', wait, decide: outcomeOf }, signal);
}

function outcomeOf(volume: LocalVolume | undefined): MakeOutcome | undefined {
  if (volume === undefined || volume.metadata.deletionTimestamp !== undefined) return { kind: 'gone' };
  if (volume.status?.phase === 'Ready' && volume.status.sizeBytes !== undefined) return { kind: 'ready', volume };
  return volume.status?.phase === 'Failed' ? { kind: 'failed', volume } : undefined;
}

/**
 * Waits until the volume has `size` bytes on its node. Returns its size. `before` is what the node had said when that
 * was recorded: it says nothing of this growth. Throws Fault `exhausted` with what the agent says when the node has no
 * room, and `not-found` when the volume was deleted meanwhile.
 */
export async function untilGrown(
  asked: LocalVolume,
  { size, before }: { readonly size: Bytes; readonly before?: LocalVolume['status'] },
  wait: AgentWait,
  signal: AbortSignal,
): Promise<Bytes> {
  let isOld = before?.reason === 'NoSpace';
  const decide = (now: LocalVolume | undefined): { readonly now: LocalVolume | undefined } | undefined => {
    const { reason, message } = now?.status ?? {};
    isOld &&= reason === 'NoSpace' && message === before?.message;
    const settled = now === undefined || (now.status?.sizeBytes ?? 0) >= size || (reason === 'NoSpace' && !isOld);
    return settled ? { now } : undefined;
  };
  const { now } = await waitFor(asked, { what: 'grown', wait, decide }, signal);
  const { name = '' } = asked.metadata;
  if (now === undefined) throw new Fault('not-found', `volume ${name} was deleted while it was growing`);
  const provided = bytes(now.status?.sizeBytes ?? 0);
  if (provided >= size) return provided;
  const { message = 'no reason given' } = now.status ?? {};
  throw new Fault(
    'exhausted',
    `node ${asked.spec.nodeName} could not grow volume ${name} to ${formatBytes(size)}: ${message}`,
  );
}

/** Waits until the agent has removed the volume. */
export async function untilGone(volume: LocalVolume, wait: AgentWait, signal: AbortSignal): Promise<void> {
  const decide = (now: LocalVolume | undefined): true | undefined => now === undefined || undefined;
  await waitFor(volume, { what: 'removed', wait, decide }, signal);
}

async function waitFor<T>(
  { metadata: { name = '' }, spec: { nodeName } }: LocalVolume,
  {
    what,
    wait,
    decide,
  }: {
    readonly what: string;
    readonly wait: AgentWait;
    readonly decide: (now: LocalVolume | undefined) => T | undefined;
  },
  signal: AbortSignal,
): Promise<NonNullable<T>> {
  const isSilent = wait.storage.isSilent(nodeName);
  const ms = isSilent ? Math.min(SILENT_WAIT_MS, wait.waitForAgentMs) : wait.waitForAgentMs;
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(ms)]);
  let said: string | undefined;
  const look = (now: LocalVolume | undefined): T | undefined => {
    said = now?.status?.message;
    return decide(now);
  };
  try {
    return await wait.volumes.until(name, look, deadline);
  } catch (error) {
    if (error !== deadline.reason) throw error;
    const why = isSilent ? 'its agent has stopped reporting' : (said ?? 'is the agent there running?');
    throw new Fault('aborted', `volume ${name}: node ${nodeName} has not ${what} it yet; ${why}`, { cause: error });
  }
}
