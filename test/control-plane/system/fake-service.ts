import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** One of the addresses behind a Service. */
export interface Backend {
  readonly port: number;
  /** URL of its readiness probe. */
  readonly readyUrl: string;
}

/** Fakes a Service: one address that forwards connections to a backend that is Ready. */
export interface FakeService extends AsyncDisposable {
  readonly port: number;
  /** The backend that is Ready now. */
  ready(): Backend | undefined;
  /** Times in which no backend was Ready; the last one may not be over. */
  readonly absences: readonly Period[];
  /** Closes or opens the service: closing ends open connections and refuses new ones. */
  close(): void;
  open(): void;
  /** Resolves once a backend is Ready. Throws when none is in time. */
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
  let current: Backend | undefined;
  let isOpen = true;
  const server = createServer((client) => {
    const backend = current && isOpen ? connect(current.port, '127.0.0.1') : undefined;
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
      const ready = await Promise.all(backends.map(({ readyUrl }) => isReady(readyUrl)));
      current = backends[ready.indexOf(true)];
      noteAbsence(current === undefined);
      await delay(PROBE_MS, undefined, { signal: ending.signal }).catch(() => undefined);
    }
  };
  const probing = probe();

  return {
    port: (server.address() as AddressInfo).port,
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
    },
  };
}

async function isReady(url: string): Promise<boolean> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(2000) });
    await answer.body?.cancel();
    return answer.ok;
  } catch {
    return false;
  }
}
