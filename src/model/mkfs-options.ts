import { Fault } from './fault.ts';
import { filesystemType, type FilesystemType } from './filesystem-type.ts';

/**
 * Which options of mkfs a person may set: those that shape the filesystem. What names another device or file, sets the
 * UUID, overwrites, checks by writing, or makes less than the whole device, is none of them.
 */
interface Allowed {
  /** Options with one value, a number or a word; `true`: any such value. */
  readonly values: Readonly<Record<string, true | readonly string[]>>;
  /** Options with a list of `name` and `name=value`, by what may be named in it. */
  readonly lists: Readonly<Record<string, readonly string[]>>;
  /** Options without a value. */
  readonly flags: readonly string[];
}

const EXT: Allowed = {
  values: {
    '-b': true,
    '-C': true,
    '-g': true,
    '-G': true,
    '-i': true,
    '-I': true,
    '-m': true,
    '-N': true,
    '-T': true,
  },
  lists: {
    '-E': ['stride', 'stripe_width', 'lazy_itable_init', 'lazy_journal_init', 'discard', 'nodiscard', 'resize'],
    '-J': ['size'],
    '-O': [],
  },
  flags: ['-j'],
};

const XFS: Allowed = {
  values: {},
  lists: {
    '-b': ['size'],
    '-d': ['agcount', 'agsize', 'su', 'sw', 'sunit', 'swidth', 'noalign'],
    '-i': ['size', 'perblock', 'maxpct', 'align', 'attr', 'projid32bit', 'sparse', 'nrext64', 'exchange'],
    '-l': ['size', 'version', 'su', 'sunit', 'lazy-count'],
    '-m': ['bigtime', 'crc', 'finobt', 'inobtcount', 'reflink', 'rmapbt', 'autofsck', 'metadir'],
    '-n': ['size', 'version', 'ftype', 'parent'],
    '-s': ['size'],
  },
  flags: ['-K'],
};

const BTRFS: Allowed = {
  values: {
    '-n': true,
    '-s': true,
    '-d': ['single', 'dup'],
    '-m': ['single', 'dup'],
    '--csum': ['crc32c', 'xxhash', 'sha256', 'blake2'],
  },
  lists: { '-O': [], '-R': [] },
  flags: ['-K', '-M'],
};

const ALLOWED: Readonly<Record<FilesystemType, Allowed>> = { ext2: EXT, ext3: EXT, ext4: EXT, xfs: XFS, btrfs: BTRFS };

const VALUE = /^[\w.%-]+$/;
/** A feature, `^` or `-` in front of it to leave it out. */
const FEATURE = /^[\^-]?[\w-]+$/;

/**
 * Reads `mkfsOptions`, options as mkfs of the filesystem takes them, separated by blanks: `-m reflink=0 -n ftype=1`.
 * Newer tools than the node's kernel make filesystems that it cannot mount, unless they are told. Throws Fault
 * `invalid` that names the option and what may be given.
 */
export function parseMkfsOptions(text: string | undefined, fsType: string): readonly string[] {
  const type = filesystemType(fsType);
  const words = (text ?? '').trim().split(/\s+/).filter(Boolean);
  for (let at = 0; at < words.length; at += 1) {
    const option = words[at] ?? '';
    if (ALLOWED[type].flags.includes(option)) continue;
    at += 1;
    assertValue(type, option, words[at]);
  }
  return words;
}

function assertValue(type: FilesystemType, option: string, value: string | undefined): void {
  const { values, lists, flags } = ALLOWED[type];
  const words = Object.hasOwn(values, option) ? values[option] : undefined;
  const names = Object.hasOwn(lists, option) ? lists[option] : undefined;
  if (!words && !names) {
    const known = [...Object.keys(values), ...Object.keys(lists), ...flags].join(', ');
    throw new Fault(
      'invalid',
      `mkfsOptions: "${option}" is not an option that mkfs.${type} may be given: use ${known}`,
    );
  }
  const isFine =
    value !== undefined && (names ? value.split(',').every((part) => isNamed(part, names)) : isWord(value, words));
  if (isFine) return;
  const allowed = names?.length ? names : Array.isArray(words) ? words : ['a number or a word'];
  throw new Fault(
    'invalid',
    `mkfsOptions: "${option} ${value ?? ''}" cannot be given to mkfs.${type}: use ${allowed.join(', ')}`,
  );
}

const isWord = (value: string, words: true | readonly string[] | undefined): boolean =>
  words === true ? VALUE.test(value) && !value.startsWith('-') : (words?.includes(value) ?? false);

function isNamed(part: string, names: readonly string[]): boolean {
  if (names.length === 0) return FEATURE.test(part);
  const [name = '', value] = part.split('=', 2);
  return names.includes(name) && part === (value === undefined ? name : `${name}=${value}`) && VALUE.test(value ?? '1');
}
