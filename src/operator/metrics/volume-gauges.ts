import { parseInline } from '../../capacity/needs/pod-needs.ts';
import type { Gauge, Metrics } from '../../daemon/metrics.ts';
import type { LocalVolumePhase } from '../../model/local-volume.ts';
import { gaugeOf, type Refresh, type Sources } from './gauges.ts';

/** Volumes, with the names and labels of open-local's dashboard. */
export function volumeGauges(registry: Metrics): Refresh {
  const gauge = gaugeOf(registry);
  const allocated = gauge('local_allocated_num', 'Volumes of a node.', ['nodename']);
  const withoutNode = gauge('open_local_volumes_without_node', 'Volumes whose Node object does not exist.', []);
  const withoutPv = gauge('open_local_volumes_without_pv', 'Volumes of claims that no PersistentVolume refers to.', []);
  const phases = gauge('open_local_volumes', 'LocalVolumes by phase.', ['phase']);
  const copies = gauge('open_local_copies', 'Volumes that are being filled from others.', []);
  const waiting = gauge('open_local_waiting_pods', 'Pods without a node that need room of ours.', []);
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
    for (const each of [allocated, pv, inline, withoutNode, withoutPv, phases, copies, waiting]) each.clear();
    if (!sources) return;
    withoutNode.set([], countWithoutNode(sources));
    withoutPv.set([], countWithoutPv(sources));
    waiting.set([], countWaiting(sources));
    setPhases(sources, { phases, copies });
    setVolumes(sources, { allocated, pv });
    setInline(sources, inline);
  };
}

function countWithoutNode({ informers }: Sources): number {
  let count = 0;
  for (const { spec } of informers.volumes.values.values())
    if (informers.nodes.get(spec.nodeName) === undefined) count += 1;
  return count;
}

/** Between CreateVolume and its PersistentVolume a volume has none for a moment; one that stays so is nobody's. */
function countWithoutPv({ informers, drivers }: Sources): number {
  const handles = new Set<string>();
  for (const { facts } of informers.pvs.values.values()) if (drivers.includes(facts.driver)) handles.add(facts.handle);
  let count = 0;
  for (const { metadata, spec } of informers.volumes.values.values())
    if (spec.role === 'Volume' && metadata.deletionTimestamp === undefined && !handles.has(metadata.name ?? ''))
      count += 1;
  return count;
}

function countWaiting({ informers, ledger }: Sources): number {
  let count = 0;
  for (const pod of informers.pods.values.values())
    if (pod.nodeName === undefined && !pod.finished && ledger.concerns(pod)) count += 1;
  return count;
}

const PHASES = ['Pending', 'Ready', 'Failed', 'Deleting'] as const satisfies LocalVolumePhase[];

function setPhases(
  { informers }: Sources,
  { phases, copies }: { readonly phases: Gauge; readonly copies: Gauge },
): void {
  const counts = { Pending: 0, Ready: 0, Failed: 0, Deleting: 0 } satisfies Record<LocalVolumePhase, number>;
  let copying = 0;
  for (const { status } of informers.volumes.values.values()) {
    const phase = PHASES.find((each) => each === status?.phase) ?? 'Pending';
    counts[phase] += 1;
    if (status?.progress !== undefined && phase !== 'Ready') copying += 1;
  }
  for (const [phase, count] of Object.entries(counts)) phases.set([phase], count);
  copies.set([], copying);
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
    if (!facts.takes || !drivers.includes(facts.driver)) continue;
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
