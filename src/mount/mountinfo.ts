/** One line of /proc/self/mountinfo: proc(5). */
export interface MountEntry {
  readonly majorMinor: string;
  /** The folder of the filesystem that is mounted: `/`, or another one for a bind mount. */
  readonly root: string;
  readonly target: string;
  /** Of this mount: `rw`, `noatime`, … */
  readonly options: readonly string[];
  readonly fsType: string;
  /** `/dev/mapper/pool--0-v1`, or a name without meaning for filesystems without a device. */
  readonly source: string;
}

/** Reads the text of a mountinfo file; later mounts come later, also over earlier ones. Lines it does not understand are left out. */
export function parseMountinfo(text: string): readonly MountEntry[] {
  return text.split('\n').flatMap((line) => {
    const [before = '', after] = line.split(' - ');
    const [, , majorMinor, root, target, options] = before.split(' ');
    const [fsType, source] = after?.split(' ') ?? [];
    if (majorMinor === undefined || root === undefined || target === undefined || fsType === undefined) return [];
    return [
      {
        majorMinor,
        root: unescape(root),
        target: unescape(target),
        options: (options ?? '').split(','),
        fsType,
        source: unescape(source ?? ''),
      },
    ];
  });
}

/** The kernel writes blank, tab, newline and backslash as three octal digits. */
const unescape = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));

/** The last mount at a path, which hides earlier ones; undefined when nothing is mounted there. */
export const mountAt = (entries: readonly MountEntry[], target: string): MountEntry | undefined =>
  entries.findLast((entry) => entry.target === target);
