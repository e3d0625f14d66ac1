import { Fault } from './fault.ts';
import type { FilesystemType } from './filesystem-type.ts';

/**
 * Which options of mount a person may give for a volume (`mountOptions` of a StorageClass or PersistentVolume), as
 * settings: of its words only one can hold, and the first holds when none is given. Sources: mount(8), ext4(5), xfs(5),
 * btrfs(5). None of them: what mounts something else or somewhere else (`bind`, `move`, `loop`, `subvol`, `X-mount…`),
 * changes what is mounted (`remount`, `shared`), names another device (`logdev`, `journal_path`, `device`), gives up
 * consistency (`norecovery`, `noload`, `degraded`, `abort`) or lets a tenant's damage stop the node (`errors=panic`,
 * `fatal_errors=bug`).
 */
interface Setting {
  /** An empty one stands for what is said by giving none of the others. */
  readonly words: readonly string[];
  /** Those that the kernel's mount table tells apart from the first. */
  readonly shown: readonly string[];
}

interface Allowed {
  readonly settings: readonly Setting[];
  /** Options with a value, and what it may be. */
  readonly values: Readonly<Record<string, RegExp>>;
}

const shown = (...words: readonly string[]): Setting => ({ words, shown: words });
const hidden = (...words: readonly string[]): Setting => ({ words, shown: [] });

const NUMBER = /^\d{1,10}$/;
const SIZE = /^\d{1,10}[kmg]?$/i;

const MODE = shown('rw', 'ro');

/** Of one mount, whatever is mounted. */
const OF_A_MOUNT: readonly Setting[] = [
  MODE,
  shown('exec', 'noexec'),
  shown('suid', 'nosuid'),
  shown('dev', 'nodev'),
  { words: ['relatime', 'noatime', 'strictatime'], shown: ['noatime'] },
  shown('diratime', 'nodiratime'),
];

/** What stands in an fstab and means nothing for a volume. */
const WITHOUT_EFFECT = ['defaults', 'atime', 'auto', 'noauto', 'nofail', 'nouser', '_netdev', 'seclabel'];

/** A label of SELinux; the kubelet writes it in quotes, since its categories have commas. */
const LABEL = /^("[\w:.,-]+"|[\w:.-]+)$/;

const OF_ANY_FILESYSTEM: Allowed = {
  settings: [...OF_A_MOUNT, shown('async', 'sync'), shown('', 'dirsync'), shown('nolazytime', 'lazytime')],
  values: { context: LABEL, fscontext: LABEL, defcontext: LABEL, rootcontext: LABEL },
};

const EXT2: Allowed = {
  settings: [
    shown('errors=continue', 'errors=remount-ro'),
    hidden('acl'), // not `noacl` and `nouser_xattr`, which newer kernels refuse (6.18 does)
    hidden('user_xattr'),
    hidden('nogrpid', 'grpid', 'sysvgroups', 'bsdgroups'),
    hidden('noquota', 'quota', 'usrquota'),
    hidden('', 'grpquota'),
    hidden('bsddf', 'minixdf'),
  ],
  values: { resuid: NUMBER, resgid: NUMBER },
};

const EXT3: Allowed = {
  settings: [
    ...EXT2.settings,
    shown('nodiscard', 'discard'),
    shown('data=ordered', 'data=journal', 'data=writeback'),
    hidden('barrier', 'barrier=1', 'barrier=0', 'nobarrier'),
    hidden('', 'prjquota'),
    hidden('block_validity', 'noblock_validity'),
    hidden('', 'i_version'),
  ],
  values: { ...EXT2.values, commit: NUMBER, inode_readahead_blks: NUMBER, max_dir_size_kb: NUMBER },
};

const EXT4: Allowed = {
  settings: [
    ...EXT3.settings,
    hidden('delalloc', 'nodelalloc'),
    hidden('auto_da_alloc', 'noauto_da_alloc'),
    hidden('dioread_nolock', 'nodioread_nolock', 'dioread_lock'),
    hidden('nojournal_checksum', 'journal_checksum'),
    hidden('', 'init_itable', 'noinit_itable'),
    hidden('', 'no_mbcache'),
    hidden('prefetch_block_bitmaps', 'no_prefetch_block_bitmaps'),
  ],
  values: {
    ...EXT3.values,
    stripe: NUMBER,
    max_batch_time: NUMBER,
    min_batch_time: NUMBER,
    journal_ioprio: /^[0-7]$/,
    init_itable: NUMBER,
  },
};

