import { Client, credentials } from '@grpc/grpc-js';
import { formatEndpoint, type Endpoint } from '../daemon/endpoint.ts';
import { ControllerService, GroupControllerService, IdentityService, NodeService } from './gen/csi.ts';
import type { Definition, Method, ReplyOf, RequestOf } from './service.ts';
import { onAbort } from '../wait/abort.ts';

/**
 * A service as promises. A failed call rejects with grpc-js' ServiceError: its `code` is the status, `details` the
 * message. Requests are made with the messages' own `fromPartial`.
 */
export type Calls<D extends Definition> = {
  readonly [M in keyof D]: (request: RequestOf<D[M]>, signal: AbortSignal) => Promise<ReplyOf<D[M]>>;
};

export interface CsiClient {
  readonly identity: Calls<typeof IdentityService>;
  readonly controller: Calls<typeof ControllerService>;
  readonly groups: Calls<typeof GroupControllerService>;
  readonly node: Calls<typeof NodeService>;
  close(): void;
}

/**
 * Connects at the first call, and again when the server has been away. Every call ends within `timeoutMs` (absent: 60
 * s).
 */
export function createCsiClient(endpoint: Endpoint, timeoutMs = 60_000): CsiClient {
  const client = new Client(formatEndpoint(endpoint), credentials.createInsecure(), {
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 1000,
  });
  return {
    identity: calls(client, IdentityService, timeoutMs),
    controller: calls(client, ControllerService, timeoutMs),
    groups: calls(client, GroupControllerService, timeoutMs),
    node: calls(client, NodeService, timeoutMs),
    close: () => client.close(),
  };
}

function calls<D extends Definition>(client: Client, definition: D, timeoutMs: number): Calls<D> {
  const entries = Object.entries(definition).map(([name, method]) => [name, call(client, method, timeoutMs)]);
  return Object.fromEntries(entries) as Calls<D>;
}

function call<Request, Reply>(client: Client, method: Method<Request, Reply>, timeoutMs: number) {
  return (request: Request, signal: AbortSignal): Promise<Reply> => {
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    const running = client.makeUnaryRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      { deadline: Date.now() + timeoutMs },
      (error, reply) => (error ? reject(error) : resolve(reply as Reply)),
    );
    return promise.finally(onAbort(signal, () => running.cancel()));
  };
}
