import type { Cluster } from '../stock/cluster.ts';
import { NONE, type HoldState } from '../stock/columns.ts';
import type { NodeRoom } from '../stock/node-stock.ts';
import type { Slot } from '../stock/slot.ts';
import type { VolumeRequest } from '../needs/volume-request.ts';
import type { PodPlan } from '../placing/plan.ts';

/**
 * Room held for a pod whose volumes are not recorded yet: floating over several nodes, or settled on one
 * (docs/ledger.md draws it). A floating hold takes its room on every node: whichever is chosen in the end, the room
 * is there.
 */
export class PodHold {
  readonly podUid: string;
  expiresAt: number;
  /** The nomination that the pod had when filter was asked: it is older than the answer, and says nothing of it. */
  oldNomination: string | undefined;
  readonly #cluster: Cluster;
  #plan: PodPlan;
  #state: HoldState;
  readonly #ended: boolean[];

  /** Takes the room, and the plan. */
  constructor(cluster: Cluster, podUid: string, plan: PodPlan, expiresAt: number) {
    this.podUid = podUid;
    this.expiresAt = expiresAt;
    this.#cluster = cluster;
    this.#plan = plan;
    this.#state = plan.nodes.length === 1 ? 'settled' : 'floating';
    this.#ended = plan.requests.map(() => false);
    cluster.columns.holdAll(plan.rows, plan.amounts, this.#state);
  }

  get state(): HoldState {
    return this.#state;
  }

  /** The plan as made; the rows of volumes that have ended since are NONE. */
  get plan(): PodPlan {
    return this.#plan;
  }

  /** The volumes that still have no record. */
  pending(): VolumeRequest[] {
    return this.#plan.requests.filter((_, j) => !this.#ended[j]);
  }

  /** Those that would be made on the node: elsewhere an existing PersistentVolume is there for them. */
  pendingOn(node: NodeRoom): VolumeRequest[] {
    return this.pending().filter(({ key }) => this.planned(key, node));
  }

  covers(node: NodeRoom): boolean {
    return this.#plan.nodes.includes(node.number);
  }

  /**
   * Where the volume would go on the node, and what it takes there; undefined if it has ended, if it needs no room
   * there, or if the node was not offered.
   */
  planned(key: string, node: NodeRoom): { slot: Slot; amount: number } | undefined {
    const i = this.#plan.nodes.indexOf(node.number);
    return i < 0 ? undefined : this.#plannedAt(key, i);
  }

  /** The same for every node that it covers. */
  *plannedEverywhere(key: string): Iterable<{ slot: Slot; amount: number }> {
    for (let i = 0; i < this.#plan.nodes.length; i += 1) {
      const planned = this.#plannedAt(key, i);
      if (planned) yield planned;
    }
  }

  /** The room held for one volume: by node number, the row and the amount. Borrowed room has the amount 0. */
  roomFor(key: string): ReadonlyMap<number, { readonly row: number; readonly amount: number }> {
    const { requests, nodes, rows, amounts } = this.#plan;
    const j = requests.findIndex((request) => request.key === key);
    if (j < 0 || this.#ended[j]) return new Map();
    const at = (i: number) => ({ row: rows[i * requests.length + j]!, amount: amounts[i * requests.length + j]! });
    return new Map(Array.from(nodes, (node, i) => [node, at(i)]));
  }

  /** Holds from now on itself what it borrowed on this node: who held it holds it no more. */
  takeOver(key: string, node: number, amount: number): void {
    const { requests, nodes, rows, amounts } = this.#plan;
    const at = nodes.indexOf(node) * requests.length + requests.findIndex((request) => request.key === key);
    amounts[at] = amount;
    this.#cluster.columns.hold(rows[at]!, amount, this.#state);
  }

  /**
   * The claim of an ephemeral volume has come: the room is for this uid now, and not for a later claim of the name
   * (R4, uid, not name).
   */
  adopt(key: string, claimUid: string): void {
    const requests = this.#plan.requests.map((request) =>
      request.key === key && request.claimUid === undefined ? { ...request, claimUid } : request,
    );
    this.#plan = { ...this.#plan, requests };
  }

  /** Gives back the room of one volume everywhere. True when it was the last. */
  end(key: string): boolean {
    this.#plan.requests.forEach((request, j) => {
      if (request.key === key) this.#endAt(j);
    });
    return this.#ended.every(Boolean);
  }

  endAll(): void {
    this.#ended.forEach((_, j) => this.#endAt(j));
  }

  /** Keeps the room on this node only. The node must be one it covers. */
  settleOn(node: NodeRoom): void {
    const { requests, nodes, rows, amounts } = this.#plan;
    const i = nodes.indexOf(node.number);
    if (i < 0) throw new Error(`pod ${this.podUid} was not offered node ${node.name}`);
    if (this.#state === 'settled') return;

    const from = i * requests.length;
    const to = from + requests.length;
    for (let at = 0; at < rows.length; at += 1) {
      if (rows[at] === NONE) continue;
      this.#cluster.columns.release(rows[at]!, amounts[at]!, 'floating');
      if (at >= from && at < to) this.#cluster.columns.hold(rows[at]!, amounts[at]!, 'settled');
    }
    this.#state = 'settled';
    this.#plan = {
      requests,
      nodes: nodes.slice(i, i + 1),
      rows: rows.slice(from, to),
      amounts: amounts.slice(from, to),
    };
  }

  #plannedAt(key: string, i: number): { slot: Slot; amount: number } | undefined {
    const { requests, rows, amounts } = this.#plan;
    const j = requests.findIndex((request) => request.key === key);
    const at = i * requests.length + j;
    if (j < 0 || this.#ended[j] || rows[at] === NONE) return undefined;
    return { slot: this.#cluster.slot(rows[at]!), amount: amounts[at]! };
  }

  /** A second time gives back nothing. */
  #endAt(j: number): void {
    this.#cluster.columns.releaseEvery(this.#plan, this.#state, j, this.#plan.requests.length);
    this.#ended[j] = true;
  }
}
