import type { LocalVolume } from './local-volume.ts';
import { TRACEPARENT } from './well-known.ts';

/** A new volume with the traceparent of the call that asks for it; the volume itself without one. */
export function withTraceparent(volume: LocalVolume, traceparent: string | undefined): LocalVolume {
  if (traceparent === undefined) return volume;
  const { metadata } = volume;
  return { ...volume, metadata: { ...metadata, annotations: { ...metadata.annotations, [TRACEPARENT]: traceparent } } };
}
