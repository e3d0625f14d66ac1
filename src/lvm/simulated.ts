import type { StateFile } from '../exec/state-file.ts';
import type { Lvm } from './lvm.ts';
import {
  reportOf,
  withDevices,
  withGroup,
  withVolume,
  withVolumeActive,
  withVolumeGrown,
  withoutVolume,
  type SimulatedStorage,
} from './simulated-groups.ts';

/**
 * LVM without LVM: groups and volumes are entries of one JSON file, which also lists the disks (disk/simulated.ts). For the sandbox and for
 * tests; needs no root, and holds what was written when its process is killed.
 */
export function createSimulatedLvm(state: StateFile<SimulatedStorage>): Lvm {
  return {
    report: async (signal) => reportOf(await state.read(signal)),
    createGroup: ({ name, devices }, signal) => state.update((before) => withGroup(before, name, devices), signal),
    extendGroup: ({ name, devices }, signal) => state.update((before) => withDevices(before, name, devices), signal),
    createVolume: (volume, signal) => state.update((before) => withVolume(before, volume), signal),
    extendVolume: (volume, signal) => state.update((before) => withVolumeGrown(before, volume), signal),
    activateVolume: ({ vgName, name }, signal) =>
      state.update((before) => withVolumeActive(before, vgName, name), signal),
    refreshVolume: () => Promise.resolve(),
    removeVolume: ({ vgName, name }, signal) => state.update((before) => withoutVolume(before, vgName, name), signal),
  };
}
