import { formatEndpoint, type Endpoint } from '../../daemon/endpoint.ts';
import type { Component } from '../../daemon/lifecycle.ts';
import { listenOptions } from '../../daemon/listen.ts';
import { freeSocketPath } from '../../daemon/stale-socket.ts';
import { createExtender, type ExtenderOptions } from '../../extender/server.ts';

/** The scheduler extender as a part of the process. */
export function createExtenderComponent(endpoint: Endpoint, options: ExtenderOptions): Component {
  let app: ReturnType<typeof createExtender> | undefined;
  return {
    name: 'extender',
    start: async () => {
      // Only now: it reads its certificate, which another part may have written a moment ago.
      app = createExtender(options);
      if (endpoint.kind === 'unix') await freeSocketPath(endpoint.path);
      await app.listen(listenOptions(endpoint));
      options.log.info({ component: 'extender', address: formatEndpoint(endpoint) }, 'serving kube-scheduler');
    },
    stop: async () => app?.close(),
  };
}
