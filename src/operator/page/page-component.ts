import { background } from '../../daemon/background.ts';
import { formatEndpoint, isReachable, type Endpoint } from '../../daemon/endpoint.ts';
import type { Component } from '../../daemon/lifecycle.ts';
import { listenOptions } from '../../daemon/listen.ts';
import { freeSocketPath } from '../../daemon/stale-socket.ts';
import type { KubeClient } from '../../kube/client.ts';
import { Fault, textOf } from '../../model/fault.ts';
import type { Log } from '../../model/log.ts';
import { PAGE_FILES } from '../../page/files.ts';
import { createGate } from '../../page/gate.ts';
import { createPage, type PageOptions } from '../../page/server.ts';
import type { PageState } from '../../page/source.ts';
import { systemClock } from '../../wait/clock.ts';
import { pause } from '../../wait/pause.ts';
import { whenAborted } from '../../wait/abort.ts';

export interface PageComponentOptions {
  readonly listen: Endpoint;
  /** With the extender's certificates; of no meaning where only this machine reaches the page. */
  readonly tlsDir: string | undefined;
  readonly client: KubeClient;
  readonly state: () => PageState;
  readonly log: Log;
}

const RETRY_MS = 1000;

/**
 * The page as a part of the process, from its start: a replica that waits says who leads. One that makes its
 * certificates itself has none before it leads, and listens once they are there.
 */
export function createPageComponent({ listen, tlsDir, client, state, log }: PageComponentOptions): Component {
  // Tokens go over the wire. A port-forward ends on the pod's own loopback.
  const tls = isReachable(listen) && tlsDir !== undefined ? { tls: { dir: tlsDir } } : {};
  const gate = createGate({ client, clock: systemClock, log });
  return background('page', async (signal) => {
    const app = await withCertificates({ gate, state, files: PAGE_FILES, log, ...tls }, signal);
    if (!app) return;
    try {
      if (listen.kind === 'unix') await freeSocketPath(listen.path);
      await app.listen(listenOptions(listen));
      log.info({ component: 'page', address: formatEndpoint(listen) }, 'serving the page');
      await whenAborted(signal);
    } finally {
      await app.close();
    }
  });
}

/** Undefined when aborted before. */
async function withCertificates(options: PageOptions, signal: AbortSignal) {
  let told = false;
  while (!signal.aborted) {
    try {
      return createPage(options);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      if (!told) options.log.info({ component: 'page', err: textOf(error) }, 'waits for its certificate');
      told = true;
      await pause(RETRY_MS, signal);
    }
  }
  return undefined;
}
