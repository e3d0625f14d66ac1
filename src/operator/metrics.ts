import type { GroupState, UnitState } from '../capacity/describe.ts';
import type { Ledger } from '../capacity/ledger.ts';
import { parseInline } from '../capacity/plan-pod.ts';
import type { CallReport as CsiCall } from '../csi/service.ts';
import { createMetrics, type Gauge, type Metrics } from '../daemon/metrics.ts';
import type { CallReport as ExtenderCall } from '../extender/server.ts';
import { allOf, type Informers } from './informers.ts';

export interface OperatorMetrics {
  readonly registry: Metrics;
  readonly onCsiCall: (call: CsiCall) => void;
  readonly onExtenderCall: (call: ExtenderCall) => void;
  /** Room given up because nothing was heard of its pod. */
  readonly onExpired: (pods: number) => void;
  /** Where the numbers come from when a page is made; absent while we do not lead. */
  readonly watch: (sources: Sources | undefined) => void;
}

export interface Sources {
  readonly ledger: Ledger;
  readonly informers: Informers;
  /** Names of CSI drivers that are ours. */
  readonly drivers: readonly string[];
  readonly queue: () => Readonly<Record<string, number>>;
}

const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** What the operator tells of itself and of the cluster's storage. The names that begin with `local_` are those of open-local, for its dashboard. */
export function createOperatorMetrics(): OperatorMetrics {
  const registry = createMetrics();
  const calls = (name: string, help: string, labels: readonly string[]) =>
    registry.histogram({ name, help, labels, buckets: SECONDS });
  const csi = calls('open_local_csi_call_seconds', 'Time of CSI calls.', ['method', 'code']);
  const extender = calls('open_local_extender_call_seconds', 'Time of calls of kube-scheduler.', ['verb', 'outcome']);
  const expired = registry.counter({
    name: 'open_local_expired_holds_total',
    help: 'Pods that lost the room held for them because nothing more was heard of them.',
  });
  const refreshers = [storageGauges(registry), volumeGauges(registry), stateGauges(registry)];
  let sources: Sources | undefined;
  registry.beforePage(() => {
    for (const refresh of refreshers) refresh(sources);
  });
  return {
    registry,
    onCsiCall: ({ method, code, ms }) => csi.observe([method, code], ms / 1000),
    onExtenderCall: ({ verb, outcome, ms }) => extender.observe([verb, outcome], ms / 1000),
    onExpired: (pods) => expired.add([], pods),
    watch: (now) => void (sources = now),
  };
}

type Refresh = (sources: Sources | undefined) => void;

const gaugeOf =
  (registry: Metrics) =>
  (name: string, help: string, labels: readonly string[]): Gauge =>
    registry.gauge({ name, help, labels });

function storageGauges(registry: Metrics): Refresh {
  const gauge = gaugeOf(registry);
  const total = gauge('local_volume_group_total', 'Bytes of a volume group that volumes can have.', [
    'nodename',
    'vgname',
  ]);
  const used = gauge('local_volume_group_used', 'Bytes of a volume group that are taken or promised.', [
    'nodename',
    'vgname',
  ]);
  const held = gauge('open_local_volume_group_held_bytes', 'Bytes held for pods, as a part of what is used.', [
    'nodename',
    'vgname',
    'state',
  ]);
  const units = { MountPoint: unitGauges(registry, 'mount_point'), Device: unitGauges(registry, 'device') };
  const group = (node: string, { name, ...state }: GroupState): void => {
    total.set([node, name], state.total - state.reserved);
    used.set([node, name], Math.max(0, state.total - state.reserved - state.free));
    held.set([node, name, 'settled'], state.settled);
    held.set([node, name, 'floating'], state.floating);
  };
  return (sources) => {
    for (const each of [total, used, held]) each.clear();
    for (const { clear } of Object.values(units)) clear();
    for (const { name, groups, units: found } of sources?.ledger.snapshot() ?? []) {
      const reported = sources?.informers.storages.get(name)?.storage.units ?? [];
      for (const each of groups) group(name, each);
      for (const each of found) {
        const media = reported.find(({ path }) => path === each.path)?.mediaType ?? '';
        units[each.kind].set(name, each, media);
      }
    }
  };
}

