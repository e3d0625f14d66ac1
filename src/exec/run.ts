import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { StringDecoder } from 'node:string_decoder';
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import { CommandFailed, type Ending } from './command-failed.ts';
import { onAbort } from '../wait/abort.ts';
import { timerMs } from '../wait/timer.ts';

export interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /**
   * The program is killed, and the call fails, after so many ms; with `onOutput`, when it wrote nothing for so long.
   */
  readonly timeoutMs: number;
  /**
   * Told what the program writes to stdout, in pieces of whole characters. What it throws ends the program, and is
   * thrown by the call.
   */
  readonly onOutput?: (text: string) => void;
  /** Added to the fixed environment (PATH and LC_ALL), or replacing its entries. */
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string | Uint8Array;
  /** stdin is left open after `stdin`, so that its end tells the program that this process is gone. */
  readonly lifeline?: true;
  /** So many ms after SIGTERM the program is killed. Absent: 2,000. */
  readonly endWithinMs?: number;
  /**
   * Bytes that stdout may have; the program that writes more is killed. Absent: 16 MiB. Of stderr, which only explains,
   * the beginning and the end are kept.
   */
  readonly maxOutputBytes?: number;
  /** The text of stdout has one character for each byte. Absent: it is read as UTF-8. */
  readonly binary?: true;
  /** Told of a program that could not be killed and was left behind, with a promise of its end. */
  readonly onLeft?: (gone: Promise<unknown>) => void;
}

/** Runs one program; throws CommandFailed unless it exits with 0, and the signal's reason when aborted. */
export type Run = (argv: readonly string[], options: RunOptions, signal: AbortSignal) => Promise<Output>;

/** What a child may know of us: where programs are, and a locale whose messages we can read. */
const CHILD_ENV = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };

const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;
const END_BYTES = 64 * 1024;
/**
 * Between SIGTERM and SIGKILL unless something else is said, and then until the child is given up (a process in disk
 * sleep cannot be killed).
 */
const KILL_GRACE_MS = 2000;
/**
 * A daemon that the program left behind may hold its pipes open for ever. What the program itself has written is read
 * however late this process gets to it.
 */
export const PIPE_GRACE_MS = 500;

/**
 * Never a shell. The child leads a process group of its own, so that killing it takes its children along and a
 * terminal's Ctrl-C does not end a program half-way; it starts in `/`, so that it pins no mount.
 */
export const run: Run = async (argv, options, signal) => {
  const { timeoutMs, maxOutputBytes = MAX_OUTPUT_BYTES } = options;
  signal.throwIfAborted();
  const child = start(argv, options);
  const overflow = new AbortController();
  const timeout = timeLimit(child, options);
  const refusal = tellOutput(child, options);
  const stop = AbortSignal.any([signal, timeout.signal, overflow.signal, refusal]);
  const stdout = collect(child.stdout, maxOutputBytes, overflow);
  const stderr = collectEnds(child.stderr);

  const { exitCode, exitSignal, spawnError } = await ended(child, stop, options);
  timeout.end();
  signal.throwIfAborted();
  refusal.throwIfAborted();
  const ending: Ending = {
    argv,
    exitCode,
    signal: exitSignal,
    stdout: stdout(options.binary ? 'latin1' : 'utf8'),
    stderr: stderr(),
  };
  if (spawnError) throw new CommandFailed(ending, `could not be started: ${spawnError.message}`, { cause: spawnError });
  if (overflow.signal.aborted) throw new CommandFailed(ending, `wrote more than ${maxOutputBytes} bytes`);
  if (exitCode === 0) return { stdout: ending.stdout, stderr: ending.stderr };
  if (timeout.signal.aborted) throw new CommandFailed(ending, `${timeout.what} ${timeoutMs} ms`);
  throw new CommandFailed(ending, exitCode === undefined ? `was ended by ${exitSignal}` : `exited with ${exitCode}`);
};