const XFS: Allowed = {
  settings: [
    shown('nodiscard', 'discard'),
    shown('inode64', 'inode32'),
    shown('nolargeio', 'largeio'),
    hidden('', 'wsync'), // shown for `sync` too
    hidden('', 'nouuid'),
    hidden('', 'swalloc'),
    hidden('align', 'noalign'),
    hidden('noikeep', 'ikeep'),
    hidden('', 'filestreams'),
    hidden('nogrpid', 'grpid', 'sysvgroups', 'bsdgroups'),
    hidden('noquota', 'quota', 'uquota', 'usrquota', 'uqnoenforce', 'qnoenforce'),
    hidden('', 'gquota', 'grpquota', 'gqnoenforce'),
    hidden('', 'pquota', 'prjquota', 'pqnoenforce'),
  ],
  values: { allocsize: SIZE, logbufs: NUMBER, logbsize: SIZE, sunit: NUMBER, swidth: NUMBER },
};

const BTRFS: Allowed = {
  settings: [
    hidden('', 'nodiscard', 'discard', 'discard=sync', 'discard=async'),
    shown('noautodefrag', 'autodefrag'),
    shown('datacow', 'nodatacow'),
    hidden('datasum', 'nodatasum'),
    hidden('barrier', 'nobarrier'),
    shown('noflushoncommit', 'flushoncommit'),
    hidden('treelog', 'notreelog'),
    hidden('acl', 'noacl'),
    hidden('', 'ssd', 'nossd', 'ssd_spread', 'nossd_spread'),
    hidden('space_cache=v2'), // what mkfs.btrfs makes; the kernel then refuses the others
    hidden('', 'user_subvol_rm_allowed'),
  ],
  values: {
    commit: NUMBER,
    compress: /^(no|none|zlib|lzo|zstd)(:\d{1,2})?$/,
    'compress-force': /^(zlib|lzo|zstd)(:\d{1,2})?$/,
    max_inline: SIZE,
    metadata_ratio: NUMBER,
    thread_pool: NUMBER,
  },
};

const and = (a: Allowed, b: Allowed): Allowed => ({
  settings: [...a.settings, ...b.settings],
  values: { ...a.values, ...b.values },
});

/** What is mounted for a volume: a filesystem of its device, or for a MountPoint volume the folder of one. */
export type Mounted = FilesystemType | 'MountPoint';

const ALLOWED: Readonly<Record<Mounted, Allowed>> = {
  ext2: and(OF_ANY_FILESYSTEM, EXT2),
  ext3: and(OF_ANY_FILESYSTEM, EXT3),
  ext4: and(OF_ANY_FILESYSTEM, EXT4),
  xfs: and(OF_ANY_FILESYSTEM, XFS),
  btrfs: and(OF_ANY_FILESYSTEM, BTRFS),
  MountPoint: { settings: OF_A_MOUNT, values: {} },
};

export interface MountOptions {
  /** What to give to mount, each once and without `ro` and `rw`. */
  readonly options: readonly string[];
  readonly readOnly: boolean;
}

/**
 * Reads mount options, each text of one or of several with commas between. Throws Fault `invalid` that names the option
 * and what may be given, or two that contradict each other.
 */
export function parseMountOptions(texts: readonly string[], mounted: Mounted): MountOptions {
  const given = texts.flatMap(splitOptions);
  const { settings, values } = ALLOWED[mounted];
  for (const option of given) assertAllowed(option, mounted);
  for (const { words } of settings) assertOne(words.filter((word) => given.includes(word)));
  for (const name of Object.keys(values)) assertOne([...new Set(given.filter((each) => nameOf(each) === name))]);
  return toGive(given, mounted);
}

/**
 * The same for a volume from before us, which keeps what it was always mounted with: nothing is refused. Options that
 * are not allowed had no effect on a MountPoint volume, and have none now.
 */
export function keptMountOptions(texts: readonly string[], mounted: Mounted): MountOptions {
  const given = texts.flatMap(splitOptions);
  return toGive(mounted === 'MountPoint' ? given.filter((option) => isAllowed(option, mounted)) : given, mounted);
}

/** Those that no new volume could have. */
export const strangeOptions = (texts: readonly string[], mounted: Mounted): readonly string[] =>
  texts.flatMap(splitOptions).filter((option) => !isAllowed(option, mounted));

