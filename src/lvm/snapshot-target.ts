import { CommandFailed } from '../exec/command-failed.ts';
import type { Run } from '../exec/run.ts';

const TIMEOUT_MS = 30_000;

/**
 * Has the kernel load what snapshots need. lvm looks whether it is there, and else runs modprobe, which like the
 * modules is not in the agent's container. Asked for the version of a target the kernel loads it, by the machine's own
 * modprobe (get_target_version in drivers/md/dm-ioctl.c in Linux). Where it cannot, the command of lvm that follows
 * says so.
 */
export async function loadSnapshotTarget(run: Run, signal: AbortSignal): Promise<void> {
  try {
    await run(['dmsetup', 'target-version', 'snapshot'], { timeoutMs: TIMEOUT_MS }, signal);
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
  }
}
