/** What the machine's own lvm2 is told in /etc/lvm. The agent's commands bring their own settings. */
export interface LvmConf {
  /** `filter` and `global_filter`, as far as they are set: a device must pass each. */
  readonly filters: readonly (readonly string[])[];
  /** Absent: what lvm2 was built with. */
  readonly useDevicesFile?: boolean;
  /** The name of the devices file in /etc/lvm/devices. */
  readonly devicesFile: string;
  /** lvm2 before 2.03: whether a daemon keeps what the disks said once. */
  readonly useLvmetad: boolean;
}

const SETTING =
  /(?:^|[\s{/])(global_filter|filter|use_devicesfile|devicesfile|use_lvmetad)\s*=\s*(\[(?:\s*"(?:[^"\\]|\\.)*"\s*,?)*\s*\]|"(?:[^"\\]|\\.)*"|\d+)/g;

/** Reads lvm.conf and what is read after it, such as lvmlocal.conf: what comes later counts. */
export function parseLvmConf(texts: readonly string[]): LvmConf {
  const found = new Map<string, string>();
  for (const text of texts)
    for (const [, name = '', value = ''] of withoutComments(text).matchAll(SETTING)) found.set(name, value);
  const filters = ['filter', 'global_filter'].flatMap((name) => {
    const value = found.get(name);
    return value === undefined ? [] : [stringsIn(value)];
  });
  const uses = found.get('use_devicesfile');
  return {
    filters,
    ...(uses === undefined ? {} : { useDevicesFile: uses !== '0' }),
    devicesFile: stringsIn(found.get('devicesfile') ?? '')[0] ?? 'system.devices',
    useLvmetad: (found.get('use_lvmetad') ?? '0') !== '0',
  };
}

const withoutComments = (text: string): string =>
  text
    .split('\n')
    .map((line) => /^(?:[^"#]|"(?:[^"\\]|\\.)*")*/.exec(line)?.[0] ?? '')
    .join('\n');

const stringsIn = (value: string): string[] =>
  [...value.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, text = '']) => text.replaceAll(/\\(.)/g, '$1'));

/**
 * Whether a filter hides a device that has these names. Of each name the first pattern that matches counts; one
 * accepted name is enough, and so is no match at all (lvm.conf(5), devices/filter).
 */
export function isRejected(filter: readonly string[], names: readonly string[]): boolean {
  const patterns = filter.flatMap(readPattern);
  const verdicts = names.map((name) => patterns.find(({ matches }) => matches(name))?.accepts);
  return !verdicts.includes(true) && verdicts.includes(false);
}

const CLOSING: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' };

/** One that cannot be read is left out: lvm2 itself refuses to start with it. */
function readPattern(text: string): { accepts: boolean; matches: (name: string) => boolean }[] {
  const [kind = '', opening = ''] = text;
  const end = text.lastIndexOf(CLOSING[opening] ?? opening);
  if (!'ar'.includes(kind) || kind === '' || end < 2) return [];
  try {
    const pattern = new RegExp(text.slice(2, end));
    return [{ accepts: kind === 'a', matches: (name) => pattern.test(name) }];
  } catch {
    return [];
  }
}

/** The UUIDs of physical volumes that a devices file names, without hyphens. */
export const pvidsIn = (devicesFile: string): ReadonlySet<string> =>
  new Set([...devicesFile.matchAll(/^IDTYPE=.*\bPVID=(\w+)/gm)].map(([, id = '']) => id));
