import { readFileSync } from 'node:fs';
import type { Bytes } from '../model/bytes.ts';
import type { Run } from '../exec/run.ts';
import { createThrottles, type Throttles } from '../cgroup/throttles.ts';
import type { Disks } from '../disk/disks.ts';
import { createStateFile } from '../exec/state-file.ts';
import { isDetached } from '../disk/detached.ts';
import { createHostDisks } from '../disk/host-disks.ts';
import { createSimulatedDisks } from '../disk/simulated.ts';
import { createLvm, type Lvm, type LvmOptions } from '../lvm/lvm.ts';
import { volumeDevicePath } from '../lvm/names.ts';
import { createSimulatedLvm } from '../lvm/simulated.ts';
import type { SimulatedStorage } from '../lvm/simulated-groups.ts';
import type { Filesystems } from '../mount/filesystem.ts';
import { createHostFilesystems } from '../mount/host-filesystems.ts';
import { createHostMounts, type Mounts } from '../mount/mounts.ts';
import { createSimulatedMounts } from '../mount/simulated.ts';
import type { AgentConfig } from './config.ts';

/** What the agent does to its machine, or to the picture of one. */
export interface Ports {
  readonly lvm: Lvm;
  readonly disks: Disks;
  readonly mounts: Mounts;
  readonly filesystems: Filesystems;
  /** Names the time since the machine was started. */
  readonly boot: string;
  /** Absent: nothing can be limited, because nothing is real. */
  readonly throttles?: Throttles;
}

/** The real ports, or simulated ones where the configuration asks for them. */
export function createPorts(
  config: Pick<AgentConfig, 'lvmSystemDir' | 'removedData' | 'simulatedDisks' | 'simulatedMounts' | 'cgroupRoot'>,
  run: Run,
  onCommand: NonNullable<LvmOptions['onCommand']>,
): Ports {
  const { lvmSystemDir, removedData, simulatedDisks, simulatedMounts, cgroupRoot } = config;
  const boot = readBoot();
  const systemDir = lvmSystemDir === undefined ? {} : { systemDir: lvmSystemDir };
  const state = simulatedDisks === undefined ? undefined : createStateFile<SimulatedStorage>(simulatedDisks);
  const lvm =
    state === undefined
      ? createLvm({ run, boot, onCommand, isDetached: (device) => isDetached('/sys', device), ...systemDir })
      : createSimulatedLvm(state);
  const disks = state === undefined ? createHostDisks(run, removedData) : createSimulatedDisks(state);
  if (simulatedMounts === undefined)
    return {
      lvm,
      disks,
      boot,
      mounts: createHostMounts(run),
      filesystems: createHostFilesystems(run),
      throttles: createThrottles(cgroupRoot),
    };
  const sizeOf = (device: string, signal: AbortSignal): Promise<Bytes | undefined> =>
    sizeOfDevice({ lvm, disks }, device, signal);
  const { forget, ...simulated } = createSimulatedMounts({ file: simulatedMounts, sizeOf });
  const wipe: Disks['wipe'] = async (device, signal) => {
    await disks.wipe(device, signal);
    await forget(device.path, signal);
  };
  return { lvm, disks: { ...disks, wipe }, boot, ...simulated };
}

/** A new one with every start of the machine; the same in every container of it (random(4)). */
function readBoot(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}

/** Size of a disk or of a logical volume, which need not be active. */
async function sizeOfDevice({ lvm, disks }: Pick<Ports, 'lvm' | 'disks'>, device: string, signal: AbortSignal) {
  const disk = (await disks.list(signal)).find(({ path }) => path === device);
  if (disk) return disk.size;
  const { groups } = await lvm.report(signal);
  const volumes = groups.flatMap((group) =>
    group.volumes.map((volume) => ({ ...volume, path: volumeDevicePath(group.name, volume.name) })),
  );
  return volumes.find(({ path }) => path === device)?.size;
}
