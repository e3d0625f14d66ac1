import { createServer as createHttpServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { TLSSocket } from 'node:tls';
import type { Log } from '../model/log.ts';
import { clientNames } from './client-names.ts';
import { readTlsFiles, watchTlsFiles, type TlsFiles } from './tls-files.ts';

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

export interface TransportOptions {
  /** tls.crt, tls.key and ca.crt; clients need a certificate that the CA signed. Absent: plain HTTP. */
  readonly tls?: { readonly dir: string };
  readonly timeLimits?: TimeLimits;
  /** Told of the files that it serves with, at first and whenever they change. */
  readonly onCertificates?: (files: TlsFiles) => void;
  readonly log: Log;
}

export interface Transport {
  readonly server: Server;
  /** Ends the watch on the certificate's files. */
  stop(): void;
}

/** The HTTP server, which does not listen yet. Throws Fault when the files are bad. */
export function createTransport(
  { tls, timeLimits = {}, onCertificates, log }: TransportOptions,
  handler: RequestListener,
): Transport {
  const { headMs = HEAD_MS, callMs = CALL_MS, checkEveryMs = CHECK_EVERY_MS } = timeLimits;
  const serverOptions = {
    keepAliveTimeout: KEEP_ALIVE_MS,
    headersTimeout: headMs,
    requestTimeout: callMs,
    connectionsCheckingInterval: checkEveryMs,
  };
  if (!tls) {
    const server = createHttpServer(serverOptions, handler);
    server.maxConnections = MAX_CONNECTIONS;
    return { server, stop: () => {} };
  }
  const files = readTlsFiles(tls.dir);
  const server = createHttpsServer(
    {
      ...serverOptions,
      ...contextOf(files),
      handshakeTimeout: HANDSHAKE_MS,
      requestCert: true,
      rejectUnauthorized: true,
    },
    handler,
  );
  server.maxConnections = MAX_CONNECTIONS;
  // Connections keep what they were made with; new ones see the new files.
  const onChange = (changed: TlsFiles): void => {
    server.setSecureContext(contextOf(changed));
    onCertificates?.(changed);
  };
  onCertificates?.(files);
  return { server, stop: watchTlsFiles(tls.dir, { current: files, onChange, log }) };
}

/** kube-scheduler is a Go program of our own time: nothing older needs to be served. */
const contextOf = (files: TlsFiles) => ({ ...files, minVersion: 'TLSv1.3' as const });

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
