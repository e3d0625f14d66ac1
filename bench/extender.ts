import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { chart } from './chart.ts';
import { runDuel, type Duel, type DuelResult } from './duel.ts';
import { goalLine, ms, ratio, say, table, writeResult, type Goal } from './report.ts';

/**
 * `node bench/extender.ts [--quick]`: how long kube-scheduler waits for filter and prioritize, against a server that
 * answers a constant of the same size in the same run. Half of the nodes are full, and names come in the jumbled order
 * of a real scheduler.
 */

const quick = process.argv.includes('--quick');
const scale = quick ? 0.1 : 1;
const pods = (count: number): number => Math.max(100, Math.round(count * scale));

/** Of 5,000 nodes kube-scheduler sends some 500 names by default. */
const NAMES = [500, 100, 1000, 5000, 15_000];
/** How much longer than for the floor kube-scheduler may wait for one pod. */
const GOALS = [
  { names: 500, of: 'p50', most: 1.5 },
  { names: 500, of: 'p99', most: 1.5 },
  { names: 5000, of: 'p50', most: 3 },
  { names: 5000, of: 'p99', most: 1.5 },
] as const;

const enough = (names: number): number => pods(names >= 5000 ? 2000 : 4000);

say('(a) names only, pods with one claim');
const a = await run(
  NAMES.flatMap((names) =>
    [1, 8].map((concurrency): Duel => ({ names, claims: 1, concurrency, server: 'ledger', pods: enough(names) })),
  ),
);
say('    the same, but the answer is found for nothing: what HTTP and the wire cost');
const wire = await run(
  NAMES.map((names) => ({ names, claims: 1, concurrency: 1, server: 'wire', pods: enough(names) })),
);
say('(b) by claims of the pod, 1,000 names');
const b = await run(
  [0, 1, 3, 10].map((claims) => ({ names: 1000, claims, concurrency: 1, server: 'ledger', pods: pods(3000) })),
);
say('(c) by nodes of the cluster, 500 names');
const c = await run(
  [500, 5000, 50_000].map((nodes) => ({
    names: 500,
    nodes,
    claims: 1,
    concurrency: 1,
    server: 'ledger',
    pods: pods(3000),
  })),
);
say('(f) whole nodes, as with nodeCacheCapable: false');
const f = await run(
  [100, 500, 1000].map((names) => ({
    names,
    claims: 1,
    concurrency: 1,
    whole: true,
    server: 'ledger',
    pods: pods(300),
  })),
);

const goals = goalsOf(a, c);
say(goals.map(goalLine).join('\n'));
await writeResult('extender', { quick, a, wire, b, c, f, goals });
if (!quick) await writeFile(path.join(import.meta.dirname, '../docs/extender-latency.svg'), drawing());

async function run(duels: readonly Duel[]): Promise<DuelResult[]> {
  const results: DuelResult[] = [];
  for (const duel of duels) results.push(await runDuel(duel));
  say(`${summary(results)}\n`);
  return results;
}

function summary(results: readonly DuelResult[]): string {
  const head = [
    'names',
    'nodes',
    'claims',
    'conc',
    'filter p50',
    'p99',
    'prio p50',
    'p99',
    'both p50',
    'p99',
    'p99.9',
    'floor p50',
    'p99',
    'p50 ratio',
    'p99 ratio',
    'cpu ms',
    'floor',
  ];
  return table(
    head,
    results.map(({ names, nodes = names, claims, concurrency, ours, floor }) => [
      names,
      nodes,
      claims,
      concurrency,
      ...[ours.filter.p50, ours.filter.p99, ours.prioritize.p50, ours.prioritize.p99].map(ms),
      ...[ours.both.p50, ours.both.p99, ours.both.p999, floor.both.p50, floor.both.p99].map(ms),
      ...[ours.both.p50 / floor.both.p50, ours.both.p99 / floor.both.p99].map(ratio),
      ...[ours.cpuMs, floor.cpuMs].map(ms),
    ]),
  );
}

function goalsOf(byNames: readonly DuelResult[], byNodes: readonly DuelResult[]): Goal[] {
  const goals = GOALS.map(({ names, of, most }): Goal => {
    const row = byNames.find((one) => one.names === names && one.concurrency === 1);
    const measured = row ? row.ours.both[of] / row.floor.both[of] : Number.NaN;
    return {
      goal: `(a) ${of} at ${names} names at most ${most} × the floor`,
      measured: ratio(measured),
      met: measured <= most,
    };
  });
  const filters = byNodes.map(({ ours }) => ours.filter.p50);
  const spread = Math.max(...filters) / Math.min(...filters);
  return [
    ...goals,
    {
      goal: '(c) filter of 500 names costs the same within 20 % whatever the cluster',
      measured: `${((spread - 1) * 100).toFixed(0)} %`,
      met: spread <= 1.2,
    },
  ];
}

function drawing(): string {
  const single = a.filter(({ concurrency }) => concurrency === 1).toSorted((x, y) => x.names - y.names);
  return chart({
    title: 'What kube-scheduler waits for one pod: filter + prioritize',
    x: 'node names in the call',
    y: 'milliseconds',
    lines: [
      { label: 'open-local, p99', color: '#f0883e', points: single.map(({ names, ours }) => [names, ours.both.p99]) },
      {
        label: 'open-local, median',
        color: '#d1242f',
        points: single.map(({ names, ours }) => [names, ours.both.p50]),
      },
      {
        label: 'constant reply, median',
        color: '#218bff',
        points: single.map(({ names, floor }) => [names, floor.both.p50]),
      },
    ],
  });
}
