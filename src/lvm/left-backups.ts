import { readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';

/** How LVM calls what it writes before it gets its name (create_temp_name in lib/misc/lvm-file.c of lvm2). */
const TEMPORARY = /^\.lvm_.+_\d+_\d+$/;
/** No command of lvm runs that long: another agent's may run beside this one. */
const LEFT_MS = 3_600_000;

/**
 * Removes from the folder of backups what commands that were killed had begun to write. Whatever cannot be looked at or
 * removed stays: it only takes room. `now` is in ms since 1970.
 */
export async function removeLeftBackups(folder: string, now: number): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter((each) => TEMPORARY.test(each))) {
    const file = path.join(folder, name);
    const found = await stat(file).catch(() => undefined);
    if (found && now - found.mtimeMs > LEFT_MS) await rm(file).catch(() => undefined);
  }
}
