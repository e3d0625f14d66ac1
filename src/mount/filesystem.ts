import { present } from '../model/present.ts';
import { bytes, type Bytes } from '../model/bytes.ts';
import { FILESYSTEMS, smallestFilesystem, type FilesystemType } from '../model/filesystem-type.ts';
import { looksLike } from './first-bytes.ts';
import type { MountEntry } from './mountinfo.ts';
import { sizeOnDisk } from './size-on-disk.ts';

/** What a device carries. `other` is anything that is not a filesystem and not nothing. */
export type Content =
  | { readonly kind: 'missing' }
  | {
      readonly kind: 'blank';
      /** What its first bytes look like all the same: it may be damaged, or have answered in between only. */
      readonly looksLike?: string;
    }
  | {
      readonly kind: 'filesystem';
      readonly type: string;
      readonly uuid?: string;
      /** The least that it is read by: no device with larger sectors can be mounted. */
      readonly blockSize?: number;
      /** All that it says it has; its device may have more. Absent where its first bytes do not tell. */
      readonly size?: Bytes;
      /** It says itself that its making has not ended, so that nobody can ever have mounted it. */
      readonly unfinished?: true;
    }
  | { readonly kind: 'other'; readonly what: string; readonly uuid?: string };

/** A filesystem that is to be made; its UUID is chosen before, so that it is known again however far it got. */
export interface NewFilesystem {
  readonly type: FilesystemType;
  readonly uuid: string;
  /** More options of mkfs; the last of two that contradict each other counts. */
  readonly options?: readonly string[];
}

export const formatFilesystem = ({ type, uuid }: NewFilesystem): string => `${type} ${uuid}`;

/** The reverse of formatFilesystem; undefined for text that is not of this form. */
export function parseFilesystem(text: string | undefined): NewFilesystem | undefined {
  const [name, uuid] = text?.split(' ') ?? [];
  const type = FILESYSTEMS.find((known) => known === name);
  return type && uuid ? { type, uuid } : undefined;
}

export interface FilesystemStats {
  readonly total: Bytes;
  readonly used: Bytes;
  readonly available: Bytes;
  readonly inodes: { readonly total: number; readonly used: number; readonly available: number };
}

/** Filesystems on block devices. All verbs throw Fault. */
export interface Filesystems {
  /**
   * Throws `unavailable` when the device cannot be read: that is not the same as blank. Where `only` names a type, what
   * else there may be counts for nothing.
   */
  probe(device: string, signal: AbortSignal, only?: FilesystemType): Promise<Content>;
  /**
   * Makes a filesystem. Destroys what is there: call it only after probe has found the device blank. Cut, it leaves
   * anything.
   */
  format(device: string, wanted: NewFilesystem, signal: AbortSignal): Promise<void>;
  /** Takes off the signature of a filesystem whose making was cut, so that probe finds the device blank. */
  unformat(device: string, signal: AbortSignal): Promise<void>;
  /**
   * Repairs what can be repaired without asking, as at a boot, of an ext2, ext3 or ext4 that is not mounted; does
   * nothing for others, which do so when they are mounted. Throws `precondition` when damage is left. May be repeated
   * after a cut.
   */
  check(device: string, fsType: string, signal: AbortSignal): Promise<void>;
  /**
   * Makes an unmounted copy of a filesystem fit to be given a UUID: what its journal has is replayed. Throws
   * `precondition` when damage is left. May be repeated after a cut.
   */
  settleCopy(device: string, fsType: string, signal: AbortSignal): Promise<void>;
  /** Gives a filesystem after settleCopy this UUID. Cut, it leaves anything. */
  giveUuid(device: string, wanted: Pick<NewFilesystem, 'type' | 'uuid'>, signal: AbortSignal): Promise<void>;
  /** Makes a mounted filesystem as large as its device. May be repeated. */
  grow(
    mounted: { readonly device: string; readonly target: string; readonly fsType: string },
    signal: AbortSignal,
  ): Promise<void>;
  stats(path: string, signal: AbortSignal): Promise<FilesystemStats>;
  /**
   * Throws `precondition` when the filesystem mounted there answers with errors: xfs that has shut itself down shows
   * nothing of it in the mount table. Throws `unavailable` when it does not answer.
   */
  assertAlive(target: string, signal: AbortSignal): Promise<void>;
  /**
   * Lets writers go on at a mounted filesystem that somebody froze: a freeze outlives every mount, and keeps the device
   * in use. Does nothing for any other.
   */
  thaw(target: string, signal: AbortSignal): Promise<void>;
  /**
   * Has all that was written to a mounted filesystem, or to a block device, on its disk. Throws `unavailable` when that
   * fails or takes minutes.
   */
  flush(path: string, signal: AbortSignal): Promise<void>;
  /** What a mounted filesystem is known by, whatever its device is called: identityOf. */
  identify(entry: MountEntry, signal: AbortSignal): Promise<string>;
  /**
   * Names in a mounted filesystem's folder, of more than MOST_ENTRIES only some. Throws `precondition` when it is no
   * longer mounted there.
   */
  entries(entry: MountEntry, signal: AbortSignal): Promise<readonly string[]>;
  /**
   * Removes every file of a mounted filesystem, never what is mounted below it, nor what links lead to: also files that
   * their owner made immutable, and subvolumes of btrfs. May be repeated after a cut. Throws `precondition`, and
   * removes nothing, unless the filesystem of that identity is mounted there.
   */
  clear(mounted: { readonly target: string; readonly identity: string }, signal: AbortSignal): Promise<void>;
  /** From now on nobody can write to the device, until it is made anew. */
  forbidWrites(device: string, signal: AbortSignal): Promise<void>;
  /** Size of a block device; undefined when it is not there. */
  sizeOf(device: string, signal: AbortSignal): Promise<Bytes | undefined>;
  /** Bytes of a sector, by which a device is read at least; undefined when that is not known. */
  sectorOf(device: string, signal: AbortSignal): Promise<number | undefined>;
}

