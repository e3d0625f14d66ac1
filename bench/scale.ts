import { loadavg } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { cpuOf, memoryOf, startLargeCluster, type Memory } from './large-cluster.ts';
import { VOLUMES_PER_NODE } from './objects.ts';
import { goalLine, say, table, writeResult, type Goal } from './report.ts';

/**
 * `node bench/scale.ts [--quick] [--json]`: memory of the operator and its time to ready, as the built program, with
 * 5,000 nodes, 50,000 volumes (each with its claim and PersistentVolume) and 100,000 pods. With `--json` the API server
 * has no protobuf, as a proxy or a test's server may not.
 */

const quick = process.argv.includes('--quick');
const format = process.argv.includes('--json') ? 'json' : 'protobuf';
const NODES = quick ? 500 : 5000;
const PODS = NODES * 20;
const MIB = 1024 ** 2;
/**
 * Time for which the heap settles after readiness, ms: what was read is garbage, and the first full collections happen.
 */
const SETTLE_MS = 10_000;

const load = loadavg()[0] ?? 0;
await using cluster = await startLargeCluster({ nodes: NODES, pods: PODS, format });
const { pid, readySeconds } = cluster;
const atReady = await memoryOf(pid);
const cpuSeconds = await cpuOf(pid);
await delay(SETTLE_MS);
await tell({ readySeconds, cpuSeconds, load }, atReady, await memoryOf(pid));

interface Times {
  readonly readySeconds: number;
  readonly cpuSeconds: number;
  /** Load average of the machine over the minute before the start. */
  readonly load: number;
}

async function tell(times: Times, atReady: Memory, settled: Memory): Promise<void> {
  const { readySeconds, cpuSeconds, load } = times;
  say(
    table(
      ['nodes', 'volumes', 'pods', 'ready s', 'CPU s', 'load before', 'RSS when ready MiB', 'peak', 'RSS 10 s later'],
      [
        [
          NODES,
          NODES * VOLUMES_PER_NODE,
          PODS,
          readySeconds.toFixed(1),
          cpuSeconds.toFixed(1),
          load.toFixed(1),
          ...[atReady.rssMiB, settled.peakMiB, settled.rssMiB].map(Math.round),
        ],
      ],
    ),
  );
  const goals: Goal[] = [
    {
      goal: '(e) RSS at most 350 MB',
      measured: `${Math.round((settled.rssMiB * MIB) / 1e6)} MB`,
      met: settled.rssMiB * MIB <= 350e6,
    },
    { goal: '(e) ready within 5 s', measured: `${readySeconds.toFixed(1)} s`, met: readySeconds <= 5 },
  ];
  say(goals.map(goalLine).join('\n'));
  await writeResult('scale', {
    quick,
    nodes: NODES,
    volumes: NODES * VOLUMES_PER_NODE,
    pods: PODS,
    ...times,
    atReady,
    settled,
    goals,
  });
}
