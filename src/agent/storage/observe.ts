import type { BlockDevice, Disks } from '../../disk/disks.ts';
import type { Lvm } from '../../lvm/lvm.ts';
import type { LvmGroup, PhysicalVolume, SilentDevice } from '../../lvm/report.ts';
import { present } from '../../model/present.ts';
import type { Filesystems, FilesystemStats } from '../../mount/filesystem.ts';
import { mountAt, type MountEntry } from '../../mount/mountinfo.ts';
import type { Mounts } from '../../mount/mounts.ts';

/** What this node has, seen in one look: one lvm command, sysfs, and the mount table. */
export interface Observation {
  readonly groups: readonly LvmGroup[];
  readonly orphans: readonly PhysicalVolume[];
  /** Names of groups that the node had and that are not there. */
  readonly absent?: readonly string[];
  /** Devices that do not answer, and that lvm was not let look at. */
  readonly silent?: readonly SilentDevice[];
  readonly devices: readonly BlockDevice[];
  readonly mounts: readonly MountEntry[];
  /** Filesystems mounted directly under the folder for mount points. */
  readonly mountPoints: readonly MountPoint[];
}

export interface MountPoint {
  readonly entry: MountEntry;
  /** Undefined when it did not answer. */
  readonly stats?: FilesystemStats;
  /** What it is known by, as identityOf in mount/filesystem.ts says; undefined when that could not be read. */
  readonly identity?: string;
}

export interface ObserveDeps {
  readonly lvm: Pick<Lvm, 'report'>;
  readonly disks: Pick<Disks, 'list'>;
  readonly mounts: Pick<Mounts, 'list'>;
  readonly filesystems: Pick<Filesystems, 'stats' | 'identify'>;
  /** `/mnt/open-local`, without a slash at the end. */
  readonly mountRoot: string;
}

/** Throws Fault when LVM or the kernel cannot be read: half an observation would make disks look free. */
export async function observe(deps: ObserveDeps, signal: AbortSignal): Promise<Observation> {
  const { lvm, disks, mounts, filesystems, mountRoot } = deps;
  const [{ groups, orphans, absent = [], silent }, devices, entries] = await Promise.all([
    lvm.report(signal),
    disks.list(signal),
    mounts.list(signal),
  ]);
  const targets = [...new Set(entries.map(({ target }) => target))].filter((target) =>
    isDirectlyUnder(mountRoot, target),
  );
  const mountPoints = await Promise.all(
    targets.flatMap((target) => {
      const entry = mountAt(entries, target);
      return entry ? [mountPointOf(entry, filesystems, signal)] : [];
    }),
  );
  return { groups, orphans, absent, devices, mounts: entries, mountPoints, ...present({ silent }) };
}

async function mountPointOf(
  entry: MountEntry,
  filesystems: ObserveDeps['filesystems'],
  signal: AbortSignal,
): Promise<MountPoint> {
  const [stats, identity] = await Promise.allSettled([
    filesystems.stats(entry.target, signal),
    filesystems.identify(entry, signal),
  ]);
  signal.throwIfAborted();
  return {
    entry,
    ...(stats.status === 'fulfilled' ? { stats: stats.value } : {}),
    ...(identity.status === 'fulfilled' ? { identity: identity.value } : {}),
  };
}

const isDirectlyUnder = (root: string, target: string): boolean =>
  target.startsWith(`${root}/`) && !target.slice(root.length + 1).includes('/');
