import { Ledger } from '../src/capacity/ledger.ts';
import { OUR_DRIVERS, volumeFacts } from '../src/model/decode.ts';
import type { LocalVolume } from '../src/model/local-volume.ts';
import type { Node, NodeLocalStorage, PersistentVolume, Pod } from '../src/model/objects.ts';
import type { Informers } from '../src/operator/follow/informers.ts';
import { createViews } from '../src/operator/follow/views.ts';
import { createOperatorMetrics } from '../src/operator/metrics/metrics.ts';
import { nodeAt, podAt, pvAt, storageAt, volumeAt, VOLUMES_PER_NODE } from './objects.ts';
import { say, table, writeResult } from './report.ts';
import { percentile } from './statistics.ts';

/**
 * `node bench/metrics.ts [--quick]`: series and bytes of the leader's page of metrics in clusters of several sizes, ten
 * volumes a node, the CPU time that it takes, and how much of that passes at most before anything else in the process
 * has a turn (medians of the pages).
 */

const SIZES = process.argv.includes('--quick') ? [50, 500] : [50, 500, 5000];
const PAGES = 15;

interface Row {
  readonly nodes: number;
  readonly series: number;
  readonly bytes: number;
  readonly p50: number;
  readonly pause: number;
}

/** CPU time of this thread in ms: what other programs on the machine do is not in it. */
const cpuMs = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};

/** The longest turn of the event loop, until it is stopped. */
function watchTurns() {
  let last = cpuMs();
  let longest = 0;
  const look = (): void => {
    const now = cpuMs();
    longest = Math.max(longest, now - last);
    last = now;
    next = setImmediate(look);
  };
  let next = setImmediate(look);
  return {
    stop: (): number => {
      clearImmediate(next);
      return Math.max(longest, cpuMs() - last);
    },
  };
}

async function measure(nodes: number): Promise<Row> {
  const volumes = nodes * VOLUMES_PER_NODE;
  const views = createViews(OUR_DRIVERS);
  const ledger = new Ledger({ strategy: 'binpack', drivers: OUR_DRIVERS, holdTtlMs: 60_000 });
  const informer = <T, P extends object>(
    count: number,
    make: (i: number) => T,
    view: (object: T) => P,
    name: (p: P) => string,
  ) => {
    const values = new Map(
      Array.from({ length: count }, (_, i) => view(make(i))).map((each) => [name(each), each] as const),
    );
    const health = { synced: true, failures: 0, lastError: undefined, handlerErrors: 0, lists: 1, silentMs: 0 };
    return { values, get: (key: string) => values.get(key), health: () => health };
  };
  const named = ({ name }: { readonly name: string }): string => name;
  const storages = informer(nodes, (i) => storageAt(i) as NodeLocalStorage, views.storage, named);
  const records = informer(
    volumes,
    (i) => volumeAt(i) as LocalVolume,
    views.volume,
    ({ metadata }) => metadata.name ?? '',
  );
  for (const { storage } of storages.values.values()) ledger.nodeChanged(storage);
  for (const volume of records.values.values()) ledger.volumeChanged(volumeFacts(volume));
  const informers = {
    storages,
    volumes: records,
    nodes: informer(nodes, (i) => nodeAt(i) as Node, views.node, named),
    pvs: informer(
      volumes,
      (i) => pvAt(i) as PersistentVolume,
      views.pv,
      ({ facts }) => facts.name,
    ),
    pods: informer(2 * volumes, (i) => podAt(i, { nodes, volumes }) as Pod, views.pod, named),
  } as unknown as Informers;
  const metrics = createOperatorMetrics();
  metrics.watch({ ledger, informers, drivers: OUR_DRIVERS, namespace: 'open-local', queue: () => ({ waiting: 0 }) });
  let page = '';
  const longest: number[] = [];
  const times: number[] = [];
  for (let i = 0; i < PAGES; i += 1) {
    const pauses = watchTurns();
    const started = cpuMs();
    page = await metrics.registry.pageInTurns();
    times.push(cpuMs() - started);
    longest.push(pauses.stop());
  }
  const series = page.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length;
  return {
    nodes,
    series,
    bytes: Buffer.byteLength(page),
    p50: percentile(times, 0.5),
    pause: percentile(longest, 0.5),
  };
}

const rows: Row[] = [];
for (const nodes of SIZES) rows.push(await measure(nodes));
const cells = rows.map(({ nodes, series, bytes, p50, pause }) => [
  ...[nodes, nodes * VOLUMES_PER_NODE, series, (bytes / 1e6).toFixed(2), Math.round(p50), Math.round(pause)],
]);
say(table(['nodes', 'volumes', 'series', 'MB', 'CPU ms', 'longest turn, CPU ms'], cells));
await writeResult('metrics', { pages: PAGES, rows });
