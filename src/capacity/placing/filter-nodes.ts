import type { AskedNodes, Refusal } from '../../model/verdict.ts';
import type { Cluster } from '../stock/cluster.ts';
import { PlaceSearch, type Strategy } from './search.ts';
import { Explainer } from './explain.ts';
import type { PodNeeds } from '../needs/pod-needs.ts';
import { byNeed } from '../needs/volume-request.ts';
import { pickVolumes, planFor, type PodPlan } from './plan.ts';
import { UNKNOWN_NODE, WRONG_NODE } from '../needs/refusal.ts';

/** Which nodes have room for all volumes of a pod, and where on each. */
export interface NodesThatFit {
  /** One per name; undefined where it fits. */
  readonly refusals: (Refusal | undefined)[];
  /** The nodes that fit, in the order of the names. */
  readonly plan: PodPlan;
  /** Some refused node would have room if the pods that hold it went elsewhere. */
  readonly mayFreeUp: boolean;
}

/** Tries every named node. Takes no room. Its cost is linear in the names, whatever the cluster's size. */
export function filterNodes(cluster: Cluster, needs: PodNeeds, asked: AskedNodes, strategy: Strategy): NodesThatFit {
  const { columns } = cluster;
  const { requests, pin, stores = [] } = needs;
  const all = stores.length === 0 ? requests : [...requests, ...stores].toSorted(byNeed);
  const numbers = cluster.numbersOf(asked);
  const refusals = sameForAll<Refusal | undefined>(numbers.length, undefined);
  const fitting = new Int32Array(numbers.length);
  let count = 0;
  const explain = new Explainer(cluster, all, strategy);
  const rules = { strategy, ignoreFloating: false, budget: explain.budget, nodes: numbers.length };
  const search = new PlaceSearch(cluster, all, rules);
  const { present } = columns;
  const names = pin === undefined ? undefined : asked.names;

  for (let position = 0; position < numbers.length; position += 1) {
    if (names && names[position] !== pin) {
      refusals[position] = WRONG_NODE;
      continue;
    }
    if (all.length === 0) continue;
    const node = numbers[position]!;
    if (node < 0 || present[node] === 0) {
      refusals[position] = UNKNOWN_NODE;
      continue;
    }
    const failed = search.place(node);
    if (failed) refusals[position] = explain.why(node, failed);
    else fitting[count++] = node;
  }
  const plan = planFor(columns, all, fitting.slice(0, count), search.rows());
  return { refusals, plan: stores.length === 0 ? plan : pickVolumes(plan, requests), mayFreeUp: explain.mayFreeUp };
}

/** One answer for every node. Not Array.from, which takes longer than all the rest for thousands of nodes. */
export function sameForAll<T>(count: number, answer: T): T[] {
  const answers: T[] = [];
  answers.length = count;
  return answers.fill(answer);
}
