import { Fault } from '../../model/fault.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { KEEP } from '../../model/well-known.ts';
import type { Volumes } from '../ports.ts';
import { untilGone, type AgentWait } from './wait-for-agent.ts';

interface FindDeps extends AgentWait {
  readonly volumes: Pick<Volumes, 'heard' | 'needing' | 'until'>;
}

/**
 * Finds the record of this id unless it is being removed: then it waits until it is gone, and the name may be used
 * again. Throws Fault `aborted` while somebody still needs the data of the one that was deleted.
 */
export async function findStaying(id: string, deps: FindDeps, signal: AbortSignal): Promise<LocalVolume | undefined> {
  // The API server is not asked: nearly every volume is new, and creating one that exists but was not heard of fails.
  const found = deps.volumes.heard(id);
  if (found?.metadata.deletionTimestamp === undefined) return found;
  if (deps.volumes.needing(id).length > 0)
    throw new Fault(
      'aborted',
      `the data of an earlier ${id}, which was deleted, is ${found.metadata.annotations?.[KEEP] ?? 'still needed'}: ` +
        'use another name, or delete what needs it',
    );
  await untilGone(found, deps, signal);
  return undefined;
}
