import type { LocalVolume } from '../../model/local-volume.ts';
import { TRACEPARENT } from '../../model/well-known.ts';
import type { EntryStart } from '../../trace/tracer.ts';
import { isSettled } from './is-settled.ts';

/**
 * Which trace the work on a volume goes on with: that of the call which asks for it, as long as what was asked is not
 * done. What comes later (repair after a boot, removal) is a trace of its own that names the other.
 */
export function traceOriginOf(volume: LocalVolume): Pick<EntryStart, 'parent' | 'link'> {
  const { metadata, status } = volume;
  const written = metadata.annotations?.[TRACEPARENT];
  if (written === undefined) return {};
  const isAsked = status?.sizeBytes === undefined || (status.reason === undefined && !isSettled(volume));
  return metadata.deletionTimestamp === undefined && isAsked ? { parent: written } : { link: written };
}
