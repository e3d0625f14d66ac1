import type { IncomingMessage, RequestListener } from 'node:http';
import { TLSSocket } from 'node:tls';
import { createWebServer, type WebServer, type WebServerOptions } from '../daemon/web-server.ts';
import type { Log } from '../model/log.ts';
import { clientNames } from './client-names.ts';

/**
 * Go keeps an idle connection for 90 s. Were it we who closed it, a call that is just being sent would fail, and
 * kube-scheduler does not try a POST again.
 */
const KEEP_ALIVE_MS = 120_000;
/** A caller gets so long for its TLS handshake, for its head, and for its whole call; both are checked so often. */
const HANDSHAKE_MS = 5000;
const HEAD_MS = 5000;
const CALL_MS = 10_000;
const CHECK_EVERY_MS = 1000;
const MAX_CONNECTIONS = 1024;

/** How long callers may take, in ms; tests shorten it. */
export interface TimeLimits {
  readonly headMs?: number;
  readonly callMs?: number;
  readonly checkEveryMs?: number;
}

export interface TransportOptions extends Pick<WebServerOptions, 'onCertificates' | 'log'> {
  /** tls.crt, tls.key and ca.crt; clients need a certificate that the CA signed. Absent: plain HTTP. */
  readonly tls?: { readonly dir: string };
  readonly timeLimits?: TimeLimits;
}

/** The HTTP server, which does not listen yet. Throws Fault when the files are bad. */
export function createTransport(
  { tls, timeLimits = {}, ...others }: TransportOptions,
  handler: RequestListener,
): WebServer {
  const { headMs = HEAD_MS, callMs = CALL_MS, checkEveryMs = CHECK_EVERY_MS } = timeLimits;
  const times = { keepAliveMs: KEEP_ALIVE_MS, handshakeMs: HANDSHAKE_MS, headMs, callMs, checkEveryMs };
  const limits = { ...times, maxConnections: MAX_CONNECTIONS };
  const clients = { clientCertificates: true };
  return createWebServer({ ...others, limits, ...(tls && { tls: { ...tls, ...clients } }) }, handler);
}

/**
 * Says for a request whether its client is one of the allowed names; without a list, every client the CA signed is.
 * Asked once for each connection.
 */
export function createClientCheck(
  allowed: readonly string[] | undefined,
  log: Log,
): (request: IncomingMessage) => boolean {
  if (!allowed || allowed.length === 0) return () => true;
  const known = new WeakMap<object, boolean>();
  return ({ socket }) => {
    const answer = known.get(socket);
    if (answer !== undefined) return answer;
    const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
    const names = certificate ? clientNames(certificate) : [];
    const allowedIn = names.some((name) => allowed.includes(name));
    if (!allowedIn)
      log.warn({ method: 'tls', code: 403, action: names }, 'client is not in the list of allowed clients');
    known.set(socket, allowedIn);
    return allowedIn;
  };
}
