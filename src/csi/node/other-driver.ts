import { connect, type Socket } from 'node:net';
import { whenAborted } from '../../wait/abort.ts';
import { pause } from '../../wait/pause.ts';

export interface OtherDriverOptions {
  /** Where the kubelet finds the driver: only one process may serve there. */
  readonly sockets: readonly string[];
  /** Told what is in the way, once for each sentence; and undefined when nothing is any more. */
  readonly tell: (problem: string | undefined) => void;
  /** Between two looks at least so many ms pass; absent: 1 s. */
  readonly everyMs?: number;
}

/**
 * Resolves once no other process serves where the kubelet finds the driver, or when aborted: two drivers on one node
 * would both format, mount and remove. It is noticed at once that the other one ends, since a connection to it is kept.
 */
export async function untilAlone(
  { sockets, tell, everyMs = 1000 }: OtherDriverOptions,
  signal: AbortSignal,
): Promise<void> {
  let told: string | undefined;
  while (!signal.aborted) {
    const found = await findOther(sockets);
    if (!found) break;
    const problem = `another process serves ${found.path}: ${TODO}`;
    if (problem !== told) tell(problem);
    told = problem;
    await Promise.race([found.ended, whenAborted(signal)]);
    found.socket.destroy();
    await pause(everyMs, signal);
  }
  if (told !== undefined && !signal.aborted) tell(undefined);
}

const TODO =
  'two drivers never work on one node at once, so this one waits until it ends. If it is the DaemonSet of open-local ' +
  'before this one, take it off this node (docs/switching.md)';

interface Other {
  readonly path: string;
  readonly socket: Socket;
  readonly ended: Promise<void>;
}

async function findOther(sockets: readonly string[]): Promise<Other | undefined> {
  for (const path of new Set(sockets)) {
    const socket = connect(path);
    const ended = new Promise<void>((resolve) => {
      socket.once('close', () => resolve());
    });
    const isThere = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.on('error', () => resolve(false)); // no socket, or nobody behind it
    });
    socket.resume();
    if (isThere) return { path, socket, ended };
    socket.destroy();
  }
  return undefined;
}
