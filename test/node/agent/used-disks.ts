import type { Disk } from '../machine/disk.ts';

/** One kind of disk that the agent must not touch. */
export interface UsedDisk {
  readonly kind: string;
  /** Size in MiB; absent: 64. */
  readonly mib?: number;
  readonly disk?: Partial<Disk>;
  /** Bash that prepares the disk before the agent sees it; $disk is its device, $serial its serial number. */
  readonly prepare?: string;
  /** Bash that prints the device to list for the group in place of the disk; runs after `prepare`. */
  readonly listed?: string;
  /** Text that the condition must contain. */
  readonly says: RegExp;
}

const EXT4 = 'mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0';
const luks = (type: string): string =>
  `echo -n secret | cryptsetup luksFormat -q --type ${type} --pbkdf pbkdf2 --pbkdf-force-iterations 1000 "$disk" -`;
const raid = (metadata: string): string =>
  `modprobe raid1; mdadm --create "/dev/md/$serial" --quiet --metadata=${metadata} --level=1 --raid-devices=2 --run --force "$disk" missing`;

/** Kinds of used disks: made by their own tool where Debian has it, else by the signature that libblkid looks for. */
export const USED_DISKS: Readonly<Record<string, UsedDisk>> = {
  // Partition tables
  gpt: { kind: 'an empty GPT', prepare: 'sgdisk -o "$disk"', says: /carries .*a GPT partition table/ },
  gptpart: {
    kind: 'a GPT with a partition',
    prepare: 'sgdisk -n 1:0:0 "$disk"',
    says: /has partitions \(sd[a-z]+1\)/,
  },
  gptbackup: {
    kind: 'only the backup header of a GPT',
    prepare: 'sgdisk -o "$disk"; dd if=/dev/zero of="$disk" bs=1M count=1',
    says: /carries .*gpt \(backup header\)/,
  },
  mbr: { kind: 'an empty MBR', prepare: 'echo "label: dos" | sfdisk "$disk"', says: /carries an MBR partition table/ },

  // Filesystems and swap
  ext4: {
    kind: 'ext4',
    prepare: `${EXT4} -L data "$disk"`,
    says: /carries filesystem ext4 \(label data, UUID [0-9a-f-]{36}\)/,
  },
  xfs: { kind: 'XFS', mib: 320, prepare: 'mkfs.xfs -q "$disk"', says: /carries filesystem xfs \(UUID/ },
  btrfs: { kind: 'btrfs', mib: 128, prepare: 'mkfs.btrfs -q "$disk"', says: /carries filesystem btrfs \(UUID/ },
  vfat: { kind: 'FAT', prepare: 'mkfs.vfat --mbr=n "$disk"', says: /carries .*filesystem vfat/ },
  ntfs: { kind: 'NTFS', prepare: 'mkfs.ntfs -Q -F "$disk"', says: /carries .*filesystem ntfs/ },
  iso9660: {
    kind: 'ISO 9660',
    prepare: 'genisoimage -quiet -R -V backup -o "$disk" /etc/udev',
    says: /carries filesystem iso9660 \(label backup/,
  },
  swap: { kind: 'swap', prepare: 'mkswap "$disk"', says: /carries a swap area/ },
  swapon: { kind: 'swap in use', prepare: 'mkswap "$disk"; swapon "$disk"', says: /is in use as swap/ },

  // Encrypted
  luks1: { kind: 'LUKS1', prepare: luks('luks1').replace('--pbkdf pbkdf2', ''), says: /carries a LUKS encrypted/ },
  luks2: { kind: 'LUKS2', prepare: luks('luks2'), says: /carries a LUKS encrypted volume \(UUID/ },

  // LVM
  lvmgroup: {
    kind: 'LVM member of another group',
    prepare: 'vgcreate other "$disk"',
    says: /belongs to volume group other/,
  },
  lvmorphan: { kind: 'LVM member of no group', prepare: 'pvcreate "$disk"', says: /LVM physical volume of no group/ },
  lvmsystem: {
    kind: "LVM member of another machine's group",
    prepare: 'vgcreate --systemid elsewhere foreign "$disk"',
    says: /belongs to volume group foreign/,
  },
  lvmexport: {
    kind: 'LVM member of an exported group',
    prepare: 'vgcreate moved "$disk"; vgexport moved',
    says: /belongs to volume group moved/,
  },

  // RAID and what is like it
  md090: {
    kind: 'md RAID member, metadata 0.90',
    prepare: `${raid('0.90')}; mdadm --stop "/dev/md/$serial"`,
    says: /a member of a software RAID/,
  },
  md10: {
    kind: 'md RAID member, metadata 1.0',
    prepare: `${raid('1.0')}; mdadm --stop "/dev/md/$serial"`,
    says: /a member of a software RAID/,
  },
  md12: {
    kind: 'md RAID member, metadata 1.2',
    prepare: `${raid('1.2')}; mdadm --stop "/dev/md/$serial"`,
    says: /a member of a software RAID/,
  },
  mdrun: { kind: 'md RAID that runs', prepare: raid('1.2'), says: /is held by md\d+/ },
  zfs: {
    kind: 'ZFS',
    prepare:
      'modprobe fuse; mkdir -p /var/run/zfs /var/lock/zfs; pidof zfs-fuse || zfs-fuse; for i in $(seq 50); do zpool list && break; sleep 0.2; done; ' +
      'zpool create -m none "tank" "$disk"; zpool export tank',
    says: /a member of a ZFS pool/,
  },
  bcache: { kind: 'bcache', prepare: 'make-bcache -B "$disk"', says: /a signature of bcache/ },
  bluestore: {
    kind: 'Ceph BlueStore',
    prepare: String.raw`printf 'bluestore block device\n%s\n' "$(< /proc/sys/kernel/random/uuid)" > "$disk"`,
    says: /a signature of ceph_bluestore/,
  },
  drbd: {
    kind: 'DRBD metadata',
    prepare: 'drbdmeta --force 0 v08 "$disk" internal create-md',
    says: /a signature of drbd/,
  },
  multipath: {
    kind: 'a path of a multipath device',
    prepare:
      'modprobe dm-multipath; dmsetup create mpatha --table "0 $(blockdev --getsz "$disk") multipath 0 0 1 1 round-robin 0 1 1 $disk 1"',
    says: /is held by dm-\d+/,
  },

  // In use
  mounted: {
    kind: 'mounted',
    prepare: `${EXT4} "$disk"; mkdir -p /mnt/whole; mount -o noatime "$disk" /mnt/whole`,
    says: /is mounted at \/mnt\/whole/,
  },
  partmounted: {
    kind: 'a mounted partition',
    prepare: `sgdisk -n 1:0:0 "$disk"; udevadm settle; ${EXT4} "$disk"1; mkdir -p /mnt/part; mount -o noatime "$disk"1 /mnt/part`,
    says: /is mounted at \/mnt\/part/,
  },
  mapped: {
    kind: 'held by device-mapper',
    prepare: 'dmsetup create held --table "0 2048 linear $disk 0"',
    says: /is held by dm-\d+/,
  },
  opened: {
    kind: 'opened exclusively by a process',
    prepare:
      'setsid node -e "fs.openSync(process.argv[1], fs.constants.O_RDWR | fs.constants.O_EXCL); fs.writeFileSync(\'/run/opened\', \'\'); setInterval(() => {}, 1e9)" "$disk" ' +
      '< /dev/null > /dev/null 2>&1 & for i in $(seq 100); do [ -e /run/opened ] && break; sleep 0.2; done; [ -e /run/opened ]',
    says: /is in use: it cannot be opened exclusively/,
  },
  looped: {
    kind: 'a loop device somewhere in its middle',
    prepare: `loop=$(losetup --find --show --offset 16777216 --sizelimit 16777216 "$disk"); ${EXT4} "$loop"; mkdir -p /mnt/loop; mount -o noatime "$loop" /mnt/loop`,
    says: /loop\d/,
  },
  loopfile: {
    kind: 'a mounted loop device',
    prepare: `losetup --find --show "$disk" > /run/loopfile; ${EXT4} "$(< /run/loopfile)"; mkdir -p /mnt/loopfile; mount -o noatime "$(< /run/loopfile)" /mnt/loopfile`,
    listed: 'cat /run/loopfile',
    says: /is mounted at \/mnt\/loopfile/,
  },

  // Unfit
  readonly: { kind: 'read-only', disk: { readOnly: true }, says: /is read-only/ },
  setro: { kind: 'made read-only', prepare: 'blockdev --setro "$disk"', says: /is read-only/ },
  zero: { kind: 'of no size', listed: 'losetup --find', says: /has 0 .*less than/ },
  tiny: { kind: 'smaller than an extent', mib: 4, says: /has 4 ?Mi.*less than/ },
  broken: { kind: 'unreadable', disk: { failsFrom: 0 }, says: /cannot be read: .*Input\/output error/ },
  data: {
    kind: 'data that nobody knows',
    prepare: 'dd if=/dev/urandom of="$disk" bs=4k seek=128 count=1',
    says: /holds data of no known kind at byte 524/,
  },
  missing: { kind: 'not there', listed: 'echo /dev/disk/by-id/no-such-disk', says: /is not there/ },
  chardev: { kind: 'no block device', listed: 'echo /dev/null', says: /is not a block device/ },
  partition: {
    kind: 'a partition with ext4, listed itself',
    prepare: `sgdisk -n 1:0:0 "$disk"; udevadm settle; ${EXT4} "$disk"1`,
    listed: 'echo "$disk"1',
    says: /carries filesystem ext4/,
  },
};
