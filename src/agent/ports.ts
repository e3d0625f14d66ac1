import { readFileSync } from 'node:fs';
import path from 'node:path';
import { bytes, type Bytes } from '../model/bytes.ts';
import { LUKS_HEADER } from '../model/encryption.ts';
import { createHostCopier, createSimulatedCopier, type Copier } from '../copy/copier.ts';
import type { Run } from '../exec/run.ts';
import { createThrottles, type Throttles } from '../cgroup/throttles.ts';
import type { Crypt } from '../crypt/crypt.ts';
import { createHostCrypt } from '../crypt/host-crypt.ts';
import { createSimulatedCrypt } from '../crypt/simulated.ts';
import type { Disks } from '../disk/disks.ts';
import { createStateFile } from '../exec/state-file.ts';
import { isDetached } from '../disk/detached.ts';
import { createHostDisks } from '../disk/host-disks.ts';
import { filesystemErrors, readKernelSigns } from '../disk/kernel-signs.ts';
import { createSmart } from '../disk/smart.ts';
import { createSimulatedDisks } from '../disk/simulated.ts';
import { createHost, type Host } from '../host/host.ts';
import { createLvm, type Lvm, type LvmOptions } from '../lvm/lvm.ts';
import { volumeDevicePath } from '../lvm/names.ts';
import { createSimulatedLvm } from '../lvm/simulated.ts';
import type { SimulatedStorage } from '../lvm/simulated-groups.ts';
import type { Filesystems } from '../mount/filesystem.ts';
import { deviceNumber } from '../mount/device-number.ts';
import { createHostFilesystems } from '../mount/host-filesystems.ts';
import { createHostMounts, type Mounts } from '../mount/mounts.ts';
import { createSimulatedMounts } from '../mount/simulated.ts';
import type { AgentConfig } from './config.ts';
import { copiedDisks } from './copied-disks.ts';
import { forgottenVolumes } from './storage/forgotten-volumes.ts';
import { lvmDevices, withoutTenantsGroups } from './lvm-devices.ts';
import { knownGroups, withDoubts } from './storage/group-doubt.ts';
import type { HealthSigns } from './storage/disk-health.ts';
import type { OwnObjects } from './own-objects.ts';

/** What the agent does to its machine, or to the picture of one. */
export interface Ports {
  readonly lvm: Lvm;
  readonly disks: Disks;
  readonly mounts: Mounts;
  readonly filesystems: Filesystems;
  readonly crypt: Crypt;
  readonly copier: Copier;
  /** Names the time since the machine was started. */
  readonly boot: string;
  /** Absent: nothing can be limited, because nothing is real. */
  readonly throttles?: Throttles;
  /** Absent: nothing is real. */
  readonly host?: Host;
  /** What tells of the health of disks; absent: nothing is real. */
  readonly signs?: HealthSigns;
}

type PortsConfig = Pick<
  AgentConfig,
  | 'nodeName'
  | 'csiEndpoint'
  | 'pattern'
  | 'copyBandwidth'
  | 'lvmSystemDir'
  | 'removedData'
  | 'simulatedDisks'
  | 'simulatedMounts'
  | 'cgroupRoot'
>;

export interface PortsDeps {
  readonly run: Run;
  readonly onCommand: NonNullable<LvmOptions['onCommand']>;
  /** They say which devices lvm may look at: lvm-devices.ts. */
  readonly objects: {
    readonly node: Pick<OwnObjects['node'], 'get'>;
    readonly volumes: Pick<OwnObjects['volumes'], 'values'>;
  };
}

/** The real ports, or simulated ones where the configuration asks for them. */
export function createPorts(config: PortsConfig, deps: PortsDeps): Ports {
  const { removedData, simulatedDisks, simulatedMounts, cgroupRoot } = config;
  const { run, objects } = deps;
  const boot = readBoot();
  const state = simulatedDisks === undefined ? undefined : createStateFile<SimulatedStorage>(simulatedDisks);
  const disks = state === undefined ? createHostDisks(run, removedData) : createSimulatedDisks(state);
  const seen = state === undefined ? createHostLvm(config, disks, boot, deps) : createSimulatedLvm(state);
  const lvm: Lvm = {
    ...seen,
    report: async (signal) => {
      const nls = objects.node.get(config.nodeName);
      const volumes = [...objects.volumes.values.values()];
      const all = await seen.report(signal);
      const isOffering = nls?.spec?.listConfig?.devices?.include?.length;
      const known = knownGroups(nls?.status, volumes);
      const report = isOffering
        ? withoutTenantsGroups(all, { devices: await disks.list(signal), volumes, nls, known })
        : all;
      const isThere = (uuid: string): boolean => all.groups.some((group) => group.uuid === uuid);
      const absent = [...known].flatMap(([name, uuid]) => (isThere(uuid) ? [] : [name]));
      const copies = all.duplicates ? copiedDisks(all, await disks.list(signal)) : [];
      const forgotten = await forgottenVolumes(all.groups, volumes, () => disks.list(signal));
      return { ...report, absent, groups: withDoubts(report.groups, known, { boot, copies, forgotten }) };
    },
  };
  if (simulatedMounts === undefined)
    return {
      lvm,
      disks,
      boot,
      mounts: createHostMounts(run),
      filesystems: createHostFilesystems(run),
      crypt: createHostCrypt(run),
      copier: createHostCopier({ run, bytesPerSecond: config.copyBandwidth }),
      throttles: createThrottles(cgroupRoot),
      ...(state === undefined ? { host: hostOf(cgroupRoot, run), signs: signsOf(run) } : {}),
    };
  return { lvm, boot, ...simulatedContent(simulatedMounts, { lvm, disks }), copier: createSimulatedCopier() };
}

