import { Ledger } from '../src/capacity/ledger.ts';
import { nodeStorage } from '../src/model/decode-node.ts';
import { OUR_DRIVERS, classFacts, volumeFacts } from '../src/model/decode.ts';
import { claimFacts } from '../src/model/decode-claim.ts';
import type { LocalVolume } from '../src/model/local-volume.ts';
import { silentLog } from '../src/model/log.ts';
import type { NodeLocalStorage, PersistentVolumeClaim, StorageClass } from '../src/model/objects.ts';
import { checkNodes, NODES_A_TURN } from '../src/operator/follow/check-ledger.ts';
import { nodeName } from './half-full-cluster.ts';
import { claimAt, storageAt, storageClass, volumeAt, VOLUMES_PER_NODE } from './objects.ts';
import { ms, say, table, writeResult } from './report.ts';
import { percentile } from './statistics.ts';

/**
 * `node bench/check-ledger.ts [--quick]`: what one turn costs in which the operator compares its ledger with one that
 * is built afresh, in clusters of several sizes. Counted: objects that are told anew in one turn. Measured: ms that
 * nothing else runs.
 */

const SIZES = process.argv.includes('--quick') ? [100, 500] : [500, 5000, 50_000];
const TURNS = 40;
const policy = { strategy: 'binpack', drivers: OUR_DRIVERS, holdTtlMs: 60_000 } as const;

interface Row {
  readonly nodes: number;
  readonly objects: number;
  readonly p50: number;
  readonly p99: number;
}

function measure(nodes: number): Row {
  const ledger = new Ledger(policy);
  ledger.classChanged(classFacts(storageClass as StorageClass));
  const storages = Array.from({ length: nodes }, (_, i) => nodeStorage(storageAt(i) as NodeLocalStorage).storage);
  const volumes = Array.from({ length: nodes * VOLUMES_PER_NODE }, (_, i) => volumeFacts(volumeAt(i) as LocalVolume));
  for (const storage of storages) ledger.nodeChanged(storage);
  for (const volume of volumes) ledger.volumeChanged(volume);
  for (let i = 0; i < nodes; i += 1) ledger.claimChanged(claimFacts(claimAt(i, '1Gi') as PersistentVolumeClaim));
  const indexes = new Map(storages.map(({ name }, i) => [name, i]));
  let objects = 0;
  const of = (name: string) => {
    const i = indexes.get(name) ?? 0;
    const own = volumes.slice(i * VOLUMES_PER_NODE, (i + 1) * VOLUMES_PER_NODE);
    objects += 1 + own.length;
    return { storage: storages[i], volumes: own, pvs: [], pods: [] };
  };
  const informers = { volumes: { get: () => undefined } };
  const deps = { ledger, policy, informers, log: silentLog, onChecked: () => {} };
  const times = Array.from({ length: TURNS }, (_, turn) => {
    const names = Array.from({ length: NODES_A_TURN }, (__, i) => nodeName((turn * NODES_A_TURN + i) % nodes));
    const started = performance.now();
    checkNodes(names, { of }, deps);
    return performance.now() - started;
  });
  return { nodes, objects: objects / TURNS, p50: percentile(times, 0.5), p99: percentile(times, 0.99) };
}

const rows = SIZES.map(measure);
const cells = rows.map(({ nodes, objects, p50, p99 }) => [nodes, objects, ms(p50), ms(p99)]);
say(table(['nodes', 'objects told in a turn', 'median ms', 'p99 ms'], cells));
await writeResult('check-ledger', { nodesATurn: NODES_A_TURN, rows });
