import type { Refusal } from '../../model/verdict.ts';
import { heldByOthers, notTogether, refusedByNode, tooSmall } from '../needs/refusal.ts';
import type { VolumeRequest } from '../needs/volume-request.ts';
import type { Cluster } from '../stock/cluster.ts';
import { NONE } from '../stock/columns.ts';
import { PlaceSearch, type SearchBudget, type Strategy, type WhyNot } from './search.ts';

/** Wrong turns that one call may take, over all its nodes. */
const TURNS = 20_000;

/** Finds the reason for a node, and gives equal reasons as one object. */
export class Explainer {
  readonly budget: SearchBudget = { turns: TURNS };
  #mayFreeUp = false;
  readonly #cluster: Cluster;
  readonly #requests: readonly VolumeRequest[];
  readonly #withoutFloating: PlaceSearch;
  readonly #reasons = new Map<string, Refusal>();
  /** Most nodes are refused for the same reason as the one before: no key is made for them. */
  #last: { readonly failed: VolumeRequest; readonly whyNot: WhyNot; readonly reason: Refusal } | undefined;

  constructor(cluster: Cluster, requests: readonly VolumeRequest[], strategy: Strategy) {
    this.#cluster = cluster;
    this.#requests = requests;
    const rules = { strategy, ignoreFloating: true, budget: this.budget };
    this.#withoutFloating = new PlaceSearch(cluster, requests, rules);
  }

  /** Some node that it was asked about would have room if the pods that float there went elsewhere. */
  get mayFreeUp(): boolean {
    return this.#mayFreeUp;
  }

  /** Why the pod does not fit on the node, where `failed` was the first volume without a place. */
  why(node: number, failed: VolumeRequest): Refusal {
    const search = this.#withoutFloating;
    if (this.#isFloatedOn(node) && search.fits(node)) {
      this.#mayFreeUp = true;
      return this.#once('held', () => heldByOthers(this.#requests));
    }
    const j = this.#requests.indexOf(failed);
    if (this.#requests.length > 1 && search.choose(node, j) !== NONE) {
      return this.#once('together', () => notTogether(this.#requests));
    }
    const whyNot = search.whyNot(node, j);
    if (this.#last?.failed === failed && this.#last.whyNot === whyNot) return this.#last.reason;
    this.#last = { failed, whyNot, reason: this.#reasonFor(failed, whyNot) };
    return this.#last.reason;
  }

  #reasonFor(failed: VolumeRequest, whyNot: WhyNot): Refusal {
    return this.#once(`${whyNot} ${failed.key}`, () =>
      whyNot === 'refused' ? refusedByNode(failed) : tooSmall(failed, whyNot === 'full'),
    );
  }

  #isFloatedOn(node: number): boolean {
    const { firstGroup, nextGroup, floating, unitCount } = this.#cluster.columns;
    for (let row = firstGroup[node]!; row >= 0; row = nextGroup[row]!) if (floating[row]! > 0) return true;
    return unitCount[node]! > 0 && this.#cluster.node(node).units.some((unit) => unit.floating > 0);
  }

  #once(key: string, make: () => Refusal): Refusal {
    let reason = this.#reasons.get(key);
    if (!reason) this.#reasons.set(key, (reason = make()));
    return reason;
  }
}
