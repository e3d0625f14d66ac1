/** What a reason for which a disk is called failing means to a person. */
export interface DiskReasonMeaning {
  /** Who says it. What a disk said counts until it says something else. */
  readonly by: 'disk' | 'kernel';
  /** What is the matter, in a clause whose subject is the disk. */
  readonly what: string;
  /** What to do; no sentence here risks what can still be read. */
  readonly todo: string;
}

const EXCHANGE =
  'Copy what its volumes hold to other disks while it can be read, and exchange it when nothing is on it any more.';

/**
 * Why the agent calls a disk failing, the worst first. This table is the only place that says it: a disk is failing for
 * one of these reasons, or it is ok.
 */
export const DISK_REASONS = {
  /** The kernel has given the disk up. */
  DiskOffline: {
    by: 'kernel',
    what: 'the kernel gave it up and sends it nothing any more',
    todo: 'See the cable, the slot and the controller: it often comes back with them. Make nothing anew on it before.',
  },
  /** What is read of it, or of multipath above it, never comes. */
  DiskSilent: {
    by: 'kernel',
    what: 'it does not answer: whatever is read of it waits, and LVM is not let look at it meanwhile',
    todo: 'See the log of the kernel, the cable and the controller, and multipath -ll for a disk of a network. It is looked at again by itself.',
  },
  /** SMART of ATA and SCSI, and the reliability bit of NVMe. */
  SelfAssessmentFailed: { by: 'disk', what: 'it says of itself that it fails (SMART)', todo: EXCHANGE },
  /** NVMe went read-only. */
  DiskReadOnly: { by: 'disk', what: 'it takes no more writes (NVMe: media are read-only)', todo: EXCHANGE },
  /** NVMe's spare blocks, of which it replaces those that wear out. */
  SpareUsedUp: { by: 'disk', what: 'its spare blocks are used up (NVMe)', todo: EXCHANGE },
  /** NVMe's memory that a capacitor keeps through a loss of power. */
  CacheUnsafe: {
    by: 'disk',
    what: 'its cache would not outlive a loss of power (NVMe: backup of volatile memory failed)',
    todo: EXCHANGE,
  },
  /** It could not read what was written. */
  UnreadableSectors: {
    by: 'disk',
    what: 'it has sectors that it cannot read (SMART)',
    todo: `Restore the files that give errors from a backup. ${EXCHANGE}`,
  },
  /** The kernel's count of failed commands grows. */
  IoErrors: {
    by: 'kernel',
    what: 'many commands to it fail',
    todo: 'See the log of the kernel: a cable or a controller is as likely as the disk. Back up what its volumes hold.',
  },
  /** A filesystem on it met an error of the device. */
  FilesystemErrors: {
    by: 'kernel',
    what: 'a filesystem on it met errors of reading or writing',
    todo: 'See the log of the kernel, and stop the pods that have the filesystem, so that it is checked and mounted anew.',
  },
} as const satisfies Readonly<Record<string, DiskReasonMeaning>>;

/** A reason that the table does not have does not compile. */
export type DiskReason = keyof typeof DISK_REASONS;

/** A disk that the agent calls failing. */
export interface FailingDisk {
  device: string;
  /** What tells it from others after a boot, which may give names anew; absent where it tells nothing. */
  identity?: string;
  /** A DiskReason; another version may have others. */
  reason: string;
  /** What is the matter, and what to do. */
  message: string;
  /** Names of groups, mount paths, and paths of disks that are offered whole. */
  carries: string[];
}

/** Whether it is the disk's own word. A reason of another version is not. */
export const isOfDisk = ({ reason }: FailingDisk): boolean =>
  Object.hasOwn(DISK_REASONS, reason) && DISK_REASONS[reason as DiskReason].by === 'disk';
