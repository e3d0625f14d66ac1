import type { AddressInfo } from 'node:net';
import { Ledger } from '../src/capacity/ledger.ts';
import { silentLog } from '../src/model/log.ts';
import type { Scheduling } from '../src/extender/scheduling.ts';
import { createExtender } from '../src/extender/server.ts';
import { OUR_DRIVERS, podFacts } from '../src/model/decode.ts';
import type { AskedNodes, Refusal } from '../src/model/verdict.ts';
import { createScheduling } from '../src/operator/scheduling/scheduling.ts';
import { fillCluster, isFull } from './half-full-cluster.ts';

/**
 * The extender as the operator runs it, its ledger filled without an API server. Arguments: `ledger`, or `wire` for
 * answers that need no ledger (what remains is the cost of HTTP and the wire); nodes in the cluster; claims of each
 * pod.
 */

const [kind = 'ledger', nodes = '0', claims = '0'] = process.argv.slice(2);
const scheduling = kind === 'wire' ? fixedAnswers() : ledgerAnswers(Number(nodes), Number(claims));
const app = createExtender({ scheduling, decodePod: podFacts, log: silentLog, waitMs: 30 });
await app.listen({ host: '127.0.0.1', port: 0 });
process.send?.({ port: (app.server.address() as AddressInfo).port });

process.on('message', (ask) => {
  if (ask === 'usage') process.send?.({ cpu: process.cpuUsage(), rss: process.memoryUsage.rss() });
  else process.exit();
});

function ledgerAnswers(count: number, claimsPerPod: number): Scheduling {
  const ledger = new Ledger({ strategy: 'spread', drivers: OUR_DRIVERS, holdTtlMs: 300_000 });
  fillCluster(ledger, { nodes: count, claims: claimsPerPod });
  return createScheduling({
    ledger,
    client: { get: unused, createSub: unused },
    drivers: OUR_DRIVERS,
    heard: () => undefined,
    notReady: () => undefined,
    deafToClaims: () => undefined,
    now: () => performance.now(),
  });
}

/** Refuses every other node of a call. */
function fixedAnswers(): Scheduling {
  const message = 'not enough room for 1 GiB in volume group open-local-pool-0';
  const full: Refusal = { kind: 'group-too-small', message, unresolvable: true };
  return {
    notReady: () => undefined,
    numbering: { epoch: 1, numberOf: () => 0 },
    concerns: (pod) => pod.volumes.length > 0,
    filter: (_pod, asked) => {
      const refusals: (Refusal | undefined)[] = [];
      const count = countOf(asked);
      for (let i = 0; i < count; i += 1) refusals.push(isFull(i) ? full : undefined);
      return { refusals, mayFreeUp: false };
    },
    prioritize: (_pod, asked) => new Uint8Array(countOf(asked)),
    refusals: unused,
    freed: unused,
    bind: unused,
  };
}

const countOf = ({ names, numbers }: AskedNodes): number => (numbers ? numbers() : names).length;

function unused(): never {
  throw new Error('the benchmark does not come here');
}
