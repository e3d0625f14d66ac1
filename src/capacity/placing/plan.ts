import type { VolumeRequest } from '../needs/volume-request.ts';
import type { Cluster } from '../stock/cluster.ts';
import type { Columns } from '../stock/columns.ts';
import type { NodeRoom } from '../stock/node-stock.ts';
import { PlaceSearch, type Strategy } from './search.ts';

/**
 * Where the volumes of one pod would go, on each of some nodes. In `rows` and `amounts`, the entry for node `i` and
 * volume `j` is at index `i × volumes + j`.
 */
export interface PodPlan {
  readonly requests: readonly VolumeRequest[];
  /** Numbers of the nodes. */
  readonly nodes: Int32Array;
  /** Of the slots; NONE for a volume whose room has been given back. */
  readonly rows: Int32Array;
  readonly amounts: Float64Array;
}

/** The plan that puts the volumes in these rows, one after the other for each node. */
export function planFor(
  columns: Columns,
  requests: readonly VolumeRequest[],
  nodes: Int32Array,
  rows: Int32Array,
): PodPlan {
  const amounts = new Float64Array(rows.length);
  for (let at = 0, j = 0; at < rows.length; at += 1, j = j + 1 === requests.length ? 0 : j + 1)
    amounts[at] = columns.amountFor(rows[at]!, requests[j]!.size);
  return { requests, nodes, rows, amounts };
}

/** The plan with these nodes only. */
export function pickNodes(plan: PodPlan, picked: readonly number[]): PodPlan {
  const count = plan.requests.length;
  const nodes = new Int32Array(picked.length);
  const rows = new Int32Array(picked.length * count);
  const amounts = new Float64Array(picked.length * count);
  picked.forEach((i, to) => {
    nodes[to] = plan.nodes[i]!;
    for (let j = 0; j < count; j += 1) {
      rows[to * count + j] = plan.rows[i * count + j]!;
      amounts[to * count + j] = plan.amounts[i * count + j]!;
    }
  });
  return { requests: plan.requests, nodes, rows, amounts };
}

/** The plan with these of its volumes only, in their order. */
export function pickVolumes(plan: PodPlan, requests: readonly VolumeRequest[]): PodPlan {
  const columns = requests.map((request) => plan.requests.indexOf(request));
  const at = [...plan.nodes.keys()].flatMap((i) => columns.map((j) => i * plan.requests.length + j));
  return {
    requests,
    nodes: plan.nodes,
    rows: Int32Array.from(at, (from) => plan.rows[from]!),
    amounts: Float64Array.from(at, (from) => plan.amounts[from]!),
  };
}

/** Wrong turns in looking for a better packing of one node. */
const TURNS = 1000;

/** Where these volumes would go on one node; undefined when they do not fit. Takes no room. */
export function planOn(
  cluster: Cluster,
  node: NodeRoom,
  requests: readonly VolumeRequest[],
  strategy: Strategy,
): PodPlan | undefined {
  const rules = { strategy, ignoreFloating: false, budget: { turns: TURNS } };
  const search = new PlaceSearch(cluster, requests, rules);
  if (search.place(node.number)) return undefined;
  return planFor(cluster.columns, requests, Int32Array.of(node.number), search.rows());
}
