import { EventEmitter, on, once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

const REPLY_MS = 20_000;

/** Client of the monitor of one QEMU. */
export interface Qmp {
  /** Throws with QEMU's own words when it refuses, or has ended. */
  execute(command: string, args: Record<string, unknown>, signal: AbortSignal): Promise<unknown>;
  /** Resolves at the next event of this name that `matches`. To be called before what causes it. */
  event(name: string, matches: (data: Record<string, unknown>) => boolean, signal: AbortSignal): Promise<void>;
}

interface Message {
  readonly id?: number;
  readonly return?: unknown;
  readonly error?: { readonly class: string; readonly desc: string };
  readonly event?: string;
  readonly data?: Record<string, unknown>;
}

/** Resolves to the first connection to a unix socket at `path`, and takes no second one. */
export async function acceptOne(path: string, signal: AbortSignal): Promise<Socket> {
  const server: Server = createServer();
  try {
    server.listen(path);
    const [socket] = (await once(server, 'connection', { signal })) as [Socket];
    return socket;
  } finally {
    server.close();
  }
}

/** Speaks QMP over a connection that QEMU has made. */
export async function createQmp(socket: Socket, signal: AbortSignal): Promise<Qmp> {
  const messages = new EventEmitter({ captureRejections: false });
  messages.setMaxListeners(0);
  const closed = new AbortController();
  socket.on('error', () => {}); // the socket ends with QEMU; 'close' follows
  socket.once('close', () => closed.abort(new Error('QEMU has ended')));
  const lines = createInterface({ input: socket }).on('error', () => {});
  lines.on('line', (line) => {
    const message = JSON.parse(line) as Message;
    if (message.event !== undefined) messages.emit('event', message);
    else if (message.id !== undefined) messages.emit(`reply ${message.id}`, message);
  });

  let last = 0;
  const execute = async (command: string, args: Record<string, unknown>, signal: AbortSignal): Promise<unknown> => {
    const id = (last += 1);
    const within = AbortSignal.any([signal, closed.signal, AbortSignal.timeout(REPLY_MS)]);
    within.throwIfAborted();
    const replied = once(messages, `reply ${id}`, { signal: within });
    socket.write(`${JSON.stringify({ execute: command, arguments: args, id })}\n`);
    const [reply] = (await replied.catch(() => within.throwIfAborted())) as [Message];
    if (reply.error) throw new Error(`QEMU refuses ${command}: ${reply.error.desc}`);
    return reply.return;
  };
  await execute('qmp_capabilities', {}, signal);
  return {
    execute,
    event: async (name, matches, signal) => {
      const within = AbortSignal.any([signal, closed.signal]);
      for await (const [message] of on(messages, 'event', { signal: within }) as AsyncIterable<[Message]>)
        if (message.event === name && matches(message.data ?? {})) return;
    },
  };
}
