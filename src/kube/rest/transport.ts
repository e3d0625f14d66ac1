import http from 'node:http';
import https from 'node:https';
import type { ClusterAccess, Identity } from '../access/access.ts';
import { onAbort } from '../../wait/abort.ts';
import { createOneLookup } from '../../wait/one-lookup.ts';

export interface Outgoing {
  readonly method: string;
  /** With its query; the server's own path comes before it. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Kept-alive connections to one API server. */
export interface Transport {
  /**
   * Resolves as soon as the answer's headers are there. The signal ends the exchange at any time, also while the body
   * is read. Rejects with Node's own errors.
   */
  send(outgoing: Outgoing, identity: Identity, signal: AbortSignal): Promise<http.IncomingMessage>;
  close(): void;
}

/** Below the 90 s after which the API server closes an idle connection: otherwise a call may meet the closing. */
const IDLE_MS = 60_000;

/**
 * All calls share one http.Agent. It pools connections by client certificate, so a renewed one opens new connections.
 */
export function createTransport({ server, serverName, insecure, proxy, headers }: ClusterAccess): Transport {
  const secure = server.protocol === 'https:';
  const proxyEnv = proxy && { HTTP_PROXY: proxy.href, HTTPS_PROXY: proxy.href };
  const agentOptions = { keepAlive: true, timeout: IDLE_MS, lookup: createOneLookup(), ...(proxyEnv && { proxyEnv }) };
  const agent = secure ? new https.Agent(agentOptions) : new http.Agent(agentOptions);
  const prefix = server.pathname.replace(/\/+$/, '');
  const target = {
    agent,
    hostname: server.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: server.port || (secure ? 443 : 80),
    ...(secure && { rejectUnauthorized: !insecure }),
    ...(secure && serverName !== undefined && { servername: serverName }),
  };

  const send: Transport['send'] = (outgoing, identity, signal) => {
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>();
    const { ca, cert, key, token } = identity;
    const request = (secure ? https : http).request({
      ...target,
      ...(secure && { ca, cert, key }),
      method: outgoing.method,
      path: prefix + outgoing.path,
      headers: { ...headers, ...outgoing.headers, ...(token !== undefined && { authorization: `Bearer ${token}` }) },
    });
    let isAnswered = false;
    request.once('response', (response) => {
      isAnswered = true;
      resolve(response);
    });
    endOnAbort(request, signal);
    request.on('error', (error) => {
      // The server closed the idle connection at the moment we used it: a read is sent again, on the next one or a
      // fresh one.
      const again =
        !isAnswered && request.reusedSocket && outgoing.method === 'GET' && isReset(error) && !signal.aborted;
      if (again) resolve(send(outgoing, identity, signal));
      else reject(error);
    });
    request.end(outgoing.body);
    return promise;
  };

  return { send, close: () => agent.destroy() };
}

/**
 * Ends the exchange when the signal is aborted. The request's own `signal` option is not used: it destroys the socket
 * with an error, and if the answer ends in the same turn no listener for that error is left, which ends the process
 * (Node 24.21).
 */
function endOnAbort(request: http.ClientRequest, signal: AbortSignal): void {
  let exchange: http.ClientRequest | http.IncomingMessage = request;
  request.once('response', (response: http.IncomingMessage) => (exchange = response));
  request.once(
    'close',
    onAbort(signal, () => void exchange.destroy()),
  );
}

const isReset = (error: Error): boolean => 'code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
