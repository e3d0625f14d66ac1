import { expect, test } from 'vitest';
import type { LocalVolume } from '../../model/local-volume.ts';
import { KEEP } from '../../model/well-known.ts';
import { ANY_MODE, RESTORE_SOURCE } from '../../model/snapshot-objects.ts';
import { sourceOf, viewOfContent, viewOfSnapshot, type ContentView, type SnapshotView } from './source-of-snapshot.ts';

const DRIVERS = ['local.csi.aliyun.com'];
const view: SnapshotView = { key: 'web/monday', uid: 'u', content: 'c', ready: true };
const content: ContentView = {
  name: 'c',
  uid: 'u',
  driver: 'local.csi.aliyun.com',
  handle: 'snap-a',
  ready: true,
  snapshot: 'web/monday',
};
const volume: LocalVolume = {
  metadata: { name: 'snap-a' },
  spec: {
    nodeName: 'n1',
    kind: 'LVM',
    vgName: 'pool-0',
    sizeBytes: 4,
    role: 'Snapshot',
    source: { volume: 'v' },
    restore: 'Mount',
  },
  status: { phase: 'Ready', sizeBytes: 4, snapshot: { takenAt: '2026-01-01T00:00:00Z', sourceBytes: 9 } },
};
const whole = { namespace: 'web', name: 'monday', node: 'n1', readOnly: true, size: 9 };

test('a snapshot is read on its node, and what it gives is what was recorded when it was taken (D11)', () => {
  expect(sourceOf(view, content, volume, DRIVERS)).toEqual(whole);
  const copied = { ...volume, spec: { ...volume.spec, restore: 'Copy' as const } };
  expect(sourceOf(view, content, copied, DRIVERS)).toEqual({ ...whole, readOnly: false });
});

test('what a claim must ask for at least is what the snapshot tells as its size', () => {
  const told = { ...volume, spec: { ...volume.spec, request: { name: 'snapshot-u', requiredBytes: 8 } } };
  expect(sourceOf(view, content, told, DRIVERS)).toEqual({ ...whole, least: 8 });
});

test('of an encrypted snapshot it is told with what filesystem', () => {
  const sealed = { encryption: 'luks2', fsType: 'xfs' } as const;
  expect(sourceOf(view, content, { ...volume, spec: { ...volume.spec, ...sealed } }, DRIVERS)).toEqual({
    ...whole,
    sealed,
  });
});

test.each([
  ['has no content yet', view, undefined, volume],
  ['and its content do not name each other', view, { ...content, snapshot: 'other/monday' }, volume],
  ['is not taken yet', view, { ...content, handle: '' }, volume],
  ['is not ready', { ...view, ready: false }, content, volume],
  ['is of a node that is away', view, content, { ...volume, status: { phase: 'Failed' as const } }],
  ['has no LocalVolume yet', { ...view, ready: false }, content, undefined],
])('a pod waits for a snapshot that %s', (_, snapshot, of, local) => {
  expect(sourceOf(snapshot, of, local, DRIVERS)).toBeUndefined();
});

test.each<[string, ContentView, LocalVolume | undefined, string]>([
  ['of another driver', { ...content, driver: 'other.csi' }, undefined, 'of the CSI driver other.csi'],
  ['that nobody has', content, undefined, 'no node has snap-a'],
  ['whose id is a volume', content, { ...volume, spec: { ...volume.spec, role: 'Volume' } }, 'no node has snap-a'],
  [
    'that was deleted and is still mounted',
    content,
    {
      ...volume,
      metadata: { deletionTimestamp: '2026-01-01T00:00:00Z', annotations: { [KEEP]: 'kept by the mounted volume r' } },
    },
    'being deleted',
  ],
  ['that overflowed', content, { ...volume, status: { snapshot: { overflowed: true } } }, 'it overflowed'],
])('a snapshot %s serves nobody, and says why', (_, of, local, problem) => {
  expect(sourceOf(view, of, local, DRIVERS)?.problem).toContain(problem);
});

test.each([
  [undefined, 'Block'],
  ['false', 'Block'],
  ['yes', 'Block'],
  ['true', undefined],
  ['1', undefined],
])('its content says for what volumeMode it is, and may allow others by annotation: %s', (allowed, mode) => {
  const annotations = allowed === undefined ? {} : { [ANY_MODE]: allowed };
  const seen = { ...viewOfContent({ metadata: { annotations }, spec: { sourceVolumeMode: 'Block' } }), ...content };
  expect(sourceOf(view, seen, volume, DRIVERS)?.mode).toBe(mode);
});

test('nothing is made from a VolumeSnapshot that is being deleted, but what is being made already', () => {
  const leaving = { namespace: 'web', name: 'monday', deletionTimestamp: '2026-01-01T00:00:00Z' };
  const said = (finalizers: string[]) => {
    const seen = { ...viewOfSnapshot({ metadata: { ...leaving, finalizers } }), ...view };
    return sourceOf(seen, content, volume, DRIVERS)?.problem;
  };
  expect(said(['snapshot.storage.kubernetes.io/volumesnapshot-as-source-protection'])).toBe('it is being deleted');
  expect(said([RESTORE_SOURCE])).toBeUndefined();
});
