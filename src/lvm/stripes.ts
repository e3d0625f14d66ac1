import type { Bytes } from '../model/bytes.ts';
import type { LvmGroup } from './report.ts';

/**
 * Over how many devices a striped volume goes: as many as can each hold their equal part of it. 1 when none but a
 * linear one fits. All in bytes.
 */
export function stripesFor(group: Pick<LvmGroup, 'devices' | 'extentSize'>, size: Bytes): number {
  const free = group.devices
    .filter(({ missing, allocatable }) => !missing && allocatable)
    .map((device) => Math.floor(device.free / group.extentSize))
    .toSorted((a, b) => b - a);
  const extents = Math.ceil(size / group.extentSize);
  const fitting = free.map((available, index) => (available >= Math.ceil(extents / (index + 1)) ? index + 1 : 0));
  return Math.max(1, ...fitting);
}
