import { VOLUME_REASONS, type VolumeReason } from '../../model/volume-reasons.ts';

/** What helps a volume with each reason of its status. Nothing here gives data up. */
const HELP: Readonly<Record<VolumeReason, string>> = {
  NoSpace: 'free room in the group, or add a disk to it in the NodeLocalStorageInitConfig',
  GroupMissing: 'on the node: vgs and pvs; bring back the disks of the group',
  GroupForeign:
    'on the node: vgs --foreign -o +systemid; the message tells how the ID is taken off, should no other machine have the group',
  GroupExported: 'on the node: vgimport GROUP, if it is to be used here',
  GroupMismatch: 'on the node: vgs -o vg_name,vg_uuid; rename the group that is not meant with vgrename UUID NAME',
  VolumeMismatch:
    'on the node: lvs -o lv_name,lv_uuid; the logical volume of that name is another, or its own has another name',
  NotOurs: 'on the node: lvs -o +tags; rename the logical volume that has the name',
  VolumeLost:
    'on the node: lvs and pvs; look whether a disk is missing; what was there is in lvm-backup beside the agent’s socket',
  ActivationFailed: 'on the node: dmesg, and lvchange -ay -v GROUP/VOLUME tells why',
  GroupFaulty: 'on the node: vgs, pvs and dmesg; bring the missing disk back',
  VolumeInvalid: 'correct what the message names in the claim or its class, and make the claim anew',
  LvmFailed: 'see the message, and dmesg on the node',
  UnitMissing: 'bring the disk or mount point back',
  NotBlank: 'look at what is on the disk: wipefs without an option shows it; choose another disk, or exclude this one',
  TooSmall: 'offer a larger disk',
  InUse: 'on the node: something still holds the device: lsblk and findmnt show what',
  WipeFailed: 'on the node: dmesg; the disk does not take writes',
  SourceMissing: 'look for the snapshot or volume that it is made from',
  SnapshotOverflowed: 'take a new snapshot, with a larger store (csi.aliyun.com/snapshot-initial-size)',
  GroupSnapshotFailed: 'it is removed and taken anew; see the message for what was in the way',
  HasSnapshots: 'wait until its snapshots are gone',
  KeptBySnapshot: 'kubectl get volumesnapshot -A   (it goes with the last of its snapshots)',
  KeptByReader: 'it goes when what mounts or copies it has ended',
  Copying: 'wait: its message says how far it is',
  SourceFailed: 'take the copy from another snapshot',
  CopyFailed: 'see the message, and dmesg on the node',
  Unsupported: 'bring the agent of its node to this version',
};

export const describeReason = (reason: string | undefined): string =>
  reason !== undefined && Object.hasOwn(VOLUME_REASONS, reason) ? HELP[reason as VolumeReason] : 'see the message';
