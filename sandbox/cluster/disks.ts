import { present } from '../../src/model/present.ts';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { NodeConfig } from '../../src/model/objects.ts';
import { writeLvmConf, type Loops } from './loops.ts';
import type { StoryNode } from '../story/story.ts';

/**
 * The disks of one node: the flags by which its agent finds them, and the device that each disk of the story became.
 */
export interface NodeDisks {
  readonly agentFlags: readonly string[];
  /** Device on this machine by the story's name of the disk, such as `/dev/sdb`. */
  readonly devices: ReadonlyMap<string, string>;
}

/** Makes simulated disks: entries of a file; nothing of the machine is touched. */
export async function simulateDisks({ disks }: StoryNode, directory: string): Promise<NodeDisks> {
  await mkdir(directory, { recursive: true });
  const file = path.join(directory, 'disks.json');
  const entries = disks.map(({ name, size, mediaType, holds }) => ({
    name,
    sizeBytes: size,
    mediaType,
    ...present({ signature: holds }),
  }));
  await writeFile(file, JSON.stringify({ disks: entries, groups: [] }, undefined, 2));
  return { agentFlags: simulatedFlags(directory), devices: new Map(disks.map(({ name }) => [name, name])) };
}

/** Flags of an agent whose disks `simulateDisks` wrote into the directory. */
export const simulatedFlags = (directory: string): string[] => [
  `--simulated-disks=${path.join(directory, 'disks.json')}`,
  `--simulated-mounts=${path.join(directory, 'mounts.json')}`,
];

/** Makes loop devices, for real lvm2. Filesystems stay simulated: without device-mapper there is nothing to mount. */
export async function attachDisks(
  { disks }: StoryNode,
  { directory, loops }: { readonly directory: string; readonly loops: Loops },
  signal: AbortSignal,
): Promise<NodeDisks> {
  const lvmDirectory = path.join(directory, 'lvm');
  await mkdir(lvmDirectory, { recursive: true });
  const devices = new Map<string, string>();
  for (const disk of disks)
    devices.set(disk.name, await loops.attach(disk, path.join(directory, `${path.basename(disk.name)}.img`), signal));
  await writeLvmConf(lvmDirectory, [...devices.values()]);
  const names = [...devices.values()].map((device) => path.basename(device)).join('|');
  return {
    agentFlags: [
      `--lvm-system-dir=${lvmDirectory}`,
      `--regexp=^(${names})$`,
      `--simulated-mounts=${path.join(directory, 'mounts.json')}`,
    ],
    devices,
  };
}

/** Replaces the story's disk names in a configuration by this machine's devices. */
export function withDevices<T extends NodeConfig>(config: T, devices: ReadonlyMap<string, string>): T {
  const init = config.resourceToBeInited;
  if (!init) return config;
  const real = (name: string): string => devices.get(name) ?? name;
  return {
    ...config,
    resourceToBeInited: {
      ...init,
      ...(init.vgs ? { vgs: init.vgs.map((vg) => ({ ...vg, devices: vg.devices.map(real) })) } : {}),
    },
  };
}
