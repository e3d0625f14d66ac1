import { parseInline } from '../../capacity/needs/pod-needs.ts';
import type { Gauge, Metrics } from '../../daemon/metrics.ts';
import { gaugeOf, type Refresh, type Sources } from './gauges.ts';

/** Volumes, with the names and labels of open-local's dashboard. */
export function volumeGauges(registry: Metrics): Refresh {
  const gauge = gaugeOf(registry);
  const allocated = gauge('local_allocated_num', 'Volumes of a node.', ['nodename']);
  const withoutNode = gauge('open_local_volumes_without_node', 'Volumes whose Node object does not exist.', []);
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
    for (const each of [allocated, pv, inline, withoutNode]) each.clear();
    if (!sources) return;
    withoutNode.set([], countWithoutNode(sources));
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
