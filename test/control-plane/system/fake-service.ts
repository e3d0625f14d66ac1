import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { KubeClient } from '../../../src/kube/client.ts';
import { createInformer, type Informer } from '../../../src/kube/follow/informer.ts';
import { silentLog } from '../../../src/model/log.ts';
import { ENDPOINT_SLICES, type EndpointSlice } from '../../../src/operator/serving/serving-address.ts';

/** One of the addresses behind a Service. */
export interface Backend {
  readonly port: number;
  /** URL of its readiness probe. */
  readonly readyUrl: string;
}

/** Fakes kube-proxy for one Service: forwards connections to where the Service's EndpointSlice leads. */
export interface FakeService extends AsyncDisposable {
  readonly port: number;
  /** Follows the Service's slice in this API server, until disposed. Before that it leads nowhere. */
  follow(client: KubeClient): Promise<void>;
  /** The backend that the Service leads to, while it serves. */
  ready(): Backend | undefined;
  /** Times in which it led to no backend that serves; the last one may not be over. */
  readonly absences: readonly Period[];
  /** Closes or opens the service: closing ends open connections and refuses new ones. */
  close(): void;
  open(): void;
  /** Resolves once it leads to a backend that serves. Throws when none is in time. */
  untilReady(withinMs: number): Promise<Backend>;
}

/** Wall clock, ms. */
export interface Period {
  readonly from: number;
  /** End; Infinity while it lasts. */
  readonly to: number;
}

const PROBE_MS = 250;

export async function createService(backends: readonly Backend[]): Promise<FakeService> {
  const ending = new AbortController();
  const sockets = new Set<Socket>();
  let slices: Informer<EndpointSlice, EndpointSlice> | undefined;
  let following: Promise<void> | undefined;
  let current: Backend | undefined;
  let isOpen = true;
  /** All backends are on this machine, so the port tells which it is. */
  const led = (): Backend | undefined => {
    const [slice] = slices ? [...slices.values.values()] : [];
    const port = slice?.endpoints?.length ? slice.ports?.[0]?.port : undefined;
    return backends.find((backend) => backend.port === port);
  };
  const server = createServer((client) => {
    const to = isOpen ? led() : undefined;
    const backend = to ? connect(to.port, '127.0.0.1') : undefined;
    if (!backend) return client.destroy();
    for (const [from, to] of [
      [client, backend],
      [backend, client],
    ] as const) {
      sockets.add(from);
      from.setNoDelay(true);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
    return undefined;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  const absences: Period[] = [];
  const noteAbsence = (isAbsent: boolean): void => {
    const last = absences.at(-1);
    const lasts = last?.to === Infinity;
    if (isAbsent && !lasts) absences.push({ from: Date.now(), to: Infinity });
    if (!isAbsent && last && lasts) absences[absences.length - 1] = { ...last, to: Date.now() };
  };
  const probe = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      const backend = led();
      current = backend && (await serves(backend)) ? backend : undefined;
      noteAbsence(current === undefined);
      await delay(PROBE_MS, undefined, { signal: ending.signal }).catch(() => undefined);
    }
  };
  const probing = probe();

  return {
    port: (server.address() as AddressInfo).port,
    follow: async (client) => {
      const selection = {
        namespace: 'open-local',
        labelSelector: 'kubernetes.io/service-name=open-local-scheduler-extender',
      };
      slices = createInformer({
        client,
        resource: ENDPOINT_SLICES,
        project: (slice) => slice,
        log: silentLog,
        selection,
      });
      following = slices.run(ending.signal);
      await slices.whenSynced(ending.signal);
    },
    ready: () => current,
    absences,
    close: () => {
      isOpen = false;
      for (const socket of sockets) socket.destroy();
    },
    open: () => {
      isOpen = true;
    },
    untilReady: async (withinMs) => {
      const deadline = performance.now() + withinMs;
      while (!current) {
        if (performance.now() > deadline) throw new Error(`no backend is ready after ${withinMs} ms`);
        await delay(50);
      }
      return current;
    },
    [Symbol.asyncDispose]: async () => {
      ending.abort();
      for (const socket of sockets) socket.destroy();
      server.close();
      await probing;
      await following;
    },
  };
}

/** A replica that waits for the Lease is Ready too, but its extender does not listen. */
const serves = async ({ port, readyUrl }: Backend): Promise<boolean> =>
  (await isReady(readyUrl)) && (await listens(port));

const listens = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.end());
  });

async function isReady(url: string): Promise<boolean> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(2000) });
    await answer.body?.cancel();
    return answer.ok;
  } catch {
    return false;
  }
}