/** The root folder of the machine's first process is the machine's own, in the agent's container too. */
const hostOf = (cgroup: string, run: Run): Host =>
  createHost({
    run,
    folders: { root: '/proc/1/root', sys: '/sys', proc: '/proc', cgroup },
    now: () => performance.now(),
  });

const signsOf = (run: Run): HealthSigns => ({
  kernel: (name, signal) => readKernelSigns('/sys', name, signal),
  filesystemErrors: (signal) => filesystemErrors('/sys', signal),
  smart: createSmart(run),
});

/** What is on disks and logical volumes, mounted or open. */
function simulatedContent(
  file: string,
  { lvm, disks }: Pick<Ports, 'lvm' | 'disks'>,
): Pick<Ports, 'disks' | 'mounts' | 'filesystems' | 'crypt'> {
  const crypt = createSimulatedCrypt(`${file}.luks`);
  const sizeOf = async (device: string, signal: AbortSignal): Promise<Bytes | undefined> => {
    const below = await crypt.deviceBelow(device, signal);
    const size = await sizeOfDevice({ lvm, disks }, below ?? device, signal);
    return below === undefined || size === undefined ? size : bytes(size - LUKS_HEADER);
  };
  const shownBy = async (device: string, signal: AbortSignal): Promise<string> =>
    (await volumeAt(lvm, device, signal))?.originPath ?? device;
  const { forget, mounts, filesystems } = createSimulatedMounts({ file, sizeOf, shownBy });
  const probe: Filesystems['probe'] = async (device, signal) => {
    const header = await crypt.header(device, signal);
    return header ? { kind: 'other', what: 'crypto_LUKS', uuid: header.uuid } : filesystems.probe(device, signal);
  };
  const forgetting =
    (verb: 'wipe' | 'erase'): Disks['wipe'] =>
    async (device, signal) => {
      await disks[verb](device, signal);
      await forget(device.path, signal);
      await crypt.forget(device.path, signal);
    };
  const format: Crypt['format'] = async (device, wanted, signal) => {
    await crypt.format(device, wanted, signal);
    await forget(`/dev/mapper/open-local-${wanted.uuid}`, signal); // under a new key the old content is noise
  };
  const erasing = { wipe: forgetting('wipe'), erase: forgetting('erase') };
  return {
    disks: { ...disks, ...erasing },
    mounts,
    filesystems: { ...filesystems, probe },
    crypt: { ...crypt, format },
  };
}

function createHostLvm(
  { nodeName, csiEndpoint, pattern, lvmSystemDir }: PortsConfig,
  disks: Disks,
  boot: string,
  { run, onCommand, objects }: PortsDeps,
): Lvm {
  const devices = async (signal: AbortSignal): Promise<readonly string[]> => {
    const wanted = objects.node.get(nodeName)?.spec?.resourceToBeInited?.vgs ?? [];
    const paths = wanted.flatMap((group) => group.devices);
    const named = await Promise.all(paths.map(async (path) => (await disks.resolve(path, signal)) ?? path));
    const found = await disks.list(signal);
    return lvmDevices({
      devices: found,
      volumes: objects.volumes.values.values(),
      named: new Set(named),
      pattern,
    });
  };
  const systemDir = lvmSystemDir === undefined ? {} : { systemDir: lvmSystemDir };
  return createLvm({
    run,
    ...keptBeside(csiEndpoint),
    boot,
    onCommand,
    devices,
    isDetached: (device) => isDetached('/sys', device),
    isDevice: async (device) => (await deviceNumber(device).catch(() => 'not known')) !== undefined,
    ...systemDir,
  });
}

/** Beside the agent's socket, in a folder of the machine that stays when the agent's container goes. */
const keptBeside = (endpoint: PortsConfig['csiEndpoint']): Pick<LvmOptions, 'stopped' | 'backupDir'> =>
  endpoint?.kind === 'unix'
    ? {
        backupDir: path.join(path.dirname(endpoint.path), 'lvm-backup'),
        stopped: createStateFile<readonly string[]>(
          path.join(path.dirname(endpoint.path), 'stopped-volumes.json'),
          [],
          {
            mayBeLost: true, // lvm's report tells of stopped volumes, too
          },
        ),
      }
    : {};

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
  const found = await volumeAt(lvm, device, signal);
  return found?.snapshot?.originSize ?? found?.size;
}

async function volumeAt(lvm: Pick<Lvm, 'report'>, device: string, signal: AbortSignal) {
  const { groups } = await lvm.report(signal);
  const volumes = groups.flatMap(({ name: vgName, volumes: own }) =>
    own.map((volume) => {
      const originPath = volume.origin === undefined ? undefined : volumeDevicePath(vgName, volume.origin);
      return { ...volume, path: volumeDevicePath(vgName, volume.name), originPath };
    }),
  );
  return volumes.find(({ path }) => path === device);
}
