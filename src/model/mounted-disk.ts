/** Files of clusters: what is written on one machine is seen on others. */
const SHARED: readonly string[] = ['gfs2', 'ocfs2'];
const MEMORY: readonly string[] = ['tmpfs', 'ramfs'];

/**
 * Why what is mounted cannot hold a volume, a clause that goes on from its path: it is on no disk of this machine
 * alone, so that its data ends with a boot, or is other machines' too. Undefined when it is on a disk, and where the
 * report of an older agent does not tell. `device` is what the mount table calls its source.
 */
export function notOnDisk({ fsType = '', device }: { fsType?: string; device?: string }): string | undefined {
  if (MEMORY.includes(fsType)) return `is ${fsType}: it is in memory, and empty after a boot`;
  const isDisk = device === undefined || device.startsWith('/dev/') || fsType === 'zfs';
  if (isDisk && !SHARED.includes(fsType)) return undefined;
  return `is ${fsType} of ${device ?? 'a cluster'}: it is not on a disk of this machine alone`;
}
