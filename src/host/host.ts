import { readdir, readFile, readlink, access } from 'node:fs/promises';
import { release } from 'node:os';
import path from 'node:path';
import type { Run } from '../exec/run.ts';
import { present } from '../model/present.ts';
import { DEFAULT_FOLDER, folderByMounts, kubeletFolder } from './kubelet.ts';
import { isRejected, parseLvmConf, pvidsIn, type LvmConf } from './lvm-conf.ts';
import { standingOf, WANTED_MODULES, wantedLines } from './modules.ts';

/** What else of a machine decides whether volumes can be made, beside its disks. Only ever read. */
export interface Host {
  read(signal: AbortSignal): Promise<HostFacts>;
}

export interface HostFacts {
  readonly kernel: string;
  readonly lvmVersion?: string;
  /** Modules that are there and not loaded, and modules that are not there. */
  readonly loadable: readonly string[];
  readonly missing: readonly string[];
  readonly cgroup?: CgroupFacts;
  /** Of the kubelet that runs here. */
  readonly kubeletFolder?: string;
  /** The lvm of the machine itself uses lvmetad. */
  readonly lvmetad: boolean;
  /** What hides a physical volume from the lvm of the machine itself; undefined where nothing does. */
  readonly hides: (names: readonly string[], pvid: string) => HiddenBy | undefined;
}

export type HiddenBy = 'filter' | 'devices file';

export interface CgroupFacts {
  readonly version: 1 | 2;
  /** IO of pods can be limited. */
  readonly io: boolean;
  /** By the folders that the kubelet made; absent where it made none. */
  readonly driver?: 'systemd' | 'cgroupfs';
}

export interface HostFolders {
  /** The machine's own root folder as it is seen here: `/proc/1/root`. */
  readonly root: string;
  readonly sys: string;
  readonly proc: string;
  readonly cgroup: string;
}

export interface HostOptions {
  readonly run: Run;
  readonly folders: HostFolders;
  /** Ms that only ever grow. */
  readonly now: () => number;
}

/** Files are read again after so long: an administrator who mends something sees it soon. */
const FRESH_MS = 20_000;
/** Every process of the machine is looked at to find the kubelet. */
const KUBELET_FRESH_MS = 600_000;

/** The machine as the agent's container sees it: privileged, and with the machine's own processes. */
export function createHost({ run, folders, now }: HostOptions): Host {
  const lvmVersion = kept(Number.POSITIVE_INFINITY, now, (signal) => readLvmVersion(run, signal));
  const kubelet = kept(KUBELET_FRESH_MS, now, () => findKubelet(folders));
  const lists = kept(Number.POSITIVE_INFINITY, now, () => readModuleLists(folders.root));
  const facts = kept(FRESH_MS, now, async (signal): Promise<HostFacts> => {
    const [version, folder, modules, lvm, cgroup] = await Promise.all([
      lvmVersion(signal),
      kubelet(signal),
      lists(signal).then((known) => readModules(folders, known)),
      readLvm(folders.root),
      readCgroup(folders.cgroup),
    ]);
    return {
      ...{ kernel: release(), ...modules, ...lvm },
      ...present({ lvmVersion: version, kubeletFolder: folder, cgroup }),
    };
  });
  return { read: facts };
}

/** Asks again when the answer is older; a failure is not kept. */
function kept<T>(freshMs: number, now: () => number, ask: (signal: AbortSignal) => Promise<T>) {
  let last: { readonly at: number; readonly answer: T } | undefined;
  return async (signal: AbortSignal): Promise<T> => {
    if (last && now() - last.at < freshMs) return last.answer;
    const answer = await ask(signal);
    last = { at: now(), answer };
    return answer;
  };
}

async function readLvmVersion(run: Run, signal: AbortSignal): Promise<string | undefined> {
  const { stdout } = await run(['lvm', 'version'], { timeoutMs: 10_000 }, signal);
  return /LVM version:\s*(\S+)/.exec(stdout)?.[1];
}

