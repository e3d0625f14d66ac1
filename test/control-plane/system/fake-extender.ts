import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Answer to a verb: an error in the protocol's own words, or undefined to pass everything. */
export type FakeAnswer = (verb: 'filter' | 'prioritize' | 'bind') => string | undefined;

/**
 * Starts an extender that always answers the same, over plain HTTP.
 * https://pkg.go.dev/k8s.io/kube-scheduler/extender/v1
 */
export async function startFakeExtender(answer: FakeAnswer): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const verb = (request.url ?? '').slice(1) as Parameters<FakeAnswer>[0];
      const { NodeNames = [] } = JSON.parse(Buffer.concat(chunks).toString()) as { NodeNames?: string[] };
      const Error = answer(verb) ?? '';
      const body = {
        filter: Error ? { Error } : { NodeNames },
        prioritize: NodeNames.map((Host) => ({ Host, Score: 0 })),
        bind: { Error },
      }[verb];
      const text = JSON.stringify(body);
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
      response.end(text);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await once(server.close(), 'close');
    },
  };
}
