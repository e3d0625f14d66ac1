import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createStateFile } from '../../../src/exec/state-file.ts';
import { run } from '../../../src/exec/run.ts';
import { INIT_CONFIGS } from '../../../src/kube/resource.ts';
import type { SimulatedStorage } from '../../../src/lvm/simulated-groups.ts';
import { createLoopDisks } from '../../lvm/loop-disks.ts';
import { createLoopLvm } from '../../rig/loop-lvm.ts';
import { CHECKOUT } from '../cluster/program.ts';
import { until } from '../cluster/until.ts';
import { startAgentProcess } from './agent-process.ts';
import { POOL, type System } from './system.ts';

export interface LoopNodeOptions {
  readonly name: string;
  /** Size of the disk of its volume group, and of each disk that a volume has for itself, in bytes. */
  readonly groupSize: number;
  readonly diskSizes: readonly number[];
}

export interface LoopNode extends AsyncDisposable {
  /** Socket of its CSI node service. */
  readonly socket: string;
  /** What this kernel takes loop devices for. */
  readonly mediaType: string;
}

const never = new AbortController().signal;
const WITHIN_MS = 60_000;

/**
 * Joins a node whose agent, in a process of its own and with the token of its node, works on loop devices: disks,
 * filesystems and mounts are this machine's own, and only LVM is replaced (createLoopLvm). Needs root. The node offers
 * its group and disks to claims when this resolves.
 */
export async function startLoopNode(system: System, options: LoopNodeOptions): Promise<LoopNode> {
  const { name, groupSize, diskSizes } = options;
  await using started = new AsyncDisposableStack();
  const loops = started.use(await createLoopDisks(groupSize, ...diskSizes));
  const [groupDisk = '', ...disks] = loops.devices;
  const folder = path.join(system.cluster.dir, `${name}-volumes`);
  const stateFile = path.join(system.cluster.dir, `${name}-groups.json`);
  await writeFile(stateFile, JSON.stringify({ disks: [{ name: groupDisk, sizeBytes: groupSize }], groups: [] }));
  started.defer(() => removeVolumes(stateFile, folder));
  await configure(system, name, groupDisk, disks);
  const program = path.join(CHECKOUT, 'test/rig/loop-agent.ts');
  const names = loops.devices.map((device) => path.basename(device)).join('|');
  const agent = started.use(
    await startAgentProcess(
      system,
      [process.execPath, program, stateFile, folder],
      { name, labels: {}, disks: [] },
      async (directory) => [`--regexp=^(${names})$`, `--kubelet-dir=${directory}`, '--registration-endpoint=none'],
    ),
  );
  await untilOffered(system, name, disks);
  const kept = started.move();
  const seen = system.stores.nodeStorages.get(name)?.status?.nodeStorageInfo?.deviceInfo ?? [];
  return {
    socket: path.join(agent.directory, 'csi.sock'),
    mediaType: seen.find((device) => device.name === disks[0])?.mediaType ?? 'hdd',
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** Detaches what volumes were left, also after failures. */
async function removeVolumes(stateFile: string, folder: string): Promise<void> {
  const state = createStateFile<SimulatedStorage>(stateFile);
  const lvm = createLoopLvm({ state, folder, run });
  const { groups } = await lvm.report(never);
  for (const group of groups)
    for (const { name } of group.volumes.toSorted((a, b) => Number(!a.origin) - Number(!b.origin)))
      await lvm.removeVolume({ vgName: group.name, name }, never);
}

async function configure({ client }: System, name: string, groupDisk: string, disks: readonly string[]): Promise<void> {
  const { spec } = await client.get(INIT_CONFIGS, { name: 'open-local' }, never);
  const own = {
    selector: { matchLabels: { 'kubernetes.io/hostname': name } },
    listConfig: { vgs: { include: [POOL] }, devices: { include: [...disks], allowWithoutIdentity: true } },
    resourceToBeInited: { vgs: [{ name: POOL, devices: [groupDisk] }] },
  };
  const body = { spec: { ...spec, nodesConfig: [...(spec?.nodesConfig ?? []), own] } };
  await client.patch(INIT_CONFIGS, { name: 'open-local' }, { type: 'merge', body }, never);
}

const untilOffered = ({ stores }: System, name: string, disks: readonly string[]): Promise<true> =>
  until(
    `${name} offers its group and disks`,
    [stores.nodeStorages],
    WITHIN_MS,
    () => {
      const { filteredStorageInfo } = stores.nodeStorages.get(name)?.status ?? {};
      const { volumeGroups = [], devices = [] } = filteredStorageInfo ?? {};
      return volumeGroups.length === 1 && disks.every((disk) => devices.includes(disk)) ? true : undefined;
    },
    () => stores.nodeStorages.get(name)?.status,
  );
