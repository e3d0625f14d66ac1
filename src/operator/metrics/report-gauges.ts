import type { Gauge, Metrics } from '../../daemon/metrics.ts';
import { DISK_REASONS } from '../../model/disk-reasons.ts';
import { EVENT_REASONS } from '../../model/event-reasons.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { bytes } from '../../model/bytes.ts';
import { largestStore } from '../../model/snapshot-store.ts';
import type { StorageView } from '../follow/views.ts';
import { gaugeOf, type Refresh, type Sources } from './gauges.ts';

/** A store of a snapshot so full needs a look, in parts of its size. */
const NEARLY_FULL = 0.9;
/** Reasons that another version's agent gives. */
const OTHER = 'other';

interface ReportSeries {
  readonly reported: Gauge;
  readonly faults: Gauge;
  readonly refusals: Gauge;
  readonly failing: Gauge;
}

/**
 * What the agents report in their objects. They have no port that Prometheus could read, so the operator tells it:
 * docs/decisions/0024.
 */
export function reportGauges(registry: Metrics): Refresh {
  const gauge = gaugeOf(registry);
  const reported = gauge(
    'open_local_node_report_timestamp_seconds',
    "When the node's agent last reported, by its clock, in seconds since 1970; absent for lost nodes.",
    ['nodename'],
  );
  const unreported = gauge(
    'open_local_node_never_reported',
    '1 for a node that an agent was sent to and never reported; absent where all is well, or no agent is to be.',
    ['nodename'],
  );
  const faults = gauge('open_local_node_faults', 'Groups, logical volumes and units that are faulty.', [
    'nodename',
    'of',
  ]);
  const refusals = gauge('open_local_node_refusals', 'What an agent refuses, by reason (docs/events.md).', [
    'nodename',
    'reason',
  ]);
  const failing = gauge('open_local_node_failing_disks', 'Disks that fail, by reason (docs/events.md).', [
    'nodename',
    'reason',
  ]);
  const stores = gauge('open_local_snapshot_stores', 'Snapshots by how their stores do: ok, nearly_full, lost.', [
    'nodename',
    'state',
  ]);
  return function* (sources) {
    for (const each of [reported, unreported, faults, refusals, failing, stores]) each.clear();
    if (!sources) return;
    for (const view of sources.informers.storages.values.values()) {
      if (isThere(view, sources)) setReport(view, { reported, faults, refusals, failing });
      yield;
    }
    yield* setUnreported(sources, unreported);
    yield* setStores(sources, stores);
  };
}

/** A node that is gone, or called lost, reports nothing any more, and is told of elsewhere. */
const isThere = ({ name, lost }: StorageView, { informers }: Sources): boolean =>
  lost === undefined && informers.nodes.get(name) !== undefined;

function setReport(
  { name, reportedAt, troubles, refusals = [], failing = [] }: StorageView,
  series: ReportSeries,
): void {
  if (reportedAt !== undefined) series.reported.set([name], reportedAt / 1000);
  series.faults.set([name, 'group'], troubles.groups.size);
  series.faults.set([name, 'volume'], [...troubles.volumes.values()].flat().length);
  series.faults.set([name, 'unit'], troubles.units.size);
  for (const [reason, count] of countsOf(refusals, EVENT_REASONS)) series.refusals.set([name, reason], count);
  for (const [reason, count] of countsOf(failing, DISK_REASONS)) series.failing.set([name, reason], count);
}

/** How often each reason is told; those that are not of the closed list count as one. */
function countsOf(reasons: readonly string[], known: object): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const told of reasons) {
    const reason = Object.hasOwn(known, told) ? told : OTHER;
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  return counts;
}

/**
 * A node without a pod of the DaemonSet has no agent on purpose, by its taints or labels. Pods are looked through only
 * while some node has not reported.
 */
function* setUnreported(sources: Sources, unreported: Gauge): Generator<void> {
  const { informers, namespace } = sources;
  const nodes = new Set<string>();
  for (const view of informers.storages.values.values())
    if (view.reportedAt === undefined && isThere(view, sources)) nodes.add(view.name);
  if (nodes.size === 0) return;
  for (const pod of informers.pods.values.values()) {
    yield;
    const isOurs = pod.isAgent && pod.namespace === namespace && !pod.finished;
    if (isOurs && nodes.has(pod.nodeName ?? '')) unreported.set([pod.nodeName ?? ''], 1);
  }
}

type StoreState = 'ok' | 'nearly_full' | 'lost';

function* setStores({ informers }: Sources, stores: Gauge): Generator<void> {
  const byNode = new Map<string, Record<StoreState, number>>();
  for (const volume of informers.volumes.values.values()) {
    yield;
    if (volume.spec.role !== 'Snapshot') continue;
    const counts = byNode.get(volume.spec.nodeName) ?? { ok: 0, nearly_full: 0, lost: 0 };
    counts[storeState(volume)] += 1;
    byNode.set(volume.spec.nodeName, counts);
  }
  for (const [node, counts] of byNode)
    for (const [state, count] of Object.entries(counts)) stores.set([node, state], count);
}

/** A store in which the whole source has room never overflows, however full it is. */
export function storeState({ spec, status }: Pick<LocalVolume, 'spec' | 'status'>): StoreState {
  const { usedBytes = 0, sourceBytes, overflowed } = status?.snapshot ?? {};
  if (overflowed === true) return 'lost';
  const size = status?.sizeBytes ?? spec.sizeBytes;
  const isWhole = sourceBytes !== undefined && size >= largestStore(bytes(sourceBytes));
  return !isWhole && usedBytes >= size * NEARLY_FULL ? 'nearly_full' : 'ok';
}