function start([file = '', ...args]: readonly string[], { env, stdin, lifeline }: RunOptions): ChildProcess {
  const child = spawn(file, args, {
    cwd: '/',
    detached: true,
    env: { ...CHILD_ENV, ...env },
    stdio: [stdin === undefined && !lifeline ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  child.stdin?.on('error', () => {}); // EPIPE: the program may end without reading
  if (stdin !== undefined) child.stdin?.write(stdin);
  if (!lifeline) child.stdin?.end();
  return child;
}

/** Aborts its signal after the time that the program has, which begins anew with each piece that somebody hears. */
function timeLimit(child: ChildProcess, { timeoutMs, onOutput }: RunOptions) {
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(), timerMs(timeoutMs));
  if (onOutput) child.stdout?.on('data', () => timer.refresh());
  const what = onOutput ? 'wrote nothing for' : 'did not end within';
  return { signal: over.signal, what, end: () => clearTimeout(timer) };
}

/**
 * Hands on what the program writes. The signal is aborted with what the listener throws: out of an event of a stream it
 * would end this process.
 */
function tellOutput(child: ChildProcess, { onOutput, binary }: RunOptions): AbortSignal {
  const refusal = new AbortController();
  const decoder = new StringDecoder(binary ? 'latin1' : 'utf8');
  if (onOutput)
    child.stdout?.on('data', (chunk: Buffer) => {
      if (refusal.signal.aborted) return;
      try {
        onOutput(decoder.write(chunk));
      } catch (error) {
        refusal.abort(error);
      }
    });
  return refusal.signal;
}

/** Gathers what a stream says, up to the bound; the returned function gives the text so far. */
function collect(
  stream: ChildProcess['stdout'],
  maxBytes: number,
  overflow: AbortController,
): (encoding: BufferEncoding) => string {
  const chunks: Buffer[] = [];
  let bytes = 0;
  stream?.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > maxBytes) overflow.abort();
    else chunks.push(chunk);
  });
  return (encoding) => Buffer.concat(chunks).toString(encoding);
}

/** Gathers the first and the last of what a stream says, whatever is between. */
function collectEnds(stream: ChildProcess['stdout']): () => string {
  let first = Buffer.alloc(0);
  let last = Buffer.alloc(0);
  let bytes = 0;
  stream?.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    const missing = END_BYTES - first.length;
    first = Buffer.concat([first, chunk.subarray(0, missing)]);
    last = Buffer.concat([last, chunk.subarray(missing)]).subarray(-END_BYTES);
  });
  return () => {
    const dropped = bytes - first.length - last.length;
    const between = dropped > 0 ? `\n… ${dropped} bytes …\n` : '';
    return `${first.toString('utf8')}${between}${last.toString('utf8')}`;
  };
}

interface End {
  readonly exitCode: number | undefined;
  readonly exitSignal: string | undefined;
  readonly spawnError?: Error;
}

/** Waits for the child to be gone and its pipes drained, killing it as soon as `stop` says so. */
async function ended(child: ChildProcess, stop: AbortSignal, { onLeft, endWithinMs }: RunOptions): Promise<End> {
  const closed = once(child, 'close').catch(() => undefined);
  const gone = new AbortController();
  const exited = new Promise<End>((resolve) => {
    child.once('error', (spawnError) => resolve({ exitCode: undefined, exitSignal: undefined, spawnError }));
    child.once('exit', (code, name) => resolve({ exitCode: code ?? undefined, exitSignal: name ?? undefined }));
  });
  const left = kill(child, { stop, gone: gone.signal, endWithinMs }).then((end) => {
    onLeft?.(exited);
    return end;
  });
  const end = await Promise.race([exited, left]);
  gone.abort();
  if (!end.spawnError) await orAfter(closed, PIPE_GRACE_MS);
  await whatWasWrittenIsRead();
  for (const pipe of [child.stdin, child.stdout, child.stderr]) pipe?.destroy();
  return end;
}

/**
 * Resolves once all that programs had written before this call is read. Node may tell of an exit before it has read
 * what the program wrote, and on a busy machine the time limit is over by then, so that the output would be lost. In
 * each turn of its loop Node runs timers, then reads of each pipe up to 2 MiB, of which a pipe holds a tenth, and then
 * runs immediates.
 */
const whatWasWrittenIsRead = (): Promise<void> => nextTurn();

async function orAfter(done: Promise<unknown>, ms: number): Promise<void> {
  const timer = new AbortController();
  await Promise.race([done, delay(ms, undefined, { signal: timer.signal }).catch(() => undefined)]);
  timer.abort();
}

interface Killing {
  readonly stop: AbortSignal;
  readonly gone: AbortSignal;
  readonly endWithinMs: number | undefined;
}

/**
 * Once stopped: SIGTERM, later SIGKILL, and at last leaves an unkillable child behind. Never settles once the child is
 * gone.
 */
function kill(child: ChildProcess, { stop, gone, endWithinMs = KILL_GRACE_MS }: Killing): Promise<End> {
  const { promise, resolve, reject } = Promise.withResolvers<End>();
  const act = async (): Promise<void> => {
    killGroup(child, 'SIGTERM');
    await delay(endWithinMs, undefined, { signal: gone });
    killGroup(child, 'SIGKILL');
    await delay(KILL_GRACE_MS, undefined, { signal: gone });
    child.unref();
    resolve({ exitCode: undefined, exitSignal: 'SIGKILL' });
  };
  const leave = onAbort(stop, () => void act().catch((error: unknown) => (gone.aborted ? undefined : reject(error))));
  onAbort(gone, leave);
  return promise;
}

function killGroup(child: ChildProcess, name: 'SIGTERM' | 'SIGKILL'): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, name);
  } catch {
    // The group is gone already.
  }
}
