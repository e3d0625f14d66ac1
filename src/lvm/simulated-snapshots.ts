import { bytes } from '../model/bytes.ts';
import { present } from '../model/present.ts';
import { largestStore } from '../model/snapshot-store.ts';
import type { NewSnapshot } from './argv.ts';
import type { SnapshotFill } from './fill.ts';
import { groupOf as chosenGroup } from './commands.ts';
import { assertUnused } from './group-snapshot.ts';
import { OUR_TAG, UNFINISHED_TAG, lvmName } from './names.ts';
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

/** Volumes that let nothing through from now on, or go on. Throws Fault `not-found`. */
export function withSuspended(state: SimulatedStorage, ref: VolumeRef, suspended: boolean): SimulatedStorage {
  return changeGroup(state, ref, (group) => {
    const found = volumeIn(group, ref);
    const { suspended: before, ...going } = found;
    if ((before === true) === suspended) return group;
    const changed: SimulatedVolume = suspended ? { ...going, suspended } : going;
    return { ...group, volumes: group.volumes.map((candidate) => (candidate === found ? changed : candidate)) };
  });
}

/** The volume is taken for finished, or not. Throws Fault `not-found`. */
export function withUnfinished(state: SimulatedStorage, ref: VolumeRef, unfinished: boolean): SimulatedStorage {
  return changeGroup(state, ref, (group) => {
    const found = volumeIn(group, ref);
    if (found.tags.includes(UNFINISHED_TAG) === unfinished) return group;
    const others = found.tags.filter((tag) => tag !== UNFINISHED_TAG);
    const changed = { ...found, tags: unfinished ? [...others, UNFINISHED_TAG] : others };
    return { ...group, volumes: group.volumes.map((candidate) => (candidate === found ? changed : candidate)) };
  });
}

const originOf = ({ vgName, vgUuid, origin, originUuid }: NewSnapshot): VolumeRef => ({
  vgName,
  name: origin,
  ...present({ vgUuid, uuid: originUuid }),
});

/**
 * As group-snapshot.ts does it, one change after another, so that it can be cut between any two. `always`: also when
 * the call was given up. Throws Fault as Lvm.createSnapshots.
 */
export async function createTogether(
  change: (deed: (state: SimulatedStorage) => SimulatedStorage, always?: 'always') => Promise<void>,
  snapshots: readonly NewSnapshot[],
  takenAt: string,
): Promise<void> {
  try {
    for (const wanted of snapshots)
      await change((state) => {
        const group = chosenGroup(
          (state.groups ?? []).map((each) => groupOf(state, each)),
          wanted,
        );
        assertOrigin(wanted, group);
        assertUnused(wanted, group);
        return withSuspended(state, originOf(wanted), true);
      });
    for (const wanted of snapshots)
      await change((state) =>
        withSuspended(withUnfinished(withSnapshot(state, wanted, takenAt), wanted, true), originOf(wanted), false),
      );
  } finally {
    const isThere = ({ groups = [] }: SimulatedStorage, { vgName, origin }: NewSnapshot): boolean =>
      groups.some(({ name, volumes }) => name === vgName && volumes.some((volume) => volume.name === origin));
    await change(
      (state) =>
        snapshots
          .filter((wanted) => isThere(state, wanted))
          .reduce((now, wanted) => withSuspended(now, originOf(wanted), false), state),
      'always',
    );
  }
  for (const wanted of snapshots) await change((state) => withUnfinished(state, wanted, false));
}

/** All volumes go on. */
export function withAllGoing(state: SimulatedStorage): SimulatedStorage {
  const stopped = (state.groups ?? []).flatMap((group) =>
    group.volumes.flatMap(({ name, suspended }) =>
      suspended ? [{ vgName: group.name, vgUuid: uuidOf(group), name }] : [],
    ),
  );
  return stopped.reduce((now, ref) => withSuspended(now, ref, false), state);
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
