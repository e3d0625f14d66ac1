import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

/** Below net.ipv4.ip_local_port_range, from which Linux gives ports to outgoing connections. */
const FIRST = 20_000;
const END = 32_000;

/** Finds TCP ports of the loopback that were free a moment ago, for programs that must keep theirs over a restart. */
export async function freePorts(count: number): Promise<number[]> {
  const taken = new Map<number, Server>();
  try {
    while (taken.size < count) {
      const port = randomInt(FIRST, END);
      const server = taken.has(port) ? undefined : await listening(port);
      if (server) taken.set(port, server);
    }
  } finally {
    await Promise.all([...taken.values()].map((server) => once(server.close(), 'close')));
  }
  return [...taken.keys()];
}

/** One such port. */
export async function freePort(): Promise<number> {
  const [port = 0] = await freePorts(1);
  return port;
}

/** Undefined when somebody else has the port. */
async function listening(port: number): Promise<Server | undefined> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
    return server;
  } catch {
    return undefined;
  }
}
