import type { IoLimits } from '../model/storage-class.ts';

/** One limit as a kernel counts it; undefined is none. */
type Values = Readonly<Record<keyof IoLimits, number | undefined>>;

/** Keys of io.max (Documentation/admin-guide/cgroup-v2.rst) and file names of v1 (cgroup-v1/blkio-controller.rst). */
const FIELDS = [
  { field: 'readBps', key: 'rbps', file: 'blkio.throttle.read_bps_device' },
  { field: 'writeBps', key: 'wbps', file: 'blkio.throttle.write_bps_device' },
  { field: 'readIops', key: 'riops', file: 'blkio.throttle.read_iops_device' },
  { field: 'writeIops', key: 'wiops', file: 'blkio.throttle.write_iops_device' },
] as const;

/** The kernel refuses a limit of 1 (tg_set_limit in block/blk-throttle.c). */
const SMALLEST = 2;
/** Operations are counted in 32 bits, of which the largest means no limit: the same file. */
const NO_IOPS = 2 ** 32 - 1;

/** Limits as the kernel stores them. */
function valuesOf(limits: IoLimits): Values {
  const bps = (value: number | undefined) => (value === undefined ? undefined : Math.max(SMALLEST, value));
  const iops = (value: number | undefined) => (value === undefined || value >= NO_IOPS ? undefined : bps(value));
  const { readBps, writeBps, readIops, writeIops } = limits;
  return { readBps: bps(readBps), writeBps: bps(writeBps), readIops: iops(readIops), writeIops: iops(writeIops) };
}

/** A file of a cgroup and the line to write there. */
export interface Setting {
  readonly file: string;
  readonly line: string;
  /** Whether the file's text shows that the limit is set. */
  readonly holds: (text: string) => boolean;
}

/** The settings of one cgroup for a device, `major:minor`; a limit that is not given is taken away. */
export const settingsOf = (version: 1 | 2, device: string, limits: IoLimits): readonly Setting[] =>
  version === 2 ? [ioMax(device, valuesOf(limits))] : throttleFiles(device, valuesOf(limits));

function ioMax(device: string, wanted: Values): Setting {
  const words = FIELDS.map(({ field, key }) => `${key}=${wanted[field] ?? 'max'}`);
  const unlimited = FIELDS.every(({ field }) => wanted[field] === undefined);
  return {
    file: 'io.max',
    line: [device, ...words].join(' '),
    holds: (text) => {
      const found = restOf(text, device);
      if (found === undefined) return unlimited;
      return words.every((word) => found.includes(word));
    },
  };
}

/** A rule of v1 is removed by 0. */
function throttleFiles(device: string, wanted: Values): readonly Setting[] {
  return FIELDS.map(({ field, file }) => ({
    file,
    line: `${device} ${wanted[field] ?? 0}`,
    holds: (text) => (restOf(text, device)?.[0] ?? '0') === String(wanted[field] ?? 0),
  }));
}

/** The words after the device in its line; undefined when it has none. */
const restOf = (text: string, device: string): readonly string[] | undefined =>
  text
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .find(([first]) => first === device)
    ?.slice(1);
