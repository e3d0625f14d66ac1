import { present } from '../model/present.ts';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { formatEndpoint, type Endpoint } from '../daemon/endpoint.ts';
import type { Component } from '../daemon/lifecycle.ts';
import type { Log } from '../model/log.ts';
import { freeSocketPath } from '../daemon/stale-socket.ts';
import { keepSocket } from './keep-socket.ts';
import { Fault } from '../model/fault.ts';
import type { CallReport } from './call-log.ts';
import { implement, type Service } from './service.ts';
import type { CallTracing } from './traced-handler.ts';

export interface CsiServerOptions extends CallTracing {
  /** `csi controller`, `csi node`. */
  readonly name: string;
  readonly endpoint: Endpoint;
  readonly services: readonly Service[];
  readonly log: Log;
  readonly onCall?: (report: CallReport) => void;
  /** While stopping, calls under way get so long to finish; absent: 5 s. */
  readonly graceMs?: number;
  /** A socket that somebody removes is made again. Absent: it is not. */
  readonly keep?: true;
  /** After so many ms a try to make it again that failed is repeated; absent: 5 s. */
  readonly retryMs?: number;
}

/**
 * A gRPC server on a unix socket. A socket left by a killed process is replaced; one that is served by somebody is an
 * error. Stopping takes no new calls, lets those under way finish, and after the grace time aborts their signals.
 */
export function createCsiServer(options: CsiServerOptions): Component {
  const { name, endpoint, services, log, onCall, tracer, madeWith, graceMs = 5000, keep, retryMs } = options;
  const stopping = new AbortController();
  const closing = new AbortController();
  let server: Server | undefined;
  const atWork = new Set<Promise<void>>();
  let bound = false;
  /** A server that could not be bound cannot be bound again. */
  const createServer = (): Server => {
    const made = new Server();
    for (const service of services) {
      const told = present({ onCall, tracer, madeWith });
      const implementation = implement(service, { log, stopping: stopping.signal, atWork, ...told });
      made.addService(service.definition, implementation);
    }
    return made;
  };
  return {
    name,
    start: async () => {
      if (endpoint.kind !== 'unix') throw new Fault('invalid', `CSI is served on a unix socket, not on TCP: ${name}`);
      const listen = async (): Promise<void> => {
        await freeSocketPath(endpoint.path);
        server?.tryShutdown(() => {}); // it takes its socket away at once, and calls under way go on
        server = createServer();
        await bind(server, formatEndpoint(endpoint));
      };
      await listen();
      bound = true;
      if (keep) void keepSocket({ path: endpoint.path, listen, log, ...present({ retryMs }) }, closing.signal);
      log.info({ component: name, address: formatEndpoint(endpoint) }, 'serving CSI');
    },
    stop: async () => {
      if (!bound) return;
      bound = false;
      closing.abort();
      const abort = setTimeout(
        () => stopping.abort(new Fault('unavailable', 'the driver is stopping: try again')),
        graceMs,
      );
      const forced = Promise.withResolvers<void>();
      const force = setTimeout(() => {
        server?.forceShutdown();
        forced.resolve();
      }, graceMs + 1000);
      await new Promise<void>((resolve) => server?.tryShutdown(() => resolve()));
      // A handler goes on for a moment after its caller has left, and may be writing.
      await Promise.race([Promise.all(atWork), forced.promise]);
      clearTimeout(abort);
      clearTimeout(force);
    },
  };
}

function bind(server: Server, target: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.bindAsync(target, ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve()));
  });
}
