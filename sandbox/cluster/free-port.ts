import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';

/**
 * Finds a TCP port of the loopback that was free a moment ago, for a program that must keep its address over a restart.
 */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
