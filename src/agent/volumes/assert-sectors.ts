import { SEALED_SECTOR } from '../../model/encryption.ts';
import { Fault } from '../../model/fault.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import type { Seen, VolumeRef } from '../../lvm/lvm.ts';
import { volumeDevicePath } from '../../lvm/names.ts';
import type { Filesystems } from '../../mount/filesystem.ts';

/**
 * Throws Fault `precondition` before a filesystem grows onto disks with larger sectors than it can be read by: its
 * device has the largest sectors of its disks, and no kernel mounts it again. LVM makes no such group unless lvm.conf
 * (allow_mixed_block_sizes) or an older LVM let it. What is on a raw device is the pod's own, and an encrypted
 * filesystem is read by the sectors of its opened device.
 */
export async function assertSectors(
  { spec: { fsType, role, encryption } }: LocalVolume,
  volume: VolumeRef,
  { seen, filesystems }: { readonly seen: Seen | undefined; readonly filesystems: Looks },
  signal: AbortSignal,
): Promise<void> {
  if (fsType === undefined || role === 'Snapshot') return;
  const disks = await openDisks(volume, seen, filesystems, signal);
  const largest = Math.max(...disks.map(({ sector }) => sector));
  const path = volumeDevicePath(volume.vgName, volume.name);
  const own = await filesystems.sectorOf(path, signal);
  if (own === undefined || own >= largest) return;
  if ((encryption ? SEALED_SECTOR : await blockOf(path, filesystems, signal)) >= largest) return;
  throw new Fault('precondition', refusal(`${fsType} of ${volume.vgName}/${volume.name}`, volume, disks, own, largest));
}

type Looks = Pick<Filesystems, 'probe' | 'sectorOf'>;

interface OpenDisk {
  readonly device: string;
  readonly sector: number;
}

/** Those onto which the volume may grow. */
async function openDisks(
  { vgUuid }: VolumeRef,
  seen: Seen | undefined,
  filesystems: Looks,
  signal: AbortSignal,
): Promise<readonly OpenDisk[]> {
  const members = seen?.groups.find(({ uuid }) => uuid === vgUuid)?.devices ?? [];
  const open = members.filter(({ missing, allocatable, free }) => !missing && allocatable && free > 0);
  return Promise.all(
    open.map(async ({ device }) => ({ device, sector: (await filesystems.sectorOf(device, signal)) ?? 0 })),
  );
}

async function blockOf(path: string, filesystems: Looks, signal: AbortSignal): Promise<number> {
  const content = await filesystems.probe(path, signal);
  return content.kind === 'filesystem' ? (content.blockSize ?? 0) : 0;
}

function refusal(what: string, { vgName, name }: VolumeRef, disks: readonly OpenDisk[], own: number, largest: number) {
  const others = disks.flatMap(({ device, sector }) => (sector === own ? [device] : []));
  const byHand = `lvextend --size SIZE ${vgName}/${name} ${others.join(' ') || 'DISK'}`;
  return (
    `the ${what} is on sectors of ${own} bytes, and volume group ${vgName} has disks with sectors of ${largest}: on those ` +
    `no kernel would mount it again. Grow it on the others (${byHand}), and give the former a group of their own.`
  );
}
