import { expect, test } from 'vitest';
import type { LocalVolume } from './local-volume.ts';
import { isLetGo, keptBy, sourceNeededBy, UNTIL_DELETE_VOLUME } from './needed-data.ts';
import { KEEP } from './well-known.ts';

const volume = (spec: Partial<LocalVolume['spec']>, status?: LocalVolume['status']): LocalVolume => ({
  metadata: { name: 'a' },
  spec: { nodeName: 'n1', kind: 'LVM', vgName: 'pool-0', sizeBytes: 1, role: 'Volume', ...spec },
  ...(status && { status }),
});

test.each<[string, LocalVolume, string | undefined]>([
  ['a volume of its own', volume({}), undefined],
  ['a snapshot', volume({ role: 'Snapshot', source: { volume: 'v' } }, { phase: 'Ready' }), 'v'],
  ['a mounted snapshot', volume({ readOnly: true, source: { snapshot: 's' } }, { phase: 'Ready' }), 's'],
  ['a copy that is not begun', volume({ source: { snapshot: 's' } }), 's'],
  ['a copy under way', volume({ source: { volume: 'v' } }, { phase: 'Pending', progress: 99 }), 'v'],
  ['a copy that is whole', volume({ source: { volume: 'v' } }, { phase: 'Ready' }), undefined],
  ['a copy whose disk died later', volume({ source: { volume: 'v' } }, { phase: 'Failed', progress: 100 }), undefined],
])('%s needs the data of its source or not', (_, one, source) => {
  expect(sourceNeededBy(one)).toBe(source);
});

test('what keeps data is said by name', () => {
  const snapshot = volume({ role: 'Snapshot', source: { volume: 'v' } });
  expect(keptBy([snapshot])).toBe('kept by snapshot a');
  expect(keptBy([volume({ readOnly: true }), snapshot, snapshot])).toBe('kept by the mounted volume a and 2 more');
  expect(keptBy([volume({ source: { volume: 'v' } })])).toBe('kept by the copy a');
});

test('a volume is let go once CSI deleted it, and not when a person did', () => {
  const of = (annotations?: Record<string, string>, deletionTimestamp?: string): LocalVolume => ({
    ...volume({}),
    metadata: { name: 'a', ...(annotations && { annotations }), ...(deletionTimestamp && { deletionTimestamp }) },
  });
  const then = '2026-01-01T00:00:00Z';
  expect(isLetGo(of({ [KEEP]: UNTIL_DELETE_VOLUME }))).toBe(false);
  expect(isLetGo(of({ [KEEP]: UNTIL_DELETE_VOLUME }, then))).toBe(false);
  expect(isLetGo(of({ [KEEP]: 'kept by snapshot b' }, then))).toBe(true);
  expect(isLetGo(of(undefined, then))).toBe(true);
});
