/** What a kernel can do, by what its folders say. */
export interface KernelModules {
  /** Names in /sys/module. */
  readonly loaded: ReadonlySet<string>;
  /** Texts of modules.builtin and modules.dep; undefined where they cannot be read. */
  readonly builtin: string | undefined;
  readonly dep: string | undefined;
  /** Text of /proc/filesystems. */
  readonly filesystems: string;
}

/** Modules that volumes need, some only for what not everybody uses. */
export const WANTED_MODULES = ['dm_mod', 'dm_snapshot', 'dm_crypt', 'ext4', 'xfs', 'btrfs'] as const;

/** `loadable`: there on disk, and not loaded. Nothing is known of a kernel whose list of modules cannot be read. */
export type ModuleStanding = 'loaded' | 'loadable' | 'missing' | 'unknown';

export function standingOf(module: string, kernel: KernelModules): ModuleStanding {
  if (kernel.loaded.has(module) || isIn(kernel.builtin, module)) return 'loaded';
  if (new RegExp(`^(?:nodev)?\\s+${module}$`, 'm').test(kernel.filesystems)) return 'loaded';
  if (isIn(kernel.dep, module)) return 'loadable';
  return kernel.dep === undefined ? 'unknown' : 'missing';
}

/**
 * The lines of a list that are about modules that volumes need. The list of a whole kernel is half a megabyte, which
 * every agent would keep; a copy, since a part of a text keeps all of it.
 */
export const wantedLines = (list: string): string =>
  Buffer.from(
    list
      .split('\n')
      .filter((line) =>
        WANTED_MODULES.some((module) => isIn(line.slice(0, line.indexOf(':') + 1 || undefined), module)),
      )
      .join('\n'),
  ).toString();

/** A file's name may have hyphens where the module's has underscores. */
const isIn = (list: string | undefined, module: string): boolean =>
  list !== undefined && new RegExp(`(?:^|/)${module.replaceAll('_', '[-_]')}\\.ko(?:\\.\\w+)?(?::|$)`, 'm').test(list);
