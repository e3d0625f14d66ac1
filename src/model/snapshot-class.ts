import { bytes, GIB, type Bytes } from './bytes.ts';
import { Fault } from './fault.ts';
import { readWhole } from './parameters.ts';
import {
  READ_ONLY_SNAPSHOT,
  SNAPSHOT_INITIAL_SIZE,
  SNAPSHOT_RESTORE,
  SNAPSHOT_STEP,
  SNAPSHOT_THRESHOLD,
} from './well-known.ts';

/** The VolumeSnapshotClass parameters that we read, and whose word each is; a VolumeGroupSnapshotClass has the same. */
export const SNAPSHOT_CLASS_PARAMETERS = {
  [READ_ONLY_SNAPSHOT]: 'open-local',
  [SNAPSHOT_INITIAL_SIZE]: 'open-local',
  [SNAPSHOT_THRESHOLD]: 'open-local',
  [SNAPSHOT_STEP]: 'open-local',
  [SNAPSHOT_RESTORE]: 'ours',
} as const;

/** What a claim that is made from a snapshot gets: the snapshot itself, read-only, or a copy that it can write to. */
export type Restore = 'Mount' | 'Copy';

/** What a VolumeSnapshotClass or VolumeGroupSnapshotClass asks of every snapshot that names it. */
export interface SnapshotPolicy {
  readonly restore: Restore;
  /** Of a new copy-on-write store. */
  readonly initialSize: Bytes;
  /** How full the store may be until it grows. */
  readonly thresholdPercent: number;
  /** The least by which it grows. */
  readonly step: Bytes;
}

type Values = Readonly<Partial<Record<string, string>>>;

export type SnapshotClassKind = 'VolumeSnapshotClass' | 'VolumeGroupSnapshotClass';

/** csi-snapshotter takes most of these out, and adds the names of the VolumeSnapshot when it is told to. */
const KUBERNETES = 'csi.storage.k8s.io/';

/**
 * Reads VolumeSnapshotClass parameters with the keys, spellings and defaults of open-local. Throws Fault `invalid` that
 * names the parameter, its value and what is allowed: also for a key that is not known, since nothing else tells of a
 * slip until a store has overflowed.
 */
export function parseSnapshotClass(values: Values, kind: SnapshotClassKind = 'VolumeSnapshotClass'): SnapshotPolicy {
  const what = `${kind} parameter`;
  const stranger = Object.keys(values).find((key) => !isKnown(key));
  if (stranger !== undefined)
    throw new Fault(
      'invalid',
      `${what} ${stranger} is unknown: use ${Object.keys(SNAPSHOT_CLASS_PARAMETERS).join(', ')}`,
    );
  return {
    restore: readRestore(values, what),
    initialSize: readSize(values, SNAPSHOT_INITIAL_SIZE, bytes(4 * GIB), what),
    thresholdPercent: readPercent(values, what),
    step: readSize(values, SNAPSHOT_STEP, bytes(GIB), what),
  };
}

const isKnown = (key: string): boolean => key.startsWith(KUBERNETES) || Object.hasOwn(SNAPSHOT_CLASS_PARAMETERS, key);

function readRestore(values: Values, what: string): Restore {
  const readOnly = readWord(values, READ_ONLY_SNAPSHOT, ['true', 'false'], what);
  const restore = readWord(values, SNAPSHOT_RESTORE, ['mount', 'copy'], what);
  if (readOnly !== undefined && restore !== undefined && (readOnly === 'true') !== (restore === 'mount'))
    throw new Fault(
      'invalid',
      `${what}s ${READ_ONLY_SNAPSHOT}: "${readOnly}" and ${SNAPSHOT_RESTORE}: "${restore}" contradict: leave one out`,
    );
  if (restore === undefined && readOnly !== 'true')
    throw new Fault(
      'invalid',
      `${what} ${READ_ONLY_SNAPSHOT} is not "true": backups to S3 are not made. Set it to "true" for claims that ` +
        `mount the snapshot read-only, or set ${SNAPSHOT_RESTORE} to "copy" for claims that get a copy to write to`,
    );
  return restore === 'copy' ? 'Copy' : 'Mount';
}

function readWord<const T extends string>(
  values: Values,
  key: string,
  allowed: readonly T[],
  what: string,
): T | undefined {
  const text = values[key] ?? '';
  const found = allowed.find((word) => word === text);
  if (found === undefined && text !== '')
    throw new Fault(
      'invalid',
      `${what} ${key}: "${text}" is unknown: use ${allowed.map((word) => `"${word}"`).join(' or ')}`,
    );
  return found;
}

function readSize(values: Values, key: string, absent: Bytes, what: string): Bytes {
  const text = values[key] ?? '';
  if (text === '') return absent;
  const size = readWhole(`${what} ${key}`, text);
  if (size === 0) throw new Fault('invalid', `${what} ${key}: "${text}" must be more than zero`);
  return size;
}

function readPercent(values: Values, what: string): number {
  const text = values[SNAPSHOT_THRESHOLD] ?? '';
  if (text === '') return 50;
  const percent = Number(/^(\d{1,2})%?$/.exec(text.trim())?.[1]);
  if (percent >= 1) return percent;
  throw new Fault('invalid', `${what} ${SNAPSHOT_THRESHOLD}: "${text}" is no percentage from 1% to 99%`);
}
