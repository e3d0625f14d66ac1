import { once } from 'node:events';
import type { Server } from 'node:net';
import { type Endpoint } from './endpoint.ts';
import { freeSocketPath } from './stale-socket.ts';

/** Binds the server, and says where it listens: port 0 has become a real one. Rejects when the address is taken. */
export async function listenOn(server: Server, endpoint: Endpoint): Promise<Endpoint> {
  if (endpoint.kind === 'unix') await freeSocketPath(endpoint.path);
  const listening = once(server, 'listening');
  server.listen(endpoint.kind === 'unix' ? { path: endpoint.path } : { host: endpoint.host, port: endpoint.port });
  await listening;
  const address = server.address();
  if (endpoint.kind === 'unix' || address === null || typeof address === 'string') return endpoint;
  return { ...endpoint, port: address.port };
}
