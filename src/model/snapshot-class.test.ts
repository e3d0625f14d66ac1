import { expect, test } from 'vitest';
import { GIB, MIB } from './bytes.ts';
import { parseSnapshotClass } from './snapshot-class.ts';
import {
  READ_ONLY_SNAPSHOT,
  SNAPSHOT_INITIAL_SIZE,
  SNAPSHOT_RESTORE,
  SNAPSHOT_STEP,
  SNAPSHOT_THRESHOLD,
} from './well-known.ts';

const READ_ONLY = { [READ_ONLY_SNAPSHOT]: 'true' };
const DEFAULTS = { restore: 'Mount', initialSize: 4 * GIB, thresholdPercent: 50, step: GIB };

test('open-local’s class says what it says there', () => {
  const shipped = {
    [READ_ONLY_SNAPSHOT]: 'true',
    [SNAPSHOT_INITIAL_SIZE]: '4Gi',
    [SNAPSHOT_THRESHOLD]: '50%',
    [SNAPSHOT_STEP]: '1Gi',
  };
  expect(parseSnapshotClass(shipped)).toEqual(DEFAULTS);
  expect(parseSnapshotClass({ [READ_ONLY_SNAPSHOT]: 'true' })).toEqual(DEFAULTS);
});

test('every parameter counts, and Kubernetes’ own are left alone', () => {
  const values = {
    [SNAPSHOT_RESTORE]: 'copy',
    [READ_ONLY_SNAPSHOT]: 'false',
    [SNAPSHOT_INITIAL_SIZE]: '512Mi',
    [SNAPSHOT_THRESHOLD]: '80',
    [SNAPSHOT_STEP]: '256Mi',
    'csi.storage.k8s.io/volumesnapshot/name': 'mine',
  };
  expect(parseSnapshotClass(values)).toEqual({
    restore: 'Copy',
    initialSize: 512 * MIB,
    thresholdPercent: 80,
    step: 256 * MIB,
  });
  expect(parseSnapshotClass({ [SNAPSHOT_RESTORE]: 'mount' }).restore).toBe('Mount');
  expect(parseSnapshotClass({ [SNAPSHOT_RESTORE]: 'copy' }).restore).toBe('Copy');
});

test.each([
  ['backups to S3', {}, 'backups to S3 are not made. Set it to "true"'],
  ['backups to S3, said aloud', { [READ_ONLY_SNAPSHOT]: 'false' }, 'or set csi.aliyun.com/snapshot-restore to "copy"'],
  ['another word', { [READ_ONLY_SNAPSHOT]: 'yes' }, '"yes" is unknown: use "true" or "false"'],
  ['another restore', { [SNAPSHOT_RESTORE]: 'clone' }, '"clone" is unknown: use "mount" or "copy"'],
  ['read-only copies', { [READ_ONLY_SNAPSHOT]: 'true', [SNAPSHOT_RESTORE]: 'copy' }, 'contradict'],
  ['writable mounts', { [READ_ONLY_SNAPSHOT]: 'false', [SNAPSHOT_RESTORE]: 'mount' }, 'contradict'],
  [
    'an unknown key',
    { 'csi.aliyun.com/snapshot-initialsize': '1Gi' },
    'csi.aliyun.com/snapshot-initialsize is unknown',
  ],
  ['a store of nothing', { ...READ_ONLY, [SNAPSHOT_INITIAL_SIZE]: '0' }, 'must be more than zero'],
  ['a store of no quantity', { ...READ_ONLY, [SNAPSHOT_INITIAL_SIZE]: '4gb' }, 'did you mean 4G?'],
  ['a step of nothing', { ...READ_ONLY, [SNAPSHOT_STEP]: '0Gi' }, 'must be more than zero'],
  ['a threshold of zero', { ...READ_ONLY, [SNAPSHOT_THRESHOLD]: '0%' }, 'from 1% to 99%'],
  ['a threshold of all', { ...READ_ONLY, [SNAPSHOT_THRESHOLD]: '100%' }, 'from 1% to 99%'],
  ['a threshold that is a fraction', { ...READ_ONLY, [SNAPSHOT_THRESHOLD]: '0.5' }, '"0.5" is no percentage'],
])('a class that asks for %s is refused by name', (_, values, problem) => {
  expect(() => parseSnapshotClass(values)).toThrow(problem);
});
