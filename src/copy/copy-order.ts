import { run } from '../exec/run.ts';
import { Fault } from '../model/fault.ts';
import { present } from '../model/present.ts';
import { systemClock } from '../wait/clock.ts';
import { copyDevice, type Copy, type CopyOptions } from './copy-device.ts';

/** What the copier's program reads from stdin: one line of JSON. */
export interface CopyOrder extends Copy, Pick<CopyOptions, 'bytesPerSecond'> {
  /** Told to stop, the program ends within so many ms. */
  readonly endWithinMs: number;
}

/** A line that it writes: bytes that are copied, or why the copy failed. */
export type CopyLine = { readonly copied: Copy['size'] } | Pick<Fault, 'kind' | 'message'>;

/** Makes a copy and says how it goes; resolves with the exit code. What is no Fault is thrown. */
export async function runCopyOrder(
  order: CopyOrder,
  say: (line: string) => unknown,
  signal: AbortSignal,
): Promise<number> {
  const tell = (line: CopyLine): unknown => say(JSON.stringify(line));
  const pace = present({ bytesPerSecond: order.bytesPerSecond });
  const copied: CopyOptions['copied'] = async (done) => void tell({ copied: done });
  try {
    await copyDevice(order, { ...pace, copied }, { run, clock: systemClock }, signal);
    return 0;
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    tell({ kind: error.kind, message: error.message });
    return 1;
  }
}