async function findKubelet({ proc, root }: HostFolders): Promise<string | undefined> {
  const processes = (await readdir(proc)).filter((name) => /^\d+$/.test(name));
  for (const pid of processes) {
    const command = await textOf(path.join(proc, pid, 'cmdline'));
    const folder = command === undefined ? undefined : kubeletFolder(command.split('\0'));
    if (folder !== undefined) return folder;
  }
  const folder = folderByMounts((await textOf(path.join(proc, '1/mountinfo'))) ?? '');
  const linked = await readlink(path.join(root, DEFAULT_FOLDER)).catch(() => undefined);
  return folder !== undefined && folder === linked ? DEFAULT_FOLDER : folder; // the table has no links
}

interface ModuleLists {
  readonly builtin: string | undefined;
  readonly dep: string | undefined;
}

async function readModuleLists(root: string): Promise<ModuleLists> {
  const folder = path.join(root, 'lib/modules', release());
  const [builtin, dep] = await Promise.all(
    ['modules.builtin', 'modules.dep'].map(async (name) => {
      const list = await textOf(path.join(folder, name));
      return list === undefined ? undefined : wantedLines(list);
    }),
  );
  return { builtin, dep };
}

async function readModules({ sys, proc }: HostFolders, lists: ModuleLists) {
  const loaded = new Set(await readdir(path.join(sys, 'module')).catch(() => []));
  const filesystems = (await textOf(path.join(proc, 'filesystems'))) ?? '';
  const all = WANTED_MODULES.map((name) => ({ name, standing: standingOf(name, { loaded, filesystems, ...lists }) }));
  const those = (wanted: string): string[] => all.flatMap(({ name, standing }) => (standing === wanted ? [name] : []));
  return { loadable: those('loadable'), missing: those('missing') };
}

async function readLvm(root: string): Promise<Pick<HostFacts, 'lvmetad' | 'hides'>> {
  const etc = path.join(root, 'etc/lvm');
  const texts = await Promise.all(['lvm.conf', 'lvmlocal.conf'].map((name) => textOf(path.join(etc, name))));
  const conf = parseLvmConf(texts.filter((text) => text !== undefined));
  const devices = conf.useDevicesFile === false ? undefined : await textOf(path.join(etc, 'devices', conf.devicesFile));
  const lvmetad = conf.useLvmetad || (await exists(path.join(root, 'run/lvm/lvmetad.socket')));
  return { lvmetad, hides: hiding(conf, devices) };
}

function hiding({ filters }: LvmConf, devicesFile: string | undefined): HostFacts['hides'] {
  const pvids = devicesFile === undefined ? undefined : pvidsIn(devicesFile);
  return (names, pvid) => {
    if (filters.some((filter) => isRejected(filter, names))) return 'filter';
    return pvids && !pvids.has(pvid.replaceAll('-', '')) ? 'devices file' : undefined;
  };
}

async function readCgroup(root: string): Promise<CgroupFacts | undefined> {
  const controllers = await textOf(path.join(root, 'cgroup.controllers'));
  const old = (await exists(path.join(root, 'blkio/blkio.throttle.read_bps_device')))
    ? path.join(root, 'blkio')
    : undefined;
  if (controllers === undefined && old === undefined) return undefined;
  const io = old !== undefined || (controllers ?? '').trim().split(' ').includes('io');
  const folder = old ?? root;
  const isThere = (name: string): Promise<boolean> => exists(path.join(folder, name));
  const [systemd, cgroupfs] = await Promise.all([isThere('kubepods.slice'), isThere('kubepods')]);
  const driver: CgroupFacts['driver'] = systemd ? 'systemd' : cgroupfs ? 'cgroupfs' : undefined;
  return { version: old === undefined ? 2 : 1, io, ...present({ driver }) };
}

const textOf = (file: string): Promise<string | undefined> => readFile(file, 'utf8').catch(() => undefined);

const exists = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );
