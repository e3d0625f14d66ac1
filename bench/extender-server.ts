import type { AddressInfo } from 'node:net';
import { Ledger } from '../src/capacity/ledger.ts';
import { silentLog } from '../src/daemon/log.ts';
import { createExtender } from '../src/extender/server.ts';
import { podFacts, OUR_DRIVERS } from '../src/model/decode.ts';
import { createScheduling } from '../src/operator/scheduling.ts';
import { fillCluster } from './cluster.ts';

/** The extender as the operator runs it, its ledger filled without an API server. Arguments: nodes in the cluster, most claims of a pod. */

const [nodes = 0, claims = 0] = process.argv.slice(2).map(Number);
const ledger = new Ledger({ strategy: 'spread', drivers: OUR_DRIVERS, holdTtlMs: 300_000 });
fillCluster(ledger, { nodes, claims });

const scheduling = createScheduling({
  ledger,
  client: { get: unused, createSub: unused },
  drivers: OUR_DRIVERS,
  heard: () => undefined,
  notReady: () => undefined,
  now: () => performance.now(),
});
const app = createExtender({ scheduling, decodePod: podFacts, log: silentLog, waitMs: 30 });
await app.listen({ host: '127.0.0.1', port: 0 });
process.send?.({ port: (app.server.address() as AddressInfo).port });

process.on('message', (ask) => {
  if (ask === 'usage') process.send?.({ cpu: process.cpuUsage(), rss: process.memoryUsage.rss() });
  else process.exit();
});

function unused(): never {
  throw new Error('the benchmark binds nothing');
}