function toGive(given: readonly string[], mounted: Mounted): MountOptions {
  const { settings } = ALLOWED[mounted];
  const usual = settings.flatMap(({ words }) => words[0] ?? []);
  const options = given.filter((each) => !usual.includes(each) && !MODE.words.includes(each) && !isIdle(each));
  return { options: [...new Set(options)], readOnly: given.includes('ro') };
}

const isIdle = (option: string): boolean => WITHOUT_EFFECT.includes(option);

/** Cuts at commas, but not between quotes. */
export const splitOptions = (text: string): readonly string[] =>
  (text.match(/(?:"[^"]*"|[^,"])+/g) ?? []).map((option) => option.trim()).filter(Boolean);

const nameOf = (option: string): string => (option.includes('=') ? option.slice(0, option.indexOf('=')) : option);

/** Every option without a value of its own that may be given. */
export const wordsFor = (mounted: Mounted): readonly string[] =>
  ALLOWED[mounted].settings.flatMap(({ words }) => words).filter((word) => word !== '');

function isAllowed(option: string, mounted: Mounted): boolean {
  const { settings, values } = ALLOWED[mounted];
  if (isIdle(option) || settings.some(({ words }) => words.includes(option))) return true;
  const name = nameOf(option);
  const pattern = Object.hasOwn(values, name) ? values[name] : undefined;
  return option.includes('=') && pattern?.test(option.slice(name.length + 1)) === true;
}

function assertAllowed(option: string, mounted: Mounted): void {
  if (isAllowed(option, mounted)) return;
  const { values } = ALLOWED[mounted];
  const known = [...wordsFor(mounted), ...Object.keys(values).map((each) => `${each}=…`)].join(', ');
  if (mounted === 'MountPoint' && nameOf(option) === 'context') throw new Fault('invalid', noLabel(option));
  const what =
    mounted === 'MountPoint'
      ? 'a volume of volumeType MountPoint, whose filesystem is mounted before (its own options belong to the entry in resourceToBeInited)'
      : `a volume with ${mounted}`;
  throw new Fault('invalid', `mount option "${option}" cannot be given to ${what}: use ${known}`);
}

/** The kubelet asks for a label where SELinux is on, unless the pod forgoes it. */
const noLabel = (option: string): string =>
  `mount option "${option}" cannot be given to a volume of volumeType MountPoint, whose filesystem is mounted before: set securityContext.seLinuxChangePolicy of the pod to Recursive, and its files get the label one by one`;

function assertOne(found: readonly string[]): void {
  const [first, second] = found;
  if (second !== undefined)
    throw new Fault('invalid', `mount options "${first}" and "${second}" contradict each other`);
}

/**
 * How a mount differs from what is asked for, by what the kernel's mount table tells; undefined when it does not.
 * `found` are the options of the mount and of its filesystem.
 */
export function optionDifference(
  found: readonly string[],
  wanted: Pick<MountOptions, 'options'>,
  mounted: Mounted,
): { readonly has: string; readonly asked: string } | undefined {
  const { settings, values } = ALLOWED[mounted];
  const [has, asked] = [found, wanted.options];
  for (const setting of settings) {
    if (setting === MODE) continue;
    const [a, b] = [heldBy(setting, has), heldBy(setting, asked)];
    if (a !== b) return { has: a || `no ${b}`, asked: b || `no ${a}` };
  }
  return Object.hasOwn(values, 'context') ? contextDifference(has, asked) : undefined;
}

/**
 * Whether a mount has another label of SELinux than asked for. A kernel without SELinux shows no label, nor `seclabel`
 * for one that can have them; mount(8) then leaves the option out.
 */
export function contextDifference(
  found: readonly string[],
  asked: readonly string[],
): { readonly has: string; readonly asked: string } | undefined {
  const [a, b] = [found, asked].map((options) => options.map(plain).find((option) => option.startsWith('context=')));
  const isOff = a === undefined && !found.includes('seclabel');
  return a === b || isOff ? undefined : { has: a ?? 'no context=', asked: b ?? 'no context=' };
}

const heldBy = ({ words, shown: told }: Setting, options: readonly string[]): string =>
  told.findLast((word) => options.includes(word)) ?? words[0] ?? '';

/** Without quotes, which the kernel shows only where they are needed. */
const plain = (option: string): string => option.replaceAll('"', '');
