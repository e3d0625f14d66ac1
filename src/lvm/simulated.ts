import { present } from '../model/present.ts';
import type { StateFile } from '../exec/state-file.ts';
import { oneByOne } from './create-volumes.ts';
import type { Lvm } from './lvm.ts';
import { FILLED_TAG, OUR_TAG } from './names.ts';
import {
  reportOf,
  withDevices,
  withGroup,
  withVolume,
  withVolumeActive,
  withTag,
  withVolumeGrown,
  withoutVolume,
  type SimulatedStorage,
} from './simulated-groups.ts';
import {
  createTogether,
  fillOf,
  withAllGoing,
  withSnapshot,
  withSnapshotSplit,
  withSuspended,
  withUnfinished,
} from './simulated-snapshots.ts';

/**
 * LVM without LVM: groups and volumes are entries of one JSON file, which also lists the disks (disk/simulated.ts). For
 * the sandbox and for tests; needs no root, and holds what was written when its process is killed.
 */
export function createSimulatedLvm(state: StateFile<SimulatedStorage>): Lvm {
  return {
    report: async (signal) => reportOf(await state.read(signal)),
    createGroup: ({ name, devices }, signal) => state.update((before) => withGroup(before, name, devices), signal),
    extendGroup: ({ name, uuid, devices }, signal) => {
      const ref = { vgName: name, ...present({ vgUuid: uuid }) };
      return state.update((before) => withDevices(before, ref, devices), signal);
    },
    createVolumes: async (volumes, signal) => {
      const results = await oneByOne(volumes, (volume) => state.update((before) => withVolume(before, volume), signal));
      signal.throwIfAborted();
      return results;
    },
    createSnapshot: (snapshot, signal) => {
      const takenAt = new Date().toISOString();
      return state.update((before) => withSnapshot(before, snapshot, takenAt), signal);
    },
    createSnapshots: (snapshots, signal) =>
      createTogether(
        (deed, always) => state.update(deed, always ? new AbortController().signal : signal),
        snapshots,
        new Date().toISOString(),
      ),
    resumeLeft: (signal) => state.update(withAllGoing, signal),
    finishSnapshot: (volume, signal) => state.update((before) => withUnfinished(before, volume, false), signal),
    adoptVolume: (volume, signal) => state.update((before) => withTag(before, volume, OUR_TAG), signal),
    markFilled: (volume, signal) => state.update((before) => withTag(before, volume, FILLED_TAG), signal),
    splitSnapshot: (volume, signal) => state.update((before) => withSnapshotSplit(before, volume), signal),
    fill: async (signal) => fillOf(await state.read(signal)),
    extendVolume: (volume, signal) => state.update((before) => withVolumeGrown(before, volume), signal),
    activateVolume: (volume, signal) => state.update((before) => withVolumeActive(before, volume), signal),
    refreshVolume: (volume, signal) => state.update((before) => withSuspended(before, volume, false), signal),
    removeVolume: async (volume, signal) => {
      await state.update((before) => withoutVolume(before, volume), signal);
      return true;
    },
  };
}
