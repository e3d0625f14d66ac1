import { splitOptions } from '../model/mount-options.ts';

/** One line of /proc/self/mountinfo: proc(5). */
export interface MountEntry {
  /** No two mounts have the same at one time; a later mount may get it again. */
  readonly id: number;
  readonly majorMinor: string;
  /** The folder of the filesystem that is mounted: `/`, or another one for a bind mount. */
  readonly root: string;
  readonly target: string;
  /** Of this mount: `rw`, `noatime`, … */
  readonly options: readonly string[];
  /**
   * Of the filesystem, whatever its mounts: `discard`, …, and `ro` when the kernel made it read-only. Absent in
   * simulated mounts.
   */
  readonly filesystemOptions?: readonly string[];
  readonly fsType: string;
  /** `/dev/mapper/pool--0-v1`, or a name without meaning for filesystems without a device. */
  readonly source: string;
}

/**
 * Reads the text of a mountinfo file; later mounts come later, also over earlier ones. Lines it does not understand are
 * left out.
 */
export function parseMountinfo(text: string): readonly MountEntry[] {
  return text.split('\n').flatMap((line) => {
    const [before = '', after] = line.split(' - ');
    const [id, , majorMinor, root, target, options] = before.split(' ');
    const [fsType, source, filesystemOptions = ''] = after?.split(' ') ?? [];
    if (majorMinor === undefined || root === undefined || target === undefined || fsType === undefined) return [];
    return [
      {
        id: Number(id),
        majorMinor,
        root: unescape(root),
        target: unescape(target),
        options: splitOptions(options ?? ''),
        filesystemOptions: splitOptions(filesystemOptions),
        fsType,
        source: unescape(source ?? ''),
      },
    ];
  });
}

/** The kernel writes blank, tab, newline and backslash as three octal digits. */
const unescape = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));

/**
 * What the kernel did to a filesystem after errors; undefined when nothing. A filesystem that was mounted read-only has
 * a read-only mount too, and one that the kernel made read-only has not. ext4 of Linux 6.15 and later says
 * `emergency_ro` or `shutdown` in its options and keeps `rw` (fs/ext4/super.c).
 */
export function stateAfterErrors({
  options,
  filesystemOptions = [],
}: MountEntry): 'read-only' | 'shut-down' | undefined {
  if (filesystemOptions.includes('shutdown')) return 'shut-down';
  if (filesystemOptions.includes('emergency_ro')) return 'read-only';
  return filesystemOptions.includes('ro') && !options.includes('ro') ? 'read-only' : undefined;
}

/** The last mount at a path, which hides earlier ones; undefined when nothing is mounted there. */
export const mountAt = (entries: readonly MountEntry[], target: string): MountEntry | undefined =>
  entries.findLast((entry) => entry.target === target);

/** Of this mount; its filesystem may be read-only for all its mounts. */
export const isReadOnly = (entry: MountEntry | undefined): boolean => entry?.options.includes('ro') ?? false;

/** All that the table tells of how something is mounted. */
export const optionsOf = ({ options, filesystemOptions = [] }: MountEntry): readonly string[] => [
  ...options,
  ...filesystemOptions,
];

/** What a path leads to: a folder or file of a filesystem. */
export type View = Pick<MountEntry, 'majorMinor' | 'root' | 'source'>;

/**
 * What a path without links leads to, by the mount table alone: nothing on the path is touched, so a dead mount cannot
 * stop this.
 */
export function viewAt(entries: readonly MountEntry[], path: string): View | undefined {
  const above = entries.filter(({ target }) => target === path || path.startsWith(target === '/' ? '/' : `${target}/`));
  const longest = Math.max(...above.map(({ target }) => target.length));
  const entry = above.findLast(({ target }) => target.length === longest);
  if (!entry) return undefined;
  const below = entry.target === '/' ? path : path.slice(entry.target.length);
  const root = `${entry.root === '/' ? '' : entry.root}${below === '/' ? '' : below}`;
  return { majorMinor: entry.majorMinor, root: root === '' ? '/' : root, source: entry.source };
}

/**
 * Whether two views are of one folder or file. All mounts of one filesystem have its number, so the name of its source
 * says nothing more.
 */
export const isSameView = (a: View, b: View): boolean => a.majorMinor === b.majorMinor && a.root === b.root;
