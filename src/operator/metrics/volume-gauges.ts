import { inlineVolumesOf } from '../../capacity/needs/pod-needs.ts';
import type { Gauge, Metrics } from '../../daemon/metrics.ts';
import type { LocalVolume, LocalVolumePhase } from '../../model/local-volume.ts';
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
  return function* (sources) {
    for (const each of [allocated, pv, inline, withoutNode, withoutPv, phases, copies, waiting]) each.clear();
    if (!sources) return;
    const handles = yield* setPvs(sources, pv);
    const counts = yield* countVolumes(sources, handles);
    for (const [node, count] of counts.byNode) allocated.set([node], count);
    for (const [phase, count] of Object.entries(counts.byPhase)) phases.set([phase], count);
    withoutNode.set([], counts.withoutNode);
    withoutPv.set([], counts.withoutPv);
    copies.set([], counts.copies);
    waiting.set([], yield* setInline(sources, inline));
  };
}

/** Returns the handles of all PersistentVolumes, of whatever driver: ours may have had another name. */
function* setPvs({ informers, drivers }: Sources, pv: Gauge): Generator<void, ReadonlySet<string>> {
  const handles = new Set<string>();
  for (const { facts, phase, claim } of informers.pvs.values.values()) {
    yield;
    handles.add(facts.handle);
    if (!facts.takes || !drivers.includes(facts.driver)) continue;
    const { kind, where, size } = facts.takes;
    pv.set([facts.node ?? '', facts.name, kind, claim.name, claim.namespace, phase, where], size);
  }
  return handles;
}

const PHASES = ['Pending', 'Ready', 'Failed', 'Deleting'] as const satisfies LocalVolumePhase[];

function* countVolumes({ informers }: Sources, handles: ReadonlySet<string>) {
  const byNode = new Map([...informers.storages.values.keys()].map((name) => [name, 0]));
  const byPhase = { Pending: 0, Ready: 0, Failed: 0, Deleting: 0 } satisfies Record<LocalVolumePhase, number>;
  const counts = { byNode, byPhase, withoutNode: 0, withoutPv: 0, copies: 0 };
  for (const volume of informers.volumes.values.values()) {
    const { nodeName } = volume.spec;
    const phase = PHASES.find((each) => each === volume.status?.phase) ?? 'Pending';
    byNode.set(nodeName, (byNode.get(nodeName) ?? 0) + 1);
    byPhase[phase] += 1;
    if (informers.nodes.get(nodeName) === undefined) counts.withoutNode += 1;
    if (isWithoutPv(volume, handles)) counts.withoutPv += 1;
    if (volume.status?.progress !== undefined && phase !== 'Ready') counts.copies += 1;
    yield;
  }
  return counts;
}

/** Between CreateVolume and its PersistentVolume a volume has none for a moment; one that stays so is nobody's. */
const isWithoutPv = ({ metadata, spec }: LocalVolume, handles: ReadonlySet<string>): boolean =>
  spec.role === 'Volume' && metadata.deletionTimestamp === undefined && !handles.has(metadata.name ?? '');

/** Returns how many pods without a node need room of ours. */
function* setInline({ informers, ledger }: Sources, inline: Gauge): Generator<void, number> {
  let waiting = 0;
  for (const pod of informers.pods.values.values()) {
    yield;
    const { name, namespace, nodeName } = pod;
    if (nodeName === undefined) {
      if (!pod.finished && ledger.concerns(pod)) waiting += 1;
      continue;
    }
    for (const { key, vgName, size } of inlineVolumesOf(pod))
      inline.set([name, namespace, nodeName, vgName, key], size);
  }
  return waiting;
}
