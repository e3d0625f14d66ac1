import { once } from 'node:events';
import { connect } from 'node:net';
import { onAbort } from '../../../src/wait/abort.ts';

/** Address of the node's control server; guest/serve describes the protocol. */
export interface Control {
  readonly port: number;
  readonly token: string;
}

export interface GuestCall {
  /** Script for bash. */
  readonly script: string;
  readonly input?: Uint8Array;
  /** Time after which the node ends the script with code 143, ms. */
  readonly timeoutMs: number;
}

export interface GuestOutcome {
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

/** Additional time for the connection and for a busy node, ms. */
const SLACK_MS = 20_000;

/** Runs a script on the node. Throws when the node does not answer in time, or ends meanwhile. */
export async function callGuest(control: Control, call: GuestCall, signal: AbortSignal): Promise<GuestOutcome> {
  const { script, input = Buffer.alloc(0), timeoutMs } = call;
  const within = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs + SLACK_MS)]);
  within.throwIfAborted();
  const socket = connect(control.port, '127.0.0.1');
  const stop = (): unknown => socket.destroy(new Error(`the node did not answer: ${script.slice(0, 200)}`));
  const leave = onAbort(within, stop);
  try {
    await once(socket, 'connect');
    const bytes = Buffer.from(script);
    socket.write(`${control.token} ${Math.ceil(timeoutMs / 1000)} ${bytes.length} ${input.length}\n`);
    socket.write(bytes);
    socket.write(input);
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk as Buffer);
    return parseAnswer(Buffer.concat(chunks));
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    leave();
    socket.destroy();
  }
}

function parseAnswer(answer: Buffer): GuestOutcome {
  const end = answer.indexOf('\n');
  const [code, stdout, stderr] = answer.toString('latin1', 0, Math.max(end, 0)).split(' ').map(Number);
  if (code === undefined || stdout === undefined || stderr === undefined)
    throw new Error('the node ended the connection without an answer');
  if (answer.length !== end + 1 + stdout + stderr) throw new Error('the node ended in the middle of an answer');
  return {
    code,
    stdout: answer.subarray(end + 1, end + 1 + stdout),
    stderr: answer.subarray(end + 1 + stdout),
  };
}

/** Quotes one argument for a shell. */
export const quoted = (argument: string): string => `'${argument.replaceAll("'", String.raw`'\''`)}'`;
