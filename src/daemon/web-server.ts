import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { Log } from '../model/log.ts';
import { present } from '../model/present.ts';
import { readTlsFiles, watchTlsFiles, type TlsFiles } from './tls-files.ts';

/** How long callers may take, in ms, and how many there may be. */
export interface WebLimits {
  /** An idle connection is kept so long. */
  readonly keepAliveMs: number;
  /** For a TLS handshake. */
  readonly handshakeMs: number;
  /** For the head of a call, and for the whole of it; both are checked so often. */
  readonly headMs: number;
  readonly callMs: number;
  readonly checkEveryMs: number;
  readonly maxConnections: number;
  /** Of the head of a call; absent: Node's 16 KiB. */
  readonly maxHeadBytes?: number;
}

export interface WebServerOptions {
  /** The folder of tls.crt, tls.key and ca.crt, which are read again when they change. Absent: plain HTTP. */
  readonly tls?: {
    readonly dir: string;
    /** Clients need a certificate that ca.crt signed. */
    readonly clientCertificates: boolean;
  };
  readonly limits: WebLimits;
  /** Told of the files that it serves with, at first and whenever they change. */
  readonly onCertificates?: (files: TlsFiles) => void;
  readonly log: Log;
}

export interface WebServer {
  readonly server: Server;
  /** Ends the watch on the certificate's files. */
  stop(): void;
}

/** An HTTP or HTTPS server, which does not listen yet. Throws Fault when the files are bad. */
export function createWebServer(options: WebServerOptions, handler: RequestListener): WebServer {
  const { tls, limits, onCertificates, log } = options;
  const serverOptions = {
    keepAliveTimeout: limits.keepAliveMs,
    headersTimeout: limits.headMs,
    requestTimeout: limits.callMs,
    connectionsCheckingInterval: limits.checkEveryMs,
    ...present({ maxHeaderSize: limits.maxHeadBytes }),
  };
  if (!tls) {
    const server = createHttpServer(serverOptions, handler);
    server.maxConnections = limits.maxConnections;
    return { server, stop: () => {} };
  }
  const files = readTlsFiles(tls.dir);
  const { clientCertificates } = tls;
  const clients = { requestCert: clientCertificates, rejectUnauthorized: clientCertificates };
  const server = createHttpsServer(
    { ...serverOptions, ...contextOf(files), handshakeTimeout: limits.handshakeMs, ...clients },
    handler,
  );
  server.maxConnections = limits.maxConnections;
  // Connections keep what they were made with; new ones see the new files.
  const onChange = (changed: TlsFiles): void => {
    server.setSecureContext(contextOf(changed));
    onCertificates?.(changed);
  };
  onCertificates?.(files);
  return { server, stop: watchTlsFiles(tls.dir, { current: files, onChange, log }) };
}

/** kube-scheduler, browsers and proxies of our own time all speak it: nothing older needs to be served. */
const contextOf = (files: TlsFiles) => ({ ...files, minVersion: 'TLSv1.3' as const });