function unitGauges(registry: Metrics, kind: 'mount_point' | 'device') {
  const gauge = gaugeOf(registry);
  const labels = ['nodename', 'name', 'type'];
  const total = gauge(`local_${kind}_total`, `Bytes of a ${kind}.`, labels);
  const available = gauge(`local_${kind}_available`, `Bytes of a ${kind} that a claim can have.`, labels);
  const bind = gauge(`local_${kind}_bind`, `1 for a ${kind} that a claim has.`, ['nodename', 'name']);
  return {
    clear: (): void => {
      for (const each of [total, available, bind]) each.clear();
    },
    set: (node: string, { path, size, usable, takenBy, held }: UnitState, media: string): void => {
      const isFree = usable && takenBy.length === 0 && held === 0;
      total.set([node, path, media], size);
      available.set([node, path, media], isFree ? size : 0);
      bind.set([node, path], takenBy.length > 0 ? 1 : 0);
    },
  };
}

function volumeGauges(registry: Metrics): Refresh {
  const gauge = gaugeOf(registry);
  const allocated = gauge('local_allocated_num', 'Volumes of a node.', ['nodename']);
  const pv = gauge('local_local_pv', 'Bytes of a PersistentVolume.', [
    'nodename',
    'pv_name',
    'pv_type',
    'pvc_name',
    'pvc_ns',
    'status',
    'storage_name',
  ]);
  const inline = gauge('local_inline_volume', 'Bytes of an inline volume.', [
    'pod_name',
    'pod_namespace',
    'nodename',
    'vgname',
    'volume_name',
  ]);
  return (sources) => {
    for (const each of [allocated, pv, inline]) each.clear();
    if (!sources) return;
    setVolumes(sources, { allocated, pv });
    setInline(sources, inline);
  };
}

function setVolumes(
  { informers, drivers }: Sources,
  { allocated, pv }: { readonly allocated: Gauge; readonly pv: Gauge },
): void {
  const counts = new Map([...informers.storages.values.keys()].map((name) => [name, 0]));
  for (const { spec } of informers.volumes.values.values())
    counts.set(spec.nodeName, (counts.get(spec.nodeName) ?? 0) + 1);
  for (const [node, count] of counts) allocated.set([node], count);
  for (const { facts, phase, claim } of informers.pvs.values.values()) {
    if (!facts?.takes || !drivers.includes(facts.driver)) continue;
    const { kind, where, size } = facts.takes;
    pv.set([facts.node ?? '', facts.name, kind, claim.name, claim.namespace, phase, where], size);
  }
}

function setInline({ informers }: Sources, inline: Gauge): void {
  for (const { uid, name, namespace, nodeName, volumes } of informers.pods.values.values()) {
    for (const volume of volumes) {
      const parsed = volume.kind === 'inline' && nodeName !== undefined && parseInline(uid, volume);
      if (!parsed || 'problem' in parsed) continue;
      inline.set([name, namespace, nodeName ?? '', parsed.vgName, parsed.key], parsed.size);
    }
  }
}

function stateGauges(registry: Metrics): Refresh {
  const gauge = gaugeOf(registry);
  const leads = gauge('open_local_leader', '1 while this replica serves.', []);
  const holds = gauge('open_local_holds', 'Pods and claims for which room is held.', ['state']);
  const failures = gauge('open_local_informer_failures', 'Failures in a row to follow a kind of object.', ['resource']);
  const objects = gauge('open_local_objects', 'Objects known of a kind.', ['resource']);
  const work = gauge('open_local_node_storage_work', 'Nodes whose NodeLocalStorage is to be looked at.', ['state']);
  return (sources) => {
    for (const each of [holds, failures, objects, work]) each.clear();
    leads.set([], sources ? 1 : 0);
    if (!sources) return;
    for (const [state, count] of Object.entries(sources.ledger.holds())) holds.set([state], count);
    for (const [state, count] of Object.entries(sources.queue())) work.set([state], count);
    for (const [name, informer] of allOf(sources.informers)) {
      failures.set([name], informer.health().failures);
      objects.set([name], informer.values.size);
    }
  };
}
