import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const BUILD_MS = 600_000;

/** Image from which a node starts; it is never written to. */
export interface Image {
  readonly kernel: string;
  readonly initrd: string;
  /** A raw ext4 filesystem. */
  readonly root: string;
}

/** What the virtual machine needs of this machine. The machine's own packages come into its image by themselves. */
const NEEDED = ['qemu-system-x86', 'qemu-utils', 'mmdebstrap', 'e2fsprogs', 'cpio', 'kmod', 'socat'];
const INSTALL = path.join(import.meta.dirname, '../../../tools/install-packages.sh');

const script = (name: string): string => path.join(import.meta.dirname, name);

/**
 * The node's image with this Node in it, built when the cache has none (half a minute). Throws with the end of what the
 * build said.
 */
export async function builtImage(signal: AbortSignal, node: string = process.execPath): Promise<Image> {
  const options = { maxBuffer: 1 << 26, timeout: BUILD_MS, signal };
  await run(INSTALL, NEEDED, options);
  const { stdout } = await run(script('image.sh'), [node], options);
  const dir = stdout.trim();
  return {
    kernel: path.join(dir, 'vmlinuz'),
    initrd: path.join(dir, 'initrd.cpio'),
    root: path.join(dir, 'root.ext4'),
  };
}