/**
 * Options without which a filesystem of ours cannot always be mounted: xfs refuses a copy whose original is mounted
 * (xfs(5)).
 */
export const neededOptions = (fsType: string): readonly string[] => (fsType === 'xfs' ? ['nouuid'] : []);

/**
 * Pure: none of them is told to overwrite; mkfs.xfs and mkfs.btrfs then refuse a device on which they find anything.
 */
export function mkfsArgv(device: string, { type, uuid, options: more = [] }: NewFilesystem): readonly string[] {
  const options = {
    ext: ['-m', '0', '-U', uuid], // ext keeps 5 % for root unless told not to
    xfs: ['-m', `uuid=${uuid}`],
    btrfs: ['-U', uuid],
  };
  return [`mkfs.${type}`, '-q', ...options[type === 'xfs' || type === 'btrfs' ? type : 'ext'], ...more, '--', device];
}

/** Pure: undefined for a filesystem that is checked when it is mounted. */
export const checkArgv = (device: string, fsType: string): readonly string[] | undefined =>
  /^ext[234]$/.test(fsType) ? ['e2fsck', '-p', '--', device] : undefined;

/** A filesystem may have millions of files in one folder; a person needs no more to see that it is in use. */
export const MOST_ENTRIES = 1000;

/** Pure: the names in a folder, each ended by a NUL. `folder` may end with a slash. */
export const entriesArgv = (folder: string): readonly string[] => [
  'find',
  folder,
  ...['-mindepth', '1', '-maxdepth', '1', '-printf', String.raw`%f\0`],
];

/** Pure: statfs(2) as words: block size, blocks, free ones, those for users, inodes, free ones. */
export const statsArgv = (path: string): readonly string[] => ['stat', '-f', '-c', '%S %b %f %a %c %d', '--', path];

/** Pure: of a folder all of its filesystem, as syncfs(2); of a device file its bytes, as fsync(2). */
export const flushArgv = (path: string): readonly string[] => [
  ...['sync', ...(path.startsWith('/dev/') ? [] : ['--file-system'])],
  ...['--', path],
];

/** Pure: asks the filesystem itself for its folder, where statsArgv is answered without a look at the disk. */
export const aliveArgv = (target: string): readonly string[] => ['stat', '-c', '%i', '--', target];

/** Reads what statsArgv prints. */
export function parseStats(stdout: string): FilesystemStats {
  const [block = 0, blocks = 0, free = 0, available = 0, files = 0, freeFiles = 0] = stdout
    .trim()
    .split(' ')
    .map(Number);
  return {
    total: bytes(blocks * block),
    used: bytes((blocks - free) * block),
    available: bytes(available * block),
    inodes: { total: files, used: files - freeFiles, available: freeFiles },
  };
}

