import type { Topology } from '../../csi/ports.ts';
import type { Handlers } from '../../kube/follow/audience.ts';
import type { Informer } from '../../kube/follow/informer.ts';
import { mapView } from '../../kube/follow/map-view.ts';
import type { Node, PersistentVolume } from '../../model/objects.ts';
import { present } from '../../model/present.ts';
import { createTopology, hostnameIn } from './topology.ts';
import type { NodeView, PvView } from './views.ts';

type Pvs = Informer<PersistentVolume, PvView>;

/** The view with the names of nodes in place of their hostnames; the same object where the two are equal. */
export function withNodeNames(view: PvView, { nodesAt }: Pick<Topology, 'nodesAt'>): PvView {
  const { node: hostname, offer, ...facts } = view.facts;
  const node = hostname === undefined ? undefined : (nodesAt(hostname)[0] ?? hostname);
  const nodes = offer?.nodes?.flatMap(nodesAt);
  if (node === hostname && !nodes?.some((name, at) => name !== offer?.nodes?.[at])) return view;
  return { ...view, facts: { ...facts, ...present({ node, offer: offer && { ...offer, ...present({ nodes }) } }) } };
}

/**
 * PersistentVolumes as the ledger knows nodes: they name theirs by its hostname label, which need not be its name. One
 * is told again when the node of its hostname comes, goes or gets another.
 */
export function createPvsByNode(pvs: Pvs, nodes: Pick<Informer<Node, NodeView>, 'values' | 'subscribe'>): Pvs {
  const topology = createTopology(nodes);
  const named = (view: PvView): PvView => withNodeNames(view, topology);
  const audience = new Set<Handlers<PvView>>();
  const tell = (name: string): void => {
    const view = pvs.get(name);
    if (view) for (const { changed } of audience) changed?.(named(view), undefined);
  };
  const others = createOthers(
    pvs,
    (hostname) => nodes.values.has(hostname) && topology.hostnameOf(hostname) === hostname,
  );
  const tellAt = (hostname: string): void => others.at(hostname).forEach(tell);
  nodes.subscribe({
    changed: (now, before) => {
      const hostname = hostnameIn(now);
      if (before) {
        // A label that changes is rare enough to look at them all.
        if (hostnameIn(before) !== hostname) [...pvs.values.keys()].forEach(tell);
      } else if (hostname === now.name) others.forget(hostname);
      else tellAt(hostname);
    },
    deleted: (node) => tellAt(hostnameIn(node)),
  });
  return {
    ...pvs,
    get: (name) => {
      const view = pvs.get(name);
      return view && named(view);
    },
    values: mapView(pvs.values, named),
    subscribe: (handlers) => {
      audience.add(handlers);
      const stop = pvs.subscribe({
        changed: (now, before) => handlers.changed?.(named(now), before && named(before)),
        deleted: (last) => handlers.deleted?.(named(last)),
      });
      return () => {
        audience.delete(handlers);
        stop();
      };
    },
  };
}

/** Names of the PersistentVolumes by hostname, unless a node is known whose name is that hostname: nearly all. */
function createOthers(pvs: Pvs, isName: (hostname: string) => boolean) {
  const others = new Map<string, Set<string>>();
  const hostnamesOf = ({ facts: { node, offer } }: PvView): readonly string[] => [
    ...(node === undefined ? [] : [node]),
    ...(offer?.nodes ?? []),
  ];
  pvs.subscribe({
    changed: (pv) => {
      for (const hostname of hostnamesOf(pv))
        if (!isName(hostname)) others.set(hostname, (others.get(hostname) ?? new Set()).add(pv.facts.name));
    },
    deleted: (pv) => {
      for (const hostname of hostnamesOf(pv)) {
        const names = others.get(hostname);
        names?.delete(pv.facts.name);
        if (names?.size === 0) others.delete(hostname);
      }
    },
  });
  return {
    at: (hostname: string): string[] => [...(others.get(hostname) ?? [])],
    forget: (hostname: string): void => void others.delete(hostname),
  };
}
