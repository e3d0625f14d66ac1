import { constants } from 'node:fs';
import { mkdir, open, readdir, rm, rmdir, symlink, unlink } from 'node:fs/promises';
import path from 'node:path';
import { attachLoop } from '../../sandbox/cluster/loops.ts';
import { Fault } from '../../src/model/fault.ts';
import type { Run } from '../../src/exec/run.ts';
import type { StateFile } from '../../src/exec/state-file.ts';
import type { Lvm } from '../../src/lvm/lvm.ts';
import { volumeDevicePath } from '../../src/lvm/names.ts';
import type { LvmVolume } from '../../src/lvm/report.ts';
import { createSimulatedLvm } from '../../src/lvm/simulated.ts';
import type { SimulatedStorage } from '../../src/lvm/simulated-groups.ts';
import { withActiveVolumes } from './active-volumes.ts';

export interface LoopLvmOptions {
  readonly state: StateFile<SimulatedStorage>;
  /** Folder for the volumes' files. */
  readonly folder: string;
  readonly run: Run;
}

const TIMEOUT_MS = 30_000;

/**
 * Simulated LVM whose volumes have block devices, for kernels without device-mapper: each volume is a loop device over
 * a sparse file, under the path of a logical volume. A snapshot is a copy of its origin at that moment. Everything
 * above LVM works on these devices as on real ones. Needs root.
 */
export function createLoopLvm({ state, folder, run }: LoopLvmOptions): Lvm {
  const inner = withActiveVolumes(createSimulatedLvm(state));
  const call = async (argv: readonly string[]): Promise<string> => {
    // Uncut: a loop device of which nobody knows would stay.
    const { stdout } = await run(argv, { timeoutMs: TIMEOUT_MS }, AbortSignal.timeout(TIMEOUT_MS));
    return stdout.trim();
  };
  const loops = createLoopVolumes(folder, run, call);
  let last: Promise<void> = Promise.resolve();
  const sync = async (): Promise<void> => {
    const { groups } = await inner.report(AbortSignal.timeout(TIMEOUT_MS));
    await loops.follow(groups.flatMap((group) => group.volumes.map((volume) => ({ ...volume, vgName: group.name }))));
  };
  /** One after another: each lets the devices follow what the one before made of the volumes. */
  const changing =
    (change: (...args: unknown[]) => Promise<unknown>) =>
    async (...args: unknown[]): Promise<unknown> => {
      const mine = last.then(() => change(...args));
      const followed = mine.then(sync);
      last = followed.catch(() => undefined);
      await followed;
      return mine;
    };
  const removeVolume: Lvm['removeVolume'] = async (volume, signal) => {
    await loops.assertUnused(volumeDevicePath(volume.vgName, volume.name));
    return inner.removeVolume(volume, signal);
  };
  const verbs = Object.entries({ ...inner, removeVolume }).map(([name, verb]) => [
    name,
    name === 'report' ? verb : changing(verb as (...args: unknown[]) => Promise<unknown>),
  ]);
  return Object.fromEntries(verbs) as Lvm;
}

type Volume = LvmVolume & { readonly vgName: string };

/** The loop devices of a folder. Holds no state: what is in the folder was made for a volume. */
function createLoopVolumes(folder: string, run: Run, call: (argv: readonly string[]) => Promise<string>) {
  const imageOf = ({ vgName, name }: Pick<Volume, 'vgName' | 'name'>): string =>
    path.join(folder, vgName, `${name}.img`);

  const add = async (volume: Volume, all: readonly Volume[]): Promise<void> => {
    const image = imageOf(volume);
    await mkdir(path.dirname(image), { recursive: true });
    const origin = all.find(({ vgName, name }) => vgName === volume.vgName && name === volume.origin);
    if (origin) {
      await call(['blockdev', '--flushbufs', volumeDevicePath(origin.vgName, origin.name)]);
      await call(['cp', '--sparse=always', imageOf(origin), image]);
    } else await resize(image, volume.size);
    const device = await attachLoop(run, image);
    const link = volumeDevicePath(volume.vgName, volume.name);
    await mkdir(path.dirname(link), { recursive: true });
    await symlink(device, link);
  };

  const grow = async (volume: Volume): Promise<void> => {
    if (volume.origin) return; // its room grows, and not what is seen in it
    await resize(imageOf(volume), volume.size);
    await call(['losetup', '--set-capacity', await deviceOf(imageOf(volume))]);
  };

  const deviceOf = async (image: string): Promise<string> =>
    (await call(['losetup', '--list', '--noheadings', '--output', 'NAME', '--associated', image])).split('\n')[0] ?? '';

  const drop = async (vgName: string, name: string): Promise<void> => {
    const image = imageOf({ vgName, name });
    const device = await deviceOf(image);
    if (device !== '') await call(['losetup', '--detach', device]);
    const link = volumeDevicePath(vgName, name);
    await unlink(link).catch(() => {});
    await rm(image);
    await rmdir(path.dirname(link)).catch(() => {}); // the last of its group
  };

  return {
    follow: async (volumes: readonly Volume[]): Promise<void> => {
      const there = await imagesIn(folder);
      const isThere = (volume: Volume): boolean =>
        there.some(({ vgName, name }) => vgName === volume.vgName && name === volume.name);
      for (const { vgName, name } of there)
        if (!volumes.some((volume) => volume.vgName === vgName && volume.name === name)) await drop(vgName, name);
      for (const volume of volumes) await (isThere(volume) ? grow(volume) : add(volume, volumes));
    },
    /** Throws Fault `precondition` while the device is mounted or otherwise in use, as lvremove does. */
    assertUnused: async (device: string): Promise<void> => {
      try {
        const handle = await open(device, constants.O_RDONLY | constants.O_EXCL);
        await handle.close();
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === 'EBUSY') throw new Fault('precondition', `${device} is in use`, { cause: error });
        if (code !== 'ENOENT') throw error;
      }
    },
  };
}

async function resize(image: string, size: number): Promise<void> {
  const file = await open(image, 'a');
  await file.truncate(size);
  await file.close();
}

async function imagesIn(folder: string): Promise<{ readonly vgName: string; readonly name: string }[]> {
  const groups = await readdir(folder).catch(() => []);
  const images = await Promise.all(
    groups.map(async (vgName) => {
      const files = await readdir(path.join(folder, vgName));
      return files.map((file) => ({ vgName, name: file.replace(/\.img$/, '') }));
    }),
  );
  return images.flat();
}
