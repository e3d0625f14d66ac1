import type { NodeRoom } from './node-room.ts';
import type { HoldState, Slot } from './slot.ts';
import type { VolumeRequest } from './volume-request.ts';

/** Where the volumes of one pod would go, on each of some nodes: for the node `i` and the volume `j` at index `i × volumes + j`. */
export interface PodPlan {
  readonly requests: readonly VolumeRequest[];
  readonly nodes: readonly NodeRoom[];
  readonly slots: readonly Slot[];
  readonly amounts: readonly number[];
}

/** The plan that puts the volumes in these slots, one after the other for each node. */
export function planFor(
  requests: readonly VolumeRequest[],
  nodes: readonly NodeRoom[],
  slots: readonly Slot[],
): PodPlan {
  const sizes = requests.map(({ size }) => size);
  const amounts = slots.map((slot, at) => slot.amountFor(sizes[at % sizes.length] ?? 0));
  return { requests, nodes, slots, amounts };
}

/**
 * Room kept for a pod whose volumes are not recorded yet.
 *
 *              hold                    settleOn                  end, of the last volume
 *   nothing ──────────▶ floating over ───────────▶ settled on ──────────────────────────▶ nothing
 *              │        several nodes              one node                                  ▲
 *              └──────────── one node ─────────────────┘       (a floating one may end too) ─┘
 *
 * A floating hold takes its room on every node: whichever is chosen in the end, the room is there.
 */
export class PodHold {
  readonly podUid: string;
  expiresAt: number;
  #plan: PodPlan;
  #state: HoldState;
  readonly #ended: boolean[];

  constructor(podUid: string, plan: PodPlan, expiresAt: number) {
    this.podUid = podUid;
    this.expiresAt = expiresAt;
    this.#plan = plan;
    this.#state = plan.nodes.length === 1 ? 'settled' : 'floating';
    this.#ended = plan.requests.map(() => false);
    this.#eachHeld((slot, amount) => slot.hold(amount, this.#state));
  }

  get state(): HoldState {
    return this.#state;
  }

  get nodes(): readonly NodeRoom[] {
    return this.#plan.nodes;
  }

  /** The plan as first made, with volumes that have ended since. */
  get plan(): PodPlan {
    return this.#plan;
  }

  /** The volumes that still have no record. */
  pending(): VolumeRequest[] {
    return this.#plan.requests.filter((_, j) => !this.#ended[j]);
  }

  covers(node: NodeRoom): boolean {
    return this.#plan.nodes.includes(node);
  }

  /** Where the volume would go on the node, and what it takes there; undefined when it has ended or the node was never offered. */
  planned(key: string, node: NodeRoom): { slot: Slot; amount: number } | undefined {
    const i = this.#plan.nodes.indexOf(node);
    const j = this.#plan.requests.findIndex((request) => request.key === key);
    if (i < 0 || j < 0 || this.#ended[j]) return undefined;
    const at = i * this.#plan.requests.length + j;
    const slot = this.#plan.slots[at];
    return slot && { slot, amount: this.#plan.amounts[at] ?? 0 };
  }

  /** The claim of a generic ephemeral volume has come: from now on the room is for this one, and not for a later one of its name. */
  adopt(key: string, claimUid: string): void {
    const requests = this.#plan.requests.map((request) =>
      request.key === key && request.claimUid === undefined ? { ...request, claimUid } : request,
    );
    this.#plan = { ...this.#plan, requests };
  }

  /** Gives back the room of one volume everywhere. True when it was the last. */
  end(key: string): boolean {
    this.#plan.requests.forEach((request, j) => {
      if (request.key === key && !this.#ended[j]) this.#endAt(j);
    });
    return this.#ended.every(Boolean);
  }

  endAll(): void {
    this.#ended.forEach((ended, j) => {
      if (!ended) this.#endAt(j);
    });
  }

  /** Keeps the room on this node only. The node must be one it covers. */
  settleOn(node: NodeRoom): void {
    const { requests, nodes, slots, amounts } = this.#plan;
    const i = nodes.indexOf(node);
    if (i < 0) throw new Error(`pod ${this.podUid} was not offered node ${node.name}`);
    if (this.#state === 'settled') return;

    const from = i * requests.length;
    this.#eachHeld((slot, amount, at) => {
      slot.release(amount, 'floating');
      if (at >= from && at < from + requests.length) slot.hold(amount, 'settled');
    });
    this.#state = 'settled';
    this.#plan = {
      requests,
      nodes: [node],
      slots: slots.slice(from, from + requests.length),
      amounts: amounts.slice(from, from + requests.length),
    };
  }

  #eachHeld(visit: (slot: Slot, amount: number, at: number, j: number) => void): void {
    const { requests, slots, amounts } = this.#plan;
    for (let at = 0, j = 0; at < slots.length; at += 1, j = j + 1 === requests.length ? 0 : j + 1) {
      const slot = slots[at];
      if (slot && !this.#ended[j]) visit(slot, amounts[at] ?? 0, at, j);
    }
  }

  #endAt(ended: number): void {
    this.#eachHeld((slot, amount, _, j) => {
      if (j === ended) slot.release(amount, this.#state);
    });
    this.#ended[ended] = true;
  }
}
