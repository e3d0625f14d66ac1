import { bytes } from '../model/bytes.ts';
import { largestStore } from '../model/snapshot-store.ts';
import type { NewSnapshot } from './argv.ts';
import type { SnapshotFill } from './fill.ts';
import { OUR_TAG, lvmName } from './names.ts';
import type { VolumeRef } from './same-volume.ts';
import {
  EXTENT,
  allocate,
  changeGroup,
  groupOf,
  uuidOf,
  volumeIn,
  type SimulatedStorage,
  type SimulatedVolume,
} from './simulated-groups.ts';
import { assertOrigin, assertSameSnapshot } from './snapshots.ts';

/** Sectors that lvm's store has in use as soon as it is made: its header and its first list of chunks. */
const EMPTY_STORE_BYTES = 8192;

/** `takenAt`: RFC 3339. Throws Fault as Lvm.createSnapshot. */
export function withSnapshot(state: SimulatedStorage, wanted: NewSnapshot, takenAt: string): SimulatedStorage {
  return changeGroup(state, wanted, (group) => {
    const view = groupOf(state, group);
    assertOrigin(wanted, view);
    const found = view.volumes.find(({ name }) => name === lvmName(wanted.name));
    if (found) {
      assertSameSnapshot(wanted, found);
      return group;
    }
    const originSize = view.volumes.find(({ name }) => name === wanted.origin)?.size ?? bytes(0);
    const store = Math.min(wanted.sizeBytes, largestStore(originSize));
    const volume: SimulatedVolume = {
      name: wanted.name,
      uuid: `${uuidOf(group)}-${wanted.name}-${group.changes ?? 0}`,
      tags: [OUR_TAG],
      stripes: 1,
      segments: allocate(view, Math.ceil(store / EXTENT), 1),
      snapshot: { origin: wanted.origin, originSize, takenAt, usedBytes: EMPTY_STORE_BYTES },
    };
    return { ...group, volumes: [...group.volumes, volume] };
  });
}

/** Throws Fault `not-found`. */
export function withSnapshotSplit(state: SimulatedStorage, ref: VolumeRef): SimulatedStorage {
  return changeGroup(state, ref, (group) => {
    const found = volumeIn(group, ref);
    if (!found.snapshot) return group;
    const { snapshot: _, ...plain } = found;
    return { ...group, volumes: group.volumes.map((candidate) => (candidate === found ? plain : candidate)) };
  });
}

/** What the kernel would say of the stores. */
export function fillOf({ groups = [] }: SimulatedStorage): readonly SnapshotFill[] {
  return groups.flatMap(({ name: vgName, volumes }) =>
    volumes.flatMap(({ name, snapshot, segments }) => {
      if (!snapshot) return [];
      const storeBytes = bytes(segments.reduce((sum, { extents }) => sum + extents, 0) * EXTENT);
      const { usedBytes = EMPTY_STORE_BYTES, overflowed = false } = snapshot;
      return [{ vgName, name, storeBytes, usedBytes: bytes(usedBytes), overflowed }];
    }),
  );
}
