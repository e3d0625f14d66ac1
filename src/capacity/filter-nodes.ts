import type { Refusal } from '../model/verdict.ts';
import type { Cluster } from './cluster.ts';
import type { NodeRoom } from './node-room.ts';
import { chooseSlot, hasPlaceFor, placePod, type Patience, type Strategy } from './place-pod.ts';
import type { PodNeeds } from './plan-pod.ts';
import { planFor, type PodPlan } from './pod-hold.ts';
import { heldByOthers, notTogether, tooSmall, UNKNOWN_NODE, WRONG_NODE } from './refusal.ts';
import type { Slot } from './slot.ts';
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
export function filterNodes(
  cluster: Cluster,
  needs: PodNeeds,
  names: readonly string[],
  strategy: Strategy,
): NodesThatFit {
  const { requests, pin } = needs;
  const refusals = sameForAll<Refusal | undefined>(names.length, undefined);
  const nodes: NodeRoom[] = [];
  const slots: Slot[] = [];
  const explain = new Explainer(requests, strategy);
  const rules = { strategy, ignoreFloating: false, patience: explain.patience };

  for (let position = 0; position < names.length; position += 1) {
    const name = names[position] ?? '';
    if (pin !== undefined && pin !== name) {
      refusals[position] = WRONG_NODE;
      continue;
    }
    if (requests.length === 0) continue;
    const node = cluster.find(name);
    if (!node) {
      refusals[position] = UNKNOWN_NODE;
      continue;
    }
    const failed = placePod(node, requests, slots, rules);
    if (failed) {
      refusals[position] = explain.why(node, failed);
      continue;
    }
    nodes.push(node);
  }
  return { refusals, plan: planFor(requests, nodes, slots), mayFreeUp: explain.mayFreeUp };
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
  readonly #requests: readonly VolumeRequest[];
  readonly #strategy: Strategy;
  readonly #reasons = new Map<string, Refusal>();
  /** Most nodes are refused for the same reason as the one before: no key is made for them. */
  #last: { readonly failed: VolumeRequest; readonly exists: boolean; readonly reason: Refusal } | undefined;

  constructor(requests: readonly VolumeRequest[], strategy: Strategy) {
    this.#requests = requests;
    this.#strategy = strategy;
  }

  /** Why the pod does not fit on the node, where `failed` was the first volume without a place. */
  why(node: NodeRoom, failed: VolumeRequest): Refusal {
    if (this.#fitsWithoutFloating(node)) {
      this.mayFreeUp = true;
      return this.#once('held', () => heldByOthers(this.#requests));
    }
    const alone = { strategy: this.#strategy, ignoreFloating: true };
    if (this.#requests.length > 1 && chooseSlot(node, failed, alone)) {
      return this.#once('together', () => notTogether(this.#requests));
    }
    const exists = hasPlaceFor(node, failed);
    if (this.#last?.failed === failed && this.#last.exists === exists) return this.#last.reason;
    const reason = this.#once(`${exists} ${failed.key}`, () => tooSmall(failed, exists));
    this.#last = { failed, exists, reason };
    return reason;
  }

  #fitsWithoutFloating(node: NodeRoom): boolean {
    if (!node.groups.some(isFloatedOn) && !node.units.some(isFloatedOn)) return false;
    const rules = { strategy: this.#strategy, ignoreFloating: true, patience: this.patience };
    return placePod(node, this.#requests, [], rules) === undefined;
  }

  #once(key: string, make: () => Refusal): Refusal {
    let reason = this.#reasons.get(key);
    if (!reason) this.#reasons.set(key, (reason = make()));
    return reason;
  }
}

const isFloatedOn = (slot: Slot): boolean => slot.floating > 0;
