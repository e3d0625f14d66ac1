import { once } from 'node:events';
import http from 'node:http';
import { connect, type AddressInfo } from 'node:net';

/**
 * A proxy that tunnels to `port`, whatever host it is asked for; `asked` are the requests, with whom they came from.
 */
export async function startProxy(port: number) {
  const asked: string[] = [];
  const proxy = http.createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    response.end('{}');
  });
  proxy.on('connect', ({ url, headers }: http.IncomingMessage, socket) => {
    const credentials = headers['proxy-authorization']?.replace('Basic ', '') ?? '';
    asked.push(`CONNECT ${url} ${Buffer.from(credentials, 'base64').toString()}`);
    const upstream = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      upstream.pipe(socket).pipe(upstream);
    });
    for (const end of [socket, upstream]) end.on('error', () => {});
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  return {
    asked,
    url: new URL(`http://me:secret@127.0.0.1:${(proxy.address() as AddressInfo).port}`),
    [Symbol.asyncDispose]: async () => {
      proxy.close();
      proxy.closeAllConnections();
      await once(proxy, 'close');
    },
  };
}
