import { NO_TROUBLES } from '../../model/storage-troubles.ts';
import { expect, test } from 'vitest';
import type { Occurrence } from '../../kube/events/event-object.ts';
import { bytes, GIB, MIB } from '../../model/bytes.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { silentLog, type LogFields } from '../../model/log.ts';
import type { StorageView } from '../follow/views.ts';
import { createUnseenVolumes, isUnseen } from './unseen-volumes.ts';

const volume = (
  changes: { spec?: Partial<LocalVolume['spec']>; status?: LocalVolume['status']; leaving?: boolean } = {},
): LocalVolume => ({
  metadata: { name: 'v', uid: 'u', ...(changes.leaving ? { deletionTimestamp: '2026-11-28T10:00:00Z' } : {}) },
  spec: { nodeName: 'n1', kind: 'LVM', vgName: 'pool-0', sizeBytes: GIB, role: 'Volume', ...changes.spec },
  status: changes.status ?? { phase: 'Ready', sizeBytes: GIB },
});

const node = (volumes: readonly string[], more: Partial<StorageView> = {}): StorageView => ({
  troubles: NO_TROUBLES,
  ...{ name: 'n1', uid: 'n', spec: { nodeName: 'n1' }, problems: [], isOurs: true, disks: { 'pool-0': ['/dev/sdb'] } },
  storage: {
    name: 'n1',
    groups: [
      {
        ...{ name: 'pool-0', total: bytes(8 * GIB), available: bytes(8 * GIB), extentSize: bytes(4 * MIB) },
        reserved: bytes(0),
        volumes: volumes.map((name) => ({ name, size: bytes(GIB) })),
      },
    ],
    units: [],
  },
  ...more,
});
const unmanaged = { storage: { name: 'n1', groups: [], units: [] } };

test.each<[string, LocalVolume, StorageView | undefined, boolean]>([
  ['its group is reported without it', volume(), node(['other']), true],
  ['its group is reported with it', volume(), node(['v']), false],
  ['its group is not reported at all', volume({ spec: { vgName: 'pool-1' } }), node(['v']), true],
  ['nobody manages its group', volume(), node([], unmanaged), false],
  ['its node has no report', volume(), undefined, false],
  ['its node has not reported yet', volume(), node([], { ...unmanaged, disks: {} }), false],
  ['its node is called lost', volume(), node([], { ...unmanaged, lost: 'burnt' }), false],
  ['it is not made yet', volume({ status: { phase: 'Pending' } }), node([]), false],
  ['it is being removed', volume({ leaving: true }), node([]), false],
  ['it mounts a snapshot', volume({ spec: { readOnly: true } }), node([]), false],
  ['it is a whole disk', volume({ spec: { kind: 'Device' } }), node([]), false],
])('whether a volume is missed when %s', (_, of, at, missed) => {
  expect(isUnseen(of, at)).toBe(missed);
});

test('a volume that no report shows is told of at the second look, once, and again when it was back meanwhile', () => {
  const events: Occurrence[] = [];
  const logged: LogFields[] = [];
  const counts: number[] = [];
  let report = node([]);
  const known = new Map([['v', volume()]]);
  const look = createUnseenVolumes({
    informers: { volumes: { values: known }, storages: { get: () => report } } as never,
    events: { record: (event) => void events.push(event) },
    log: { ...silentLog, error: (fields: LogFields) => void logged.push(fields) },
    onLooked: (count) => void counts.push(count),
  });
  look();
  expect(events).toEqual([]);
  look();
  look();
  expect(events).toEqual([expect.objectContaining({ reason: 'VolumeUnseen', type: 'Warning' })]);
  expect(events[0]?.message).toMatch(/node n1 does not report logical volume pool-0\/v/);
  expect(logged).toEqual([{ volume: 'v', node: 'n1' }]);
  report = node(['v']);
  look();
  report = node([]);
  look();
  look();
  expect(events).toHaveLength(2);
  expect(counts).toEqual([0, 1, 1, 0, 0, 1]);
});
