import path from 'node:path';
import { CommandFailed } from '../exec/command-failed.ts';
import type { Run } from '../exec/run.ts';
import type { Bytes } from '../model/bytes.ts';
import { Fault } from '../model/fault.ts';
import { parsedObject } from '../model/parsed-json.ts';
import { present } from '../model/present.ts';
import { follow } from '../wait/abort.ts';
import type { Copy } from './copy-device.ts';
import type { CopyLine, CopyOrder } from './copy-order.ts';
import { linesTo } from './lines.ts';

/** Copies devices of this machine. */
export interface Copier {
  /** As copyDevice, which says what is thrown; `copied` is its `copied`. */
  copy(copy: Copy, copied: (done: Bytes) => Promise<void>, signal: AbortSignal): Promise<void>;
}

export interface CopierOptions {
  readonly run: Run;
  /** Of each copy; absent: as fast as the disks are. */
  readonly bytesPerSecond?: number | undefined;
  /** What starts src/main-copy.ts; absent: its bundle beside the program that runs. */
  readonly program?: readonly string[];
  /** So many ms has the program of a copy that is stopped, and is killed then. Absent: 6,000. */
  readonly endWithinMs?: number;
}

/** It ends the program that has a disk make zeros, which has 2 s to end and is killed then, and closes the devices. */
const END_MS = 6000;

/** It says each 256 MiB that they are copied, and zeros of a slow disk may take ten minutes before. */
const SILENT_MS = 1_200_000;

/**
 * Each copy is made by a program of its own. A disk that does not answer would keep Node's own threads, of which there
 * are four, and then nothing of the agent gets on; the program is killed, or left behind, and the copy fails. It ends
 * by itself where this process is gone: nobody else would end it, and it keeps the target for itself.
 */
export const createHostCopier = ({
  run,
  bytesPerSecond,
  program = besideUs(),
  endWithinMs = END_MS,
}: CopierOptions): Copier => ({
  copy: async (copy, copied, signal) => {
    const order: CopyOrder = { ...copy, endWithinMs, ...present({ bytesPerSecond }) };
    const own = follow(signal);
    let telling = Promise.resolve();
    let failure: Fault | undefined;
    let done = copy.from;
    const heard = (text: string): void => {
      const line = readLine(text);
      if ('kind' in line) failure = new Fault(line.kind, line.message);
      else {
        done = line.copied;
        telling = telling.then(() => copied(line.copied)).catch((error: unknown) => own.abort(error));
      }
    };
    const stdin = `${JSON.stringify(order)}\n`;
    const options = { timeoutMs: SILENT_MS, stdin, lifeline: true, endWithinMs, onOutput: linesTo(heard) } as const;
    try {
      await run([...program, copy.source, copy.target], options, own.signal);
      if (failure ?? done < copy.size) throw failure ?? endedEarly(copy, done);
    } catch (error) {
      if (!(error instanceof CommandFailed)) throw error;
      throw failure ?? new Fault('unavailable', error.message, { cause: error });
    } finally {
      await telling;
      own.release();
    }
    own.signal.throwIfAborted();
  },
});

/** Source and target are its arguments for whoever looks at the processes of the node. */
const besideUs = (): readonly string[] => [
  process.execPath,
  path.join(path.dirname(process.argv[1] ?? ''), 'copy.cjs'),
];

/** Throws Fault `unavailable` for what the program of a copy does not write. */
function readLine(text: string): CopyLine {
  const line = parsedObject(text) as Partial<Record<'copied', Bytes> & Pick<Fault, 'kind' | 'message'>> | undefined;
  if (typeof line?.copied === 'number') return { copied: line.copied };
  if (typeof line?.kind === 'string' && typeof line.message === 'string')
    return { kind: line.kind, message: line.message };
  const what = `the program of a copy wrote what is no line of its own: ${text.slice(0, TOLD_CHARS)}`;
  throw new Fault('unavailable', what);
}

/** Enough to know whose line it is. */
const TOLD_CHARS = 200;

const endedEarly = ({ source, target, size }: Copy, done: Bytes): Fault =>
  new Fault('unavailable', `the copy of ${source} onto ${target} ended after ${done} of ${size} bytes`);

/** Where devices are entries of a file there is nothing to copy. */
export const createSimulatedCopier = (): Copier => ({ copy: ({ size }, copied) => copied(size) });
