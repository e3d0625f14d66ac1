import type { Bytes } from '../model/bytes.ts';
import type { LvmGroup } from './report.ts';

/** lvm2's own limit: MAX_STRIPES in lib/metadata/metadata-exported.h. */
const MAX_STRIPES = 128;

/**
 * Over how many devices a striped volume goes: as many as can each hold their equal part of it, and no more than it has
 * extents, since LVM gives each device one at least. 1 when none but a linear one fits. All in bytes.
 */
export function stripesFor(group: Pick<LvmGroup, 'devices' | 'extentSize'>, size: Bytes): number {
  const free = group.devices
    .filter(({ missing, allocatable }) => !missing && allocatable)
    .map((device) => Math.floor(device.free / group.extentSize))
    .toSorted((a, b) => b - a);
  const extents = Math.ceil(size / group.extentSize);
  const fitting = free
    .slice(0, Math.min(extents, MAX_STRIPES))
    .map((available, index) => (available >= Math.ceil(extents / (index + 1)) ? index + 1 : 0));
  return Math.max(1, ...fitting);
}
