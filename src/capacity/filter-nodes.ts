import type { AskedNodes, Refusal } from '../model/verdict.ts';
import type { Cluster } from './cluster.ts';
import { NONE } from './columns.ts';
import { PlaceSearch, type Patience, type Strategy } from './place-pod.ts';
import type { PodNeeds } from './plan-pod.ts';
import { planFor, type PodPlan } from './pod-hold.ts';
import { heldByOthers, notTogether, tooSmall, UNKNOWN_NODE, WRONG_NODE } from './refusal.ts';
import type { VolumeRequest } from './volume-request.ts';

/** Wrong turns in one call, over all its nodes. */
const PATIENCE = 20_000;

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
  const { requests, pin } = needs;
  const numbers = cluster.numbersOf(asked);
  const refusals = sameForAll<Refusal | undefined>(numbers.length, undefined);
  let count = 0;
  const explain = new Explainer(cluster, requests, strategy);
  const rules = { strategy, ignoreFloating: false, patience: explain.patience, nodes: numbers.length };
  const search = new PlaceSearch(cluster, requests, rules);
  const { present } = columns;
  const names = pin === undefined ? undefined : asked.names;

  for (let position = 0; position < numbers.length; position += 1) {
    if (names && names[position] !== pin) {
      refusals[position] = WRONG_NODE;
      continue;
    }
    if (requests.length === 0) continue;
    const node = numbers[position]!;
    if (node < 0 || present[node] === 0) {
      refusals[position] = UNKNOWN_NODE;
      continue;
    }
    const failed = search.place(node);
    if (failed) refusals[position] = explain.why(node, failed);
    else numbers[count++] = node; // what is behind has been read
  }
  const plan = planFor(columns, requests, numbers.slice(0, count), search.found.slice(0, search.count));
  return { refusals, plan, mayFreeUp: explain.mayFreeUp };
}

/** One answer for every node. Not Array.from, which takes longer than all the rest for thousands of nodes. */
export function sameForAll<T>(count: number, answer: T): T[] {
  const answers: T[] = [];
  answers.length = count;
  return answers.fill(answer);
}

/** Finds the reason for a node, and gives equal reasons as one object. */
export class Explainer {
  readonly patience: Patience = { turns: PATIENCE };
  mayFreeUp = false;
  readonly #cluster: Cluster;
  readonly #requests: readonly VolumeRequest[];
  readonly #withoutFloating: PlaceSearch;
  readonly #reasons = new Map<string, Refusal>();
  /** Most nodes are refused for the same reason as the one before: no key is made for them. */
  #last: { readonly failed: VolumeRequest; readonly exists: boolean; readonly reason: Refusal } | undefined;

  constructor(cluster: Cluster, requests: readonly VolumeRequest[], strategy: Strategy) {
    this.#cluster = cluster;
    this.#requests = requests;
    const rules = { strategy, ignoreFloating: true, patience: this.patience };
    this.#withoutFloating = new PlaceSearch(cluster, requests, rules);
  }

  /** Why the pod does not fit on the node, where `failed` was the first volume without a place. */
  why(node: number, failed: VolumeRequest): Refusal {
    const search = this.#withoutFloating;
    search.count = 0;
    if (this.#isFloatedOn(node) && !search.place(node)) {
      this.mayFreeUp = true;
      return this.#once('held', () => heldByOthers(this.#requests));
    }
    const j = this.#requests.indexOf(failed);
    if (this.#requests.length > 1 && search.choose(node, j) !== NONE) {
      return this.#once('together', () => notTogether(this.#requests));
    }
    const exists = search.hasPlace(node, j);
    if (this.#last?.failed === failed && this.#last.exists === exists) return this.#last.reason;
    const reason = this.#once(`${exists} ${failed.key}`, () => tooSmall(failed, exists));
    this.#last = { failed, exists, reason };
    return reason;
  }

  #isFloatedOn(node: number): boolean {
    const { firstGroup, nextGroup, floating, unitCount } = this.#cluster.columns;
    for (let row = firstGroup[node]!; row !== NONE; row = nextGroup[row]!) if (floating[row]! > 0) return true;
    return unitCount[node]! > 0 && this.#cluster.node(node).units.some((unit) => unit.floating > 0);
  }

  #once(key: string, make: () => Refusal): Refusal {
    let reason = this.#reasons.get(key);
    if (!reason) this.#reasons.set(key, (reason = make()));
    return reason;
  }
}
