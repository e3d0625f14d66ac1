import { once } from 'node:events';
import type { Server } from 'node:net';
import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os';
import { type Endpoint } from './endpoint.ts';
import { freeSocketPath } from './stale-socket.ts';

/**
 * The endpoint as Node's servers and Fastify take it. Every address is written `::`, which in a kernel with IPv6 means
 * those of IPv4, too; a machine or pod without IPv6 refuses it, and gets those of IPv4.
 */
export function listenOptions(
  endpoint: Endpoint,
  interfaces: NodeJS.Dict<Pick<NetworkInterfaceInfo, 'family'>[]> = networkInterfaces(),
): { readonly path: string } | { readonly host: string; readonly port: number } {
  if (endpoint.kind === 'unix') return { path: endpoint.path };
  const { host, port } = endpoint;
  const hasIpv6 = Object.values(interfaces).some((addresses) => addresses?.some(({ family }) => family === 'IPv6'));
  return { host: host === '::' && !hasIpv6 ? '0.0.0.0' : host, port };
}

/** Binds the server, and says where it listens: port 0 has become a real one. Rejects when the address is taken. */
export async function listenOn(server: Server, endpoint: Endpoint): Promise<Endpoint> {
  if (endpoint.kind === 'unix') await freeSocketPath(endpoint.path);
  const listening = once(server, 'listening');
  server.listen(listenOptions(endpoint));
  await listening;
  const address = server.address();
  if (endpoint.kind === 'unix' || address === null || typeof address === 'string') return endpoint;
  return { ...endpoint, port: address.port };
}