/**
 * What a mounted filesystem is known by: its type, its UUID, and the folder of it that is mounted, for example
 * `ext4 0a1b2c3d-… /`. One without a UUID (tmpfs, nfs) is known by its source instead.
 */
export const identityOf = ({ fsType, root, source }: MountEntry, uuid: string | undefined): string =>
  [fsType, uuid ?? source, root].join(' ');

/** btrfs_ioctl_resize of Linux refuses less. */
export const LEAST_GROWN_BTRFS = smallestFilesystem('btrfs');

/** Whether the kernel grows a filesystem to so many bytes. */
export const canGrow = (fsType: string, size: Bytes): boolean => fsType !== 'btrfs' || size >= LEAST_GROWN_BTRFS;

/** Pure: undefined for a filesystem that we do not know how to grow. */
export function growArgv(mounted: { readonly device: string; readonly target: string; readonly fsType: string }) {
  if (/^ext[234]$/.test(mounted.fsType)) return ['resize2fs', '--', mounted.device];
  if (mounted.fsType === 'xfs') return ['xfs_growfs', '-d', mounted.target];
  if (mounted.fsType === 'btrfs') return ['btrfs', 'filesystem', 'resize', 'max', mounted.target];
  return undefined;
}

/** xfs_dsb in xfs_format.h of Linux: sb_inprogress, which mkfs.xfs clears with its last write. */
const XFS_IN_PROGRESS = 126;

/**
 * Pure: what a device carries, with what its first bytes tell: of a mkfs that was cut, and of what blkid did not find.
 * mkfs.ext4 and mkfs.btrfs write the superblock that shows their filesystem after everything else, so that one which
 * shows is finished.
 */
export function withFirstBytes(content: Content, head: Buffer): Content {
  if (content.kind === 'blank') return { ...content, ...present({ looksLike: looksLike(head) }) };
  if (content.kind !== 'filesystem') return content;
  const isUnfinished = content.type === 'xfs' && head[XFS_IN_PROGRESS] !== 0;
  const told = { ...content, ...present({ size: sizeOnDisk(content.type, head) }) };
  return isUnfinished ? { ...told, unfinished: true } : told;
}

/** How blkid may call a filesystem that the kernel mounts as this type; undefined for one that we do not make. */
export function blkidTypes(fsType: string): string | undefined {
  if (/^ext[234]$/.test(fsType)) return 'ext4,ext3,ext2'; // the kernel mounts one as another
  return FILESYSTEMS.find((type) => type === fsType);
}

/** What blkid's exit code 8 says. */
export const CONTRADICTING = 'several contradicting signatures';

/**
 * What is told by the last sectors of a device: superblocks of arrays, and of pools. A filesystem that fills its device
 * has files there, so that a pod which writes an image of a disk may write one.
 */
const AT_THE_END = /_raid_member$|^drbd|^zfs_member$/;

/**
 * What a device carries that was given a filesystem of this type: what is seen at its end may be in one of its files.
 * `given` is undefined where it is not known to have any.
 */
export async function probeGiven(
  device: string,
  given: FilesystemType | undefined,
  filesystems: Pick<Filesystems, 'probe'>,
  signal: AbortSignal,
): Promise<Content> {
  const content = await filesystems.probe(device, signal);
  const mayBeFile = content.kind === 'other' && (content.what === CONTRADICTING || AT_THE_END.test(content.what));
  if (given === undefined || !mayBeFile) return content;
  const own = await filesystems.probe(device, signal, given);
  return own.kind === 'filesystem' ? own : content;
}

/** Reads `blkid -p -o export`: KEY=value lines. */
export function parseBlkid(stdout: string): Content {
  const fields = new Map(
    stdout.split('\n').map((line) => {
      const at = line.indexOf('=');
      return [line.slice(0, at), line.slice(at + 1)] as const;
    }),
  );
  const type = fields.get('TYPE');
  const uuid = fields.get('UUID');
  const blockSize = Number(fields.get('BLOCK_SIZE')) || undefined;
  if (type !== undefined && fields.get('USAGE') === 'filesystem')
    return { kind: 'filesystem', type, ...present({ uuid, blockSize }) };
  const what = type ?? fields.get('PTTYPE');
  return { kind: 'other', what: what ?? 'something that blkid cannot name', ...present({ uuid }) };
}
