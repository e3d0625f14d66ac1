import type { Health, HealthEntry } from '../model/volume-health.ts';
import {
  VolumeHealthErrorType as Type,
  type VolumeCondition,
  type VolumeHealth,
  type VolumeHealth_VolumeHealthEntry,
} from './gen/csi.ts';

const TYPES: Readonly<Record<Health, Type>> = {
  degraded: Type.DEGRADED,
  inaccessible: Type.INACCESSIBLE,
  'data-loss': Type.DATA_LOSS,
};

/** What is wrong with a volume, in the words of CSI v1.13: each pair of status and reason once, as it wants it. */
export function toVolumeHealth(volumeId: string, entries: readonly HealthEntry[]): VolumeHealth {
  const byKey = new Map<string, VolumeHealth_VolumeHealthEntry>();
  for (const { health, reason, message } of entries) {
    const before = byKey.get(`${health} ${reason}`);
    if (before) before.message += ` ${message}`;
    else byKey.set(`${health} ${reason}`, { status: TYPES[health], reason, message });
  }
  return { volumeId, healthStatuses: [...byKey.values()] };
}

/** The same in the words of CSI up to v1.12, which Kubernetes reads. */
export const toVolumeCondition = (entries: readonly HealthEntry[]): VolumeCondition => ({
  abnormal: entries.length > 0,
  message: entries.map(({ message }) => message).join('; ') || 'nothing is known to be wrong',
});
