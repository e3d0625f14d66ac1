import type { Counter, Gauge, Metrics } from '../../daemon/metrics.ts';
import { allOf } from '../follow/informers.ts';
import { gaugeOf, type Refresh, type Sources } from './gauges.ts';
import { AGES_S, createAges } from './hold-ages.ts';

/** How the operator itself does: whether it leads, what it holds and for how long, and how it hears of the cluster. */
export function stateGauges(registry: Metrics): Refresh {
  const gauge = gaugeOf(registry);
  const leads = gauge('open_local_leader', '1 while this replica serves.', []);
  const holds = gauge('open_local_holds', 'Pods and claims for which room is held.', ['state']);
  const work = gauge('open_local_node_storage_work', 'Nodes whose NodeLocalStorage is to be looked at.', ['state']);
  const ages = holdAges(registry);
  const informers = informerGauges(registry);
  return (sources) => {
    for (const each of [holds, work]) each.clear();
    leads.set([], sources ? 1 : 0);
    ages(sources);
    informers(sources);
    if (!sources) return;
    for (const [state, count] of Object.entries(sources.ledger.holds())) holds.set([state], count);
    for (const [state, count] of Object.entries(sources.queue())) work.set([state], count);
  };
}

function holdAges(registry: Metrics): Refresh {
  const older = registry.gauge({
    name: 'open_local_holds_older_than',
    help: 'Pods and claims for which room has been held for more than so many seconds, as seen by whoever reads this page.',
    labels: ['of', 'seconds'],
  });
  const agesOf = { pods: createAges(), claims: createAges() };
  return (sources) => {
    older.clear();
    const held = sources?.ledger.held() ?? { pods: [], claims: [] };
    for (const kind of ['pods', 'claims'] as const) {
      const ages = agesOf[kind](held[kind], performance.now());
      if (!sources) continue;
      for (const seconds of AGES_S)
        older.set([kind, String(seconds)], ages.filter((age) => age > seconds * 1000).length);
    }
  };
}

interface InformerSeries {
  readonly failures: Gauge;
  readonly objects: Gauge;
  readonly silence: Gauge;
  readonly lists: Counter;
}

function informerGauges(registry: Metrics): Refresh {
  const gauge = gaugeOf(registry);
  const of = ['resource'];
  const silent = 'Seconds since the API server last told something of a kind; it does at least once a minute.';
  const series: InformerSeries = {
    failures: gauge('open_local_informer_failures', 'Failures in a row to follow a kind of object.', of),
    objects: gauge('open_local_objects', 'Objects known of a kind.', of),
    silence: gauge('open_local_informer_silence_seconds', silent, of),
    lists: registry.counter({
      name: 'open_local_informer_lists_total',
      help: 'Whole lists read of a kind of object; more than one a start means that a watch could not go on.',
      labels: of,
    }),
  };
  const counted = new Map<string, number>();
  return (sources) => {
    for (const each of [series.failures, series.objects, series.silence]) each.clear();
    if (sources) setInformers(sources, series, counted);
  };
}

function setInformers({ informers }: Sources, series: InformerSeries, counted: Map<string, number>): void {
  for (const [name, informer] of allOf(informers)) {
    const { failures, lists, silentMs } = informer.health();
    series.failures.set([name], failures);
    series.objects.set([name], informer.values.size);
    series.lists.add([name], lists - (counted.get(name) ?? 0));
    counted.set(name, lists);
    if (silentMs !== undefined) series.silence.set([name], silentMs / 1000);
  }
}
