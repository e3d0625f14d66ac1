import { setImmediate as nextTurn } from 'node:timers/promises';
import { Ledger } from '../src/capacity/ledger.ts';
import { claimFacts } from '../src/model/decode-claim.ts';
import { classFacts, OUR_DRIVERS, podFacts, volumeFacts } from '../src/model/decode.ts';
import { nodeStorage } from '../src/model/decode-node.ts';
import type { LocalVolume } from '../src/model/local-volume.ts';
import type { NodeLocalStorage, PersistentVolumeClaim, Pod, StorageClass } from '../src/model/objects.ts';
import { createRandom, type Random } from '../src/extender/fast/compare-wires-fixture.ts';
import { claimAt, podAt, storageAt, storageClass, volumeAt, VOLUMES_PER_NODE } from './objects.ts';
import { goalLine, ms, say, table, writeResult, type Goal } from './report.ts';
import { percentile } from './statistics.ts';

/**
 * `node bench/ledger.ts [--quick]`: how many events a second the ledger takes in, from the bytes of a watch line to its
 * books, in a cluster of 5,000 nodes with 50,000 volumes and claims and 100,000 pods; and the longest time the event
 * loop stands still meanwhile.
 */

const quick = process.argv.includes('--quick');
const NODES = quick ? 500 : 5000;
const VOLUMES = NODES * VOLUMES_PER_NODE;
const PODS = NODES * 20;
const EVENTS = quick ? 5000 : 50_000;
/** Bytes that one read of a busy watch brings, about. */
const AT_ONCE = 32;
const GIB = 1024 ** 3;

/** A stream of events: the line that the API server would send, and the call that takes it in. */
interface Stream {
  readonly kind: string;
  /** Makes the object of the n-th event, which differs from what the ledger knows. */
  readonly object: (random: Random, n: number) => object;
  readonly take: (ledger: Ledger, object: unknown) => void;
}

const grown = (n: number): number => GIB + (n % 100) * 4 * 1024 ** 2;

const STREAMS: readonly Stream[] = [
  {
    kind: 'pod',
    object: (random, n) =>
      podAt(random(PODS), { nodes: NODES, volumes: VOLUMES, phase: n % 3 === 0 ? 'Pending' : 'Running' }),
    take: (ledger, pod) => ledger.podChanged(podFacts(pod as Pod)),
  },
  {
    kind: 'claim',
    object: (random, n) => claimAt(random(VOLUMES), `${1 + (n % 7)}Gi`),
    take: (ledger, claim) => ledger.claimChanged(claimFacts(claim as PersistentVolumeClaim)),
  },
  {
    kind: 'volume',
    object: (random, n) => volumeAt(random(VOLUMES), grown(n)),
    take: (ledger, volume) => ledger.volumeChanged(volumeFacts(volume as LocalVolume)),
  },
  {
    kind: 'status',
    object: (random, n) => storageAt(random(NODES), (volume) => grown(volume + n)),
    take: (ledger, nls) => ledger.nodeChanged(nodeStorage(nls as NodeLocalStorage).storage),
  },
];

const ledger = filled();
const results = [];
for (const stream of [...STREAMS, mixed()]) results.push(await measure(stream));
say(
  table(
    ['events', 'per second', 'of the ledger alone', 'pause p99 ms', 'worst pause ms'],
    results.map(({ kind, perSecond, ledgerPerSecond, pauseP99, worstPause }) => [
      kind,
      Math.round(perSecond).toLocaleString('en-US'),
      Math.round(ledgerPerSecond).toLocaleString('en-US'),
      ms(pauseP99),
      ms(worstPause),
    ]),
  ),
);
const all = results.at(-1)!;
const goals: Goal[] = [
  {
    goal: '(d) at least 20,000 events a second, of all kinds in turn',
    measured: Math.round(all.perSecond).toLocaleString('en-US'),
    met: all.perSecond >= 20_000,
  },
  {
    goal: '(d) no pause of the event loop over 50 ms',
    measured: `${ms(Math.max(...results.map(({ worstPause }) => worstPause)))} ms`,
    met: results.every(({ worstPause }) => worstPause <= 50),
  },
];
say(goals.map(goalLine).join('\n'));
await writeResult('ledger', { quick, nodes: NODES, volumes: VOLUMES, pods: PODS, results, goals });

function filled(): Ledger {
  const made = new Ledger({ strategy: 'spread', drivers: OUR_DRIVERS, holdTtlMs: 300_000 });
  made.classChanged(classFacts(storageClass as unknown as StorageClass));
  for (let i = 0; i < NODES; i++) made.nodeChanged(nodeStorage(storageAt(i) as NodeLocalStorage).storage);
  for (let i = 0; i < VOLUMES; i++) {
    made.volumeChanged(volumeFacts(volumeAt(i) as LocalVolume));
    made.claimChanged(claimFacts(claimAt(i) as PersistentVolumeClaim));
  }
  for (let i = 0; i < PODS; i++)
    made.podChanged(podFacts(podAt(i, { nodes: NODES, volumes: VOLUMES }) as unknown as Pod));
  return made;
}

function streamOf(n: number): Stream {
  return STREAMS[n % STREAMS.length]!;
}

function mixed(): Stream {
  let taken = 0;
  return {
    kind: 'all in turn',
    object: (random, n) => streamOf(n).object(random, n),
    take: (into, object) => streamOf(taken++).take(into, object),
  };
}

async function measure({ kind, object, take }: Stream) {
  const random = createRandom(1);
  const lines = Array.from({ length: Math.min(EVENTS, 20_000) }, (_, n) =>
    JSON.stringify({ type: 'MODIFIED', object: object(random, n) }),
  );
  const pauses: number[] = [];
  let ledgerMs = 0;
  const started = performance.now();
  for (let n = 0; n < EVENTS; n += AT_ONCE) {
    const turn = performance.now();
    for (let i = n; i < n + AT_ONCE; i++) {
      const event = JSON.parse(lines[i % lines.length]!) as { object: unknown };
      const before = performance.now();
      take(ledger, event.object);
      ledgerMs += performance.now() - before;
    }
    pauses.push(performance.now() - turn);
    await nextTurn();
  }
  const seconds = (performance.now() - started) / 1000;
  return {
    kind,
    perSecond: EVENTS / seconds,
    ledgerPerSecond: EVENTS / (ledgerMs / 1000),
    pauseP99: percentile(pauses, 0.99),
    worstPause: Math.max(...pauses),
  };
}
