import type { SanityOptions } from './csi-sanity.ts';
import { MISJUDGED, SKIPPED, SKIPPED_OF_DISKS } from './sanity-skips.ts';

const MIB = 2 ** 20;
/** Size of a disk that a volume of the suite has for itself, in bytes. */
export const SANITY_DISK = 96 * MIB;
/** Room that the suite needs in a volume group, in bytes. */
export const SANITY_GROUP = 20 * 2 ** 30;

/** One run of csi-sanity. */
export interface SanityRun extends Pick<SanityOptions, 'name' | 'access' | 'sizes'> {
  readonly kind: 'LVM' | 'Device';
}

const LVM = { kind: 'LVM', sizes: [64 * MIB, 128 * MIB] } as const;
const DISK = { kind: 'Device', sizes: [SANITY_DISK, SANITY_DISK] } as const;

export const SANITY_RUNS: readonly SanityRun[] = [
  { name: 'LVM-mount', access: 'mount', ...LVM },
  { name: 'LVM-block', access: 'block', ...LVM },
  { name: 'Device-mount', access: 'mount', ...DISK },
  { name: 'Device-block', access: 'block', ...DISK },
];

/** The classes of a run, and what it leaves out. `mediaType` is that of the disks that volumes have for themselves. */
export const optionsOf = (run: SanityRun, mediaType = 'ssd'): Omit<SanityOptions, 'place' | 'controller' | 'node'> => ({
  ...run,
  parameters: { volumeType: run.kind, ...(run.kind === 'Device' ? { mediaType } : {}) },
  mutableParameters: { iops: '1000' },
  snapshotParameters: { 'csi.aliyun.com/readonly': 'true', 'csi.aliyun.com/snapshot-initial-size': '16Mi' },
  skip: leftOutOf(run),
});

/** Full names of the tests that are skipped in a run, sorted. */
export const skippedIn = (run: SanityRun): readonly string[] =>
  [...new Set([...SKIPPED.flatMap(({ tests }) => tests), ...leftOutOf(run)])].toSorted();

const leftOutOf = ({ kind }: SanityRun): readonly string[] =>
  [...MISJUDGED, ...(kind === 'Device' ? SKIPPED_OF_DISKS : [])].flatMap(({ tests }) => tests);
