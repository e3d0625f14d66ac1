import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';

/** A port on this machine's loopback that leads to a unix socket: guests see loopback, and no sockets. */
export interface TcpDoor extends AsyncDisposable {
  readonly port: number;
}

/** Opens a door to `socket`, which may appear later. */
export async function openTcpDoor(socket: string): Promise<TcpDoor> {
  const open = new Set<Socket>();
  const server = createServer((outside) => {
    const inside = connect(socket);
    for (const end of [outside, inside]) {
      open.add(end);
      end.once('close', () => open.delete(end));
    }
    // Either end may leave at any time, and takes the other with it.
    pipeline(outside, inside, outside).catch(() => {
      outside.destroy();
      inside.destroy();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      server.close();
      for (const end of open) end.destroy();
      await once(server, 'close');
    },
  };
}
