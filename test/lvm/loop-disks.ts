import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { attachLoop } from '../../sandbox/cluster/loops.ts';
import { run } from '../../src/exec/run.ts';

const never = new AbortController().signal;
const command = async (...argv: string[]): Promise<string> =>
  (await run(argv, { timeoutMs: 30_000, env: { LVM_SUPPRESS_FD_WARNINGS: '1' } }, never)).stdout.trim();

/** Loop devices over sparse files, and an LVM_SYSTEM_DIR by which lvm sees these and nothing else of the machine. */
export interface LoopDisks extends AsyncDisposable {
  /** Devices such as `/dev/loop3`, in the order of the sizes, and of lvm's reports. */
  readonly devices: readonly string[];
  readonly systemDir: string;
  /** Bytes of the whole device. */
  checksum(device: string): Promise<string>;
  /** Runs a program of the machine; resolves to its stdout. */
  readonly command: typeof command;
  /** The lvm program as a person would use it on these disks. */
  lvm(...args: string[]): Promise<string>;
}

/**
 * Makes loop devices of these sizes in bytes. LVM works without device-mapper here: where the kernel has none it still
 * does all its metadata.
 */
export async function createLoopDisks(...sizes: readonly number[]): Promise<LoopDisks> {
  const folder = await mkdtemp(path.join(tmpdir(), 'open-local-lvm-'));
  const made: { readonly device: string; readonly image: string }[] = [];
  const dispose = async (): Promise<void> => {
    for (const { device } of made) await command('losetup', '--detach', device).catch(() => {});
    await rm(folder, { recursive: true, force: true });
  };
  try {
    for (const index of sizes.keys()) {
      const image = path.join(folder, `disk-${index}.img`);
      await writeFile(image, '');
      made.push({ device: await attachLoop(run, image), image });
    }
    // As lvm sorts them: loop10 comes before loop9.
    made.sort((a, b) => (a.device < b.device ? -1 : 1));
    for (const [index, { device, image }] of made.entries()) {
      await truncate(image, sizes[index]);
      await command('losetup', '--set-capacity', device);
    }
    const devices = made.map(({ device }) => device);
    const systemDir = path.join(folder, 'lvm');
    await mkdir(systemDir);
    const filter = [...devices.map((device) => `"a|^${device}$|"`), '"r|.*|"'].join(', ');
    // Groups of one name are in several tests at once: neither the locks on it are theirs, nor hints where it is.
    const locks = path.join(folder, 'locks');
    await mkdir(locks);
    await writeFile(
      path.join(systemDir, 'lvm.conf'),
      `global { activation = 0 locking_dir = "${locks}" }\n` +
        `devices { use_devicesfile = 0 hints = "none" global_filter = [ ${filter} ] }\n` +
        `backup { backup = 0 archive = 0 }\n`,
    );
    const env = { LVM_SYSTEM_DIR: systemDir, LVM_SUPPRESS_FD_WARNINGS: '1' };
    return {
      devices,
      systemDir,
      checksum,
      command,
      lvm: async (...args) => (await run(['lvm', ...args], { timeoutMs: 30_000, env }, never)).stdout,
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

async function checksum(device: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(device)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
