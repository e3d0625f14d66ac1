import { CommandFailed } from '../exec/command-failed.ts';
import type { Run } from '../exec/run.ts';

/** Devices that do not answer: nothing that is read of them comes, and no error. */
export interface SilentDevices {
  /** Those of the devices that are not known to be silent. Those that are known to be are asked again. */
  without(devices: readonly string[], signal: AbortSignal): Promise<readonly string[]>;
  /** The same, when all are asked. */
  withoutAll(devices: readonly string[], signal: AbortSignal): Promise<readonly string[]>;
  readonly known: ReadonlySet<string>;
}

/** A disk that sleeps needs some 15 s until it turns. */
const FIRST_MS = 20_000;
/** One that was silent, and answers again, does so at once. */
const AGAIN_MS = 2000;
const AT_ONCE = 16;

/** Remembers which devices are silent. Asking is by a program, past the kernel's cache. */
export function createSilentDevices(run: Run): SilentDevices {
  const known = new Set<string>();
  const ask = async (device: string, timeoutMs: number, signal: AbortSignal): Promise<void> => {
    if (await answers(device, timeoutMs, run, signal)) known.delete(device);
    else known.add(device);
  };
  const rest = (devices: readonly string[]): readonly string[] => devices.filter((device) => !known.has(device));
  return {
    without: async (devices, signal) => {
      for (const device of known) if (!devices.includes(device)) known.delete(device); // it is gone
      await Promise.all([...known].map((device) => ask(device, AGAIN_MS, signal)));
      return rest(devices);
    },
    withoutAll: async (devices, signal) => {
      for (let at = 0; at < devices.length; at += AT_ONCE)
        await Promise.all(devices.slice(at, at + AT_ONCE).map((device) => ask(device, FIRST_MS, signal)));
      return rest(devices);
    },
    known,
  };
}

/** An error is an answer. */
async function answers(device: string, timeoutMs: number, run: Run, signal: AbortSignal): Promise<boolean> {
  const argv = ['dd', `if=${device}`, 'of=/dev/null', 'bs=4096', 'count=1', 'iflag=direct', 'status=none'];
  try {
    await run(argv, { timeoutMs }, signal);
    return true;
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    return error.exitCode !== undefined || error.cause !== undefined; // it could not even be started
  }
}
