import { DISK_REASONS, type DiskReason, type FailingDisk } from '../../model/disk-reasons.ts';
import { compareText, type Standing } from './conditions.ts';

/** An object of a node with hundreds of disks stays small. */
const MAX_DISKS = 20;

/** The failing disks that are told, in an order that stays. */
export const toldDisks = (failing: readonly FailingDisk[]): readonly FailingDisk[] =>
  failing.toSorted((a, b) => compareText(a.device, b.device)).slice(0, MAX_DISKS);

/** How it stands with disks that fail: a condition for each. */
export const failingStandings = (failing: readonly FailingDisk[]): readonly Standing[] =>
  toldDisks(failing).map(({ device, reason, message }) => ({
    type: `Disk/${device.replace('/dev/', '')}`,
    ok: false,
    reason: isKnown(reason) ? reason : 'IoErrors',
    message,
  }));

const isKnown = (reason: string): reason is DiskReason => Object.hasOwn(DISK_REASONS, reason);
