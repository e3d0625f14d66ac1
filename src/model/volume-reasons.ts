/** What a reason in the status of a LocalVolume means to whoever reads it. */
export interface ReasonMeaning {
  /** CreateVolume: another place may do, so a volume that was never ready is taken back and asked for elsewhere. */
  readonly elsewhere: boolean;
  /** Agent: a volume that was ready no longer serves, so its phase becomes Failed. */
  readonly broken: boolean;
  /**
   * Agent: the cause can end by itself, so the volume is planned again as soon as its storage is seen, not only by
   * back-off.
   */
  readonly recheckWhenSeen: boolean;
  /** Ledger: the trouble is with the whole group or unit, so a volume of any size is refused there for a while. */
  readonly concernsPlace: boolean;
}

const meaning = (
  elsewhere: boolean,
  broken: boolean,
  recheckWhenSeen: boolean,
  concernsPlace: boolean,
): ReasonMeaning => ({ elsewhere, broken, recheckWhenSeen, concernsPlace });

/**
 * Every reason that the agent writes into `LocalVolume.status.reason`, with its meaning: this table is the only place
 * that says it. Columns: is another place tried, is the volume broken, is it planned again once its storage is seen,
 * is the whole group or unit in trouble.
 */
export const VOLUME_REASONS = {
  /** lvcreate or lvextend found less room than the ledger promised. */
  NoSpace: meaning(true, false, false, false),
  GroupMissing: meaning(true, true, true, true),
  /** The group carries the system ID of another machine. */
  GroupForeign: meaning(true, true, true, true),
  GroupExported: meaning(true, true, true, true),
  /** The group of that name may be another than was meant: two have the name, or one has taken the name of another. */
  GroupMismatch: meaning(true, false, true, true),
  /** The logical volume of that name is not the one that was made for the volume. */
  VolumeMismatch: meaning(false, true, true, false),
  /** A logical volume of this name has not our tag. */
  NotOurs: meaning(true, false, false, false),
  /** The volume was ready once, and is not in its group any more. */
  VolumeLost: meaning(false, true, true, false),
  ActivationFailed: meaning(false, true, true, false),
  /** No volume can be made or grown in the group: its disks, its metadata or its lock are in the way. */
  GroupFaulty: meaning(true, false, false, true),
  /** LVM does not take such a volume, and would not anywhere. */
  VolumeInvalid: meaning(false, false, false, false),
  /** Any other failure of an LVM command. */
  LvmFailed: meaning(true, false, false, false),
  /** The disk or mount point is not there, or another disk is in its place. */
  UnitMissing: meaning(true, true, true, true),
  NotBlank: meaning(true, false, false, true),
  TooSmall: meaning(true, false, false, false),
  /** A volume in deletion, or one that was to be filled from another, has a user on the node. */
  InUse: meaning(false, false, false, false),
  WipeFailed: meaning(false, false, false, false),
  /** What a snapshot is to be taken of, or the snapshot that a volume shows or is copied from, is not there. */
  SourceMissing: meaning(false, false, true, false),
  /** More of its source was overwritten than a snapshot's store had room for: what it showed is lost. */
  SnapshotOverflowed: meaning(false, true, true, false),
  /** The snapshots of a group could not be taken at one moment, within the time that volumes may be stopped. */
  GroupSnapshotFailed: meaning(false, false, false, false),
  /** A volume that has snapshots cannot grow. */
  HasSnapshots: meaning(false, false, true, false),
  /** A volume in deletion has snapshots, and goes with the last of them. */
  KeptBySnapshot: meaning(false, false, true, false),
  /** A snapshot in deletion is mounted as a volume, or being copied. */
  KeptByReader: meaning(false, false, true, false),
  /** A copy is under way, and its message says how far. */
  Copying: meaning(false, false, false, false),
  /** What a copy is made from overflowed or cannot be read; it is made from nothing else. */
  SourceFailed: meaning(false, false, false, false),
  /** The copy cannot be written, or its filesystem not be given a UUID of its own. */
  CopyFailed: meaning(false, false, false, false),
  /** A snapshot or a copy, which no agent of this version makes. */
  Unsupported: meaning(false, false, false, false),
} as const satisfies Readonly<Record<string, ReasonMeaning>>;

export type VolumeReason = keyof typeof VOLUME_REASONS;

/**
 * A reason of an older or a newer agent. Only volumes that were never ready are tried elsewhere, so trying loses no
 * data.
 */
const UNKNOWN: ReasonMeaning = meaning(true, false, true, false);

/**
 * What the text of `status.reason` means; one that this version does not know is treated so that nothing is lost and
 * nothing waits for ever.
 */
export const meaningOf = (reason: string): ReasonMeaning =>
  Object.hasOwn(VOLUME_REASONS, reason) ? VOLUME_REASONS[reason as VolumeReason] : UNKNOWN;
