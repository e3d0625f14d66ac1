import { notOnDisk } from '../../model/mounted-disk.ts';
import { mountAt, type MountEntry } from '../../mount/mountinfo.ts';
import type { Standing } from './conditions.ts';
import type { MountPoint } from './observe.ts';

/** The other mount points that show the same folder of the same filesystem. */
export const twinsOf = ({ entry }: MountPoint, all: readonly MountPoint[]): readonly string[] =>
  all
    .map((other) => other.entry)
    .filter(
      ({ target, majorMinor, root }) =>
        target !== entry.target && majorMinor === entry.majorMinor && root === entry.root,
    )
    .map(({ target }) => target);

/**
 * What was said of mount points that were made, by a later look: systemd unmounts what is mounted where it has a unit
 * whose device is away, at once and without a word to mount(8).
 */
export const seenMounted = (told: readonly Standing[], mounts: readonly MountEntry[]): readonly Standing[] =>
  told.map((standing) => {
    const path = standing.type.slice(OF_MOUNT_POINT.length);
    if (!standing.ok || !standing.type.startsWith(OF_MOUNT_POINT) || mountAt(mounts, path)) return standing;
    const message = `${path} was mounted, and is not any more: another program unmounts it. systemd does so where /etc/fstab, or a unit of its own, has the path for a device that is away: take it out there, and run systemctl daemon-reload.`;
    return { type: standing.type, ok: false, reason: 'MountFailed', message };
  });

const OF_MOUNT_POINT = 'MountPoint/';

/**
 * How it stands with mount points that the configuration offers, and that are not offered: those that are on no disk of
 * this machine alone, and those that show one filesystem, which two claims would share.
 */
export function mountPointStandings(
  all: readonly MountPoint[],
  isManaged: (path: string) => boolean,
  told: readonly Standing[],
): readonly Standing[] {
  return all.flatMap((mountPoint): readonly Standing[] => {
    const { target, fsType, source } = mountPoint.entry;
    const type = `MountPoint/${target}` as const;
    if (!isManaged(target) || told.some((standing) => standing.type === type && !standing.ok)) return [];
    const what = notOnDisk({ fsType, device: source });
    if (what !== undefined)
      return [
        { type, ok: false, reason: 'NotOnDisk', message: `${target} ${what}. No claim gets it: mount a disk there.` },
      ];
    const twins = twinsOf(mountPoint, all);
    if (twins.length === 0) return [];
    const message = `${target} shows the filesystem that ${twins.join(', ')} shows. No claim gets it, since two would share their files: mount it once.`;
    return [{ type, ok: false, reason: 'MountedTwice', message }];
  });
}
