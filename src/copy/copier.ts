import type { Run } from '../exec/run.ts';
import type { Bytes } from '../model/bytes.ts';
import type { Clock } from '../wait/clock.ts';
import { copyDevice, type Copy } from './copy-device.ts';

/** Copies devices of this machine. */
export interface Copier {
  /** As copyDevice, which says what is thrown; `copied` is its `copied`. */
  copy(copy: Copy, copied: (done: Bytes) => Promise<void>, signal: AbortSignal): Promise<void>;
}

export interface CopierOptions {
  readonly run: Run;
  readonly clock: Clock;
  /** Of each copy; absent: as fast as the disks are. */
  readonly bytesPerSecond?: number | undefined;
}

export const createHostCopier = ({ bytesPerSecond, ...deps }: CopierOptions): Copier => ({
  copy: (copy, copied, signal) =>
    copyDevice(copy, { copied, ...(bytesPerSecond === undefined ? {} : { bytesPerSecond }) }, deps, signal),
});

/** Where devices are entries of a file there is nothing to copy. */
export const createSimulatedCopier = (): Copier => ({ copy: ({ size }, copied) => copied(size) });
