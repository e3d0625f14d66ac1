import { readdir, readFile, readlink } from 'node:fs/promises';
import path from 'node:path';
import { isSameView, parseMountinfo, type MountEntry } from './mountinfo.ts';

/** So many last parts of a path name a mount, where programs have the kubelet's folder at different paths. */
const TELLING_PARTS = 5;

/**
 * Whether a mount that this process sees is seen by the machine, too, or by anybody but its own container: where
 * mounts do not propagate, pods get the folder below, which is on the machine's own disk. `proc` is /proc. True for a
 * process that is in no container, or does not see the processes of the machine.
 */
export async function isSeenOutside(entry: MountEntry, proc: string, signal: AbortSignal): Promise<boolean> {
  const own = await namespaceOf(proc, 'self');
  const machine = await namespaceOf(proc, '1');
  if (own === undefined || machine === undefined || own === machine) return true;
  const looked = new Set([own]);
  for (const pid of ['1', ...(await pidsIn(proc))]) {
    signal.throwIfAborted();
    const namespace = await namespaceOf(proc, pid);
    if (namespace === undefined || looked.has(namespace)) continue;
    looked.add(namespace);
    const text = await readFile(path.join(proc, pid, 'mountinfo'), { encoding: 'utf8', signal }).catch(() => '');
    if (parseMountinfo(text).some((other) => isSameView(other, entry) && isSamePlace(other, entry))) return true;
  }
  return false;
}

/** Undefined where there is no such process, or it is another user's. */
const namespaceOf = (proc: string, pid: string): Promise<string | undefined> =>
  readlink(path.join(proc, pid, 'ns/mnt')).catch(() => undefined);

const pidsIn = async (proc: string): Promise<readonly string[]> =>
  (await readdir(proc)).filter((name) => /^\d+$/.test(name));

const isSamePlace = (a: MountEntry, b: MountEntry): boolean => lastParts(a.target) === lastParts(b.target);

const lastParts = (target: string): string => target.split('/').slice(-TELLING_PARTS).join('/');
