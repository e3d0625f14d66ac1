import type { Volumes } from '../ports.ts';
import { untilGone, type AgentWait } from './wait-for-agent.ts';

export interface DeleteVolumeDeps extends AgentWait {
  readonly volumes: Pick<Volumes, 'find' | 'remove' | 'until'>;
}

/**
 * Removes the volume; returns once its node has none. Anything that is no volume of this service is none that must be
 * deleted.
 */
export async function deleteVolume(id: string, deps: DeleteVolumeDeps, signal: AbortSignal): Promise<void> {
  const volume = await deps.volumes.find(id, signal);
  if (volume?.spec.role !== 'Volume') return;
  await deps.volumes.remove(id, signal);
  await untilGone(volume, deps, signal);
}
