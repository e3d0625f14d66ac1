import type { KeyedMutex } from '../../daemon/keyed-mutex.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { isLetGo, keptBy } from '../../model/needed-data.ts';
import type { Volumes } from '../ports.ts';
import { untilGone, type AgentWait } from './wait-for-agent.ts';

export interface DeleteNeededDeps extends AgentWait {
  readonly volumes: Pick<Volumes, 'heard' | 'remove' | 'removeLater' | 'needing' | 'until'>;
  /**
   * Keyed by the id of what is deleted, grown, or made from. Held while one call looks and decides, so that nothing is
   * made from what another call deletes or grows; nobody who holds one waits for any other lock. A group snapshot
   * takes those of all its sources, by `runAll`.
   */
  readonly sources: KeyedMutex;
}

/**
 * Deletes a volume or snapshot. Where others need its data, it goes on serving them, and the data is removed with the
 * last of them; else returns once the node has nothing of it. Throws Fault as `Volumes` and `untilGone` do.
 */
export async function deleteUnlessNeeded(
  volume: LocalVolume,
  deps: DeleteNeededDeps,
  signal: AbortSignal,
): Promise<void> {
  const { name = '' } = volume.metadata;
  const isKept = await deps.sources.run(name, () => letGo(name, deps, signal), signal);
  if (!isKept) await untilGone(volume, deps, signal);
}

async function letGo(id: string, { volumes }: DeleteNeededDeps, signal: AbortSignal): Promise<boolean> {
  const needing = volumes.needing(id);
  const known = volumes.heard(id);
  if (needing.length === 0) await volumes.remove(id, signal);
  // In a second call its agent may be at work already, and must not hear that the data stays after all.
  else if (known === undefined || !isLetGo(known)) await volumes.removeLater(id, keptBy(needing), signal);
  const hasHeard = (now: LocalVolume | undefined): true | undefined =>
    now === undefined || now.metadata.deletionTimestamp !== undefined ? true : undefined;
  await volumes.until(id, hasHeard, signal);
  return needing.length > 0;
}
