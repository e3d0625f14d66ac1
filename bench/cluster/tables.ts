import type { ClaimsResult, ClaimTimes } from './claims.ts';
import type { SchedulingRow } from './scheduling.ts';
import { ms, ratio, table, type Goal } from '../report.ts';
import { percentile } from '../statistics.ts';

/** Rounds of one case summed up: the median of each figure. */
export interface SchedulingCase extends Pick<SchedulingRow, 'nodes' | 'claims' | 'extender'> {
  readonly rounds: number;
  readonly podsPerSecond: number;
  /** Difference to the echo of the same rounds. */
  readonly ofEcho: number;
  /** The same to no extender at all. */
  readonly ofNone: number;
  /** Scheduler's time for one pod, ms: deciding, and the part outside plug-ins. */
  readonly algorithm: number;
  readonly outsidePlugins: number;
  /** Time by the extender's clock, ms. */
  readonly filter: number;
  readonly prioritize: number;
  readonly bind: number;
  readonly schedulerCpu: number;
  readonly extenderCpu: number;
}

const median = (values: readonly number[]): number => percentile(values, 0.5);

/** Sums up the rounds of each case, in the order in which cases were first played. */
export function casesOf(rows: readonly SchedulingRow[]): SchedulingCase[] {
  const key = ({ nodes, claims, extender }: SchedulingRow): string => `${nodes} ${claims} ${extender}`;
  return [...Map.groupBy(rows, key).values()].map((same) => {
    const [{ nodes, claims, extender }] = same as [SchedulingRow];
    const of = (figure: (row: SchedulingRow) => number): number => median(same.map(figure));
    const paceOf = (extender: SchedulingRow['extender'], { round }: SchedulingRow): number =>
      rows.find(
        (other) =>
          other.extender === extender && other.nodes === nodes && other.claims === claims && other.round === round,
      )?.podsPerSecond ?? Number.NaN;
    return {
      nodes,
      claims,
      extender,
      rounds: same.length,
      podsPerSecond: of((row) => row.podsPerSecond),
      ofEcho: of((row) => row.podsPerSecond / paceOf('echo', row)),
      ofNone: of((row) => row.podsPerSecond / paceOf('none', row)),
      algorithm: of((row) => row.scheduler.algorithm),
      outsidePlugins: of((row) => row.scheduler.outsidePlugins),
      filter: of((row) => row.calls?.['filter']?.ms ?? 0),
      prioritize: of((row) => row.calls?.['prioritize']?.ms ?? 0),
      bind: of((row) => row.calls?.['bind']?.ms ?? 0),
      schedulerCpu: of((row) => row.scheduler.cpu),
      extenderCpu: of((row) => row.extenderCpu),
    };
  });
}

/** Formats the cases for people. */
export function schedulingTable(cases: readonly SchedulingCase[]): string {
  const head = [
    ...['nodes', 'claims', 'extender', 'rounds', 'pods/s', 'of none', 'of echo', 'decide ms', 'of it outside plug-ins'],
    ...['filter ms', 'prioritize ms', 'bind ms', 'scheduler CPU ms/pod', 'extender CPU ms/pod'],
  ];
  return table(
    head,
    cases.map((one) => [
      ...[one.nodes, one.claims, one.extender, one.rounds, one.podsPerSecond.toFixed(0)],
      ...[ratio(one.ofNone), ratio(one.ofEcho)],
      ...[one.algorithm, one.outsidePlugins, one.filter, one.prioritize, one.bind].map(ms),
      ...[one.schedulerCpu, one.extenderCpu].map(ms),
    ]),
  );
}

/** Pods that nobody asks us about are compared with no extender, all others with the echo. */
export function schedulingGoals(cases: readonly SchedulingCase[]): Goal[] {
  return cases
    .filter(({ claims, extender }) => (claims === 0 && extender.startsWith('ours')) || extender === 'ours, marked')
    .map(({ nodes, claims, extender, ofEcho, ofNone }) => {
      const isUnasked = claims === 0 && extender === 'ours, marked';
      const measured = isUnasked ? ofNone : ofEcho;
      const pods = claims === 0 ? 'plain pods' : 'pods with a claim';
      return {
        goal: `${pods} at ${nodes} nodes, ${extender}: at least 0.95 × ${isUnasked ? 'no extender' : 'the echo'}`,
        measured: ratio(measured),
        met: measured >= 0.95,
      };
    });
}

/** Formats the results of claims for people: times and costs. */
export function claimsTables({ paced, burst, requests }: ClaimsResult): string {
  const rows = (how: string, times: readonly ClaimTimes[]): (string | number)[][] =>
    times.map(({ side, claims, p50, p99, createVolumeMs = 0, cpu = {}, load }) => [
      ...[
        how,
        side,
        claims,
        p50.toFixed(0),
        p99.toFixed(0),
        ratio(p50 / floorOf(times).p50),
        createVolumeMs.toFixed(0),
      ],
      ...[sum(Object.values(cpu)), cpu['kube-apiserver'] ?? 0, cpu['open-local operator'] ?? 0].map(ms),
      load.toFixed(1),
    ]);
  const head = [
    ...['claims', 'side', 'count', 'p50 ms', 'p99 ms', 'p50 of floor', 'CreateVolume ms'],
    ...['CPU ms/claim', 'API server', 'operator', 'load'],
  ];
  const asked = Object.entries(requests).flatMap(([program, kinds]) =>
    Object.entries(kinds).map(([kind, count]) => [program, kind, count] as const),
  );
  const often = asked.filter(([, , count]) => count >= 0.05);
  return [
    table(head, [...rows('paced', paced), ...rows('at once', burst)]),
    table(['program', 'request', 'for one claim'], often),
  ].join('\n\n');
}

export function claimsGoals({ paced, burst }: ClaimsResult): Goal[] {
  return [...goalFor('claims at once', burst), ...goalFor('paced claims', paced)];
}

function goalFor(what: string, times: readonly ClaimTimes[]): Goal[] {
  const ours = times.find(({ side }) => side === 'ours');
  if (!ours) return [];
  const of = ours.p50 / floorOf(times).p50;
  return [{ goal: `${what}: Bound within 1.3 × the floor at p50`, measured: ratio(of), met: of <= 1.3 }];
}

const floorOf = (times: readonly ClaimTimes[]): Pick<ClaimTimes, 'p50'> =>
  times.find(({ side }) => side === 'floor') ?? { p50: Number.NaN };
const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);
