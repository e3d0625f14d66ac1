import { parseArgs } from 'node:util';
import { Ledger } from '../src/capacity/ledger.ts';
import type { FloatPolicy } from '../src/capacity/placing/narrow.ts';
import type { Strategy } from '../src/capacity/placing/search.ts';
import { bytes, GIB, MIB } from '../src/model/bytes.ts';
import type { ClaimFacts, NodeStorage, PodFacts } from '../src/model/facts.ts';
import { parseStorageClass } from '../src/model/storage-class.ts';
import { Random } from '../test/fuzz/random.ts';

/**
 * A burst on a simulated clock: 200 pods come at once to nodes that are 95 % full, and the extender hears of each
 * choice of the scheduler 5 to 50 ms late. Measures what it costs to hold room on every node that a pod may still go
 * to.
 *
 * The scheduler is modelled as kube-scheduler works: one pod at a time; it samples nodes in large clusters; it adds
 * other plug-ins' scores to ours; a pod that fits nowhere comes back after 1, 2, 4, 8, 10, 10 … seconds. While the
 * extender waits, the whole cluster waits.
 */

const PODS = 200;
const NODES = [10, 100, 1000];
const FULL = 0.95;
/** Part of the remaining room that the pods ask for. */
const LOAD = 0.9;
const CYCLE_MS = 2;
const SETTLE_MS = { least: 5, more: 45 };
const PROVISION_MS = 30;
const BACKOFF_MS = [1000, 2000, 4000, 8000, 10_000];
const GIVE_UP_MS = 120_000;
/** Our score weighs 100 per point (weight 10, times 10); the other plug-ins together scatter over this range. */
const OTHERS = 200;
const DRIVER = 'local.csi.aliyun.com';
const POLICY = parseStorageClass({ volumeType: 'LVM' });

interface Setting {
  readonly name: string;
  readonly float: FloatPolicy;
  readonly waitMs: number;
}

const SETTINGS: readonly Setting[] = [0, 30].flatMap((waitMs) => [
  { name: 'wide', float: { kind: 'wide' }, waitMs },
  ...[1, 2, 4].map((more): Setting => ({ name: `roomy, ${more} more`, float: { kind: 'roomy', more }, waitMs })),
  { name: 'one', float: { kind: 'one' }, waitMs },
]);

export interface Outcome {
  /** Calls that refused every node although one had room, counting only what the scheduler had really chosen. */
  refusedThoughItFits: number;
  /** Pods that had to come back because of such a refusal. */
  podsSentBack: number;
  /** Time for which the scheduler stood still because the extender waited. */
  waitedMs: number;
  /** Time at which the last pod was scheduled. */
  lastPlacedMs: number;
  unplaced: number;
  /** Standard deviation of how full the nodes are at the end, in percent of a node. */
  imbalance: number;
  /** Nodes between which the other plug-ins could choose, mean over the scheduled pods. */
  choice: number;
}

interface Waiting {
  readonly pod: PodFacts;
  readonly size: number;
  at: number;
  tries: number;
  sentBack: boolean;
}

class Burst {
  readonly #random: Random;
  readonly #ledger: Ledger;
  readonly #setting: Setting;
  readonly #names: readonly string[];
  /** Room that is really left, by what the scheduler has chosen. */
  readonly #left = new Map<string, number>();
  readonly #total: number;
  readonly #events: { readonly at: number; readonly happen: () => void }[] = [];
  readonly #claims = new Map<string, ClaimFacts>();
  #now = 0;
  #start = 0;

  constructor(random: Random, nodes: number, strategy: Strategy, setting: Setting) {
    this.#random = random;
    this.#setting = setting;
    this.#ledger = new Ledger({ strategy, drivers: [DRIVER], float: setting.float, holdTtlMs: 300_000 });
    this.#ledger.classChanged({ name: 'lvm', provisioner: DRIVER, parameters: { volumeType: 'LVM' } });
    this.#names = Array.from({ length: nodes }, (_, i) => `node-${i}`);
    this.#total = Math.round((PODS * 4 * GIB) / nodes / (1 - FULL) / GIB) * GIB;
    // Nodes have between nothing and twice the average left, as after some weeks of use.
    for (const name of this.#names) {
      const left = (2 * (1 - FULL) * this.#total * random.below(1000)) / 1000;
      this.#left.set(name, Math.floor(left / GIB) * GIB);
      this.#ledger.nodeChanged(this.#status(name));
    }
  }

  run(): Outcome {
    const outcome: Outcome = {
      refusedThoughItFits: 0,
      podsSentBack: 0,
      waitedMs: 0,
      lastPlacedMs: 0,
      unplaced: 0,
      imbalance: 0,
      choice: 0,
    };
    const queue = this.#makePods();
    while (queue.length > 0) {
      queue.sort((a, b) => a.at - b.at);
      const next = queue[0];
      if (!next || next.at > GIVE_UP_MS) break;
      this.#advance(Math.max(this.#now, next.at) + CYCLE_MS);
      queue.shift();
      const node = this.#schedule(next, outcome);
      if (node === undefined) {
        next.at = this.#now + (BACKOFF_MS[Math.min(next.tries, BACKOFF_MS.length - 1)] ?? 0);
        next.tries += 1;
        queue.push(next);
        continue;
      }
      outcome.lastPlacedMs = this.#now;
    }
    outcome.unplaced = queue.length;
    outcome.choice /= PODS - outcome.unplaced;
    outcome.imbalance = deviation([...this.#left.values()].map((left) => (100 * left) / this.#total));
    return outcome;
  }

  #makePods(): Waiting[] {
    const left = [...this.#left.values()].reduce((a, b) => a + b, 0);
    // Sizes from half to one and a half of the average; among many nodes, what an average node has left holds two.
    const average = Math.min((LOAD * left) / PODS, left / this.#names.length / 2);
    return Array.from({ length: PODS }, (_, i) => {
      const size = Math.max(1, Math.round((average * (500 + this.#random.below(1001))) / 1000 / MIB)) * MIB;
      const uid = `${i}`;
      const base = { namespace: 'burst', name: uid };
      const claim = { ...base, uid, storageClass: 'lvm', requested: bytes(size), bound: false, deleting: false };
      this.#ledger.claimChanged(claim);
      this.#claims.set(uid, claim);
      const pod: PodFacts = { ...base, uid, finished: false, volumes: [{ kind: 'claim', claimName: uid }] };
      this.#ledger.podChanged(pod);
      return { pod, size, at: 0, tries: 0, sentBack: false };
    });
  }

  /** Schedules one pod: the node that was chosen; undefined when every node was refused. */
  #schedule(waiting: Waiting, outcome: Outcome): string | undefined {
    const names = this.#sample();
    const deadline = this.#now + this.#setting.waitMs;
    for (;;) {
      const { refusals, mayFreeUp } = this.#ledger.filter(waiting.pod, names, this.#now);
      const offered = names.filter((_, i) => refusals[i] === undefined);
      if (offered.length > 0) {
        outcome.choice += offered.length;
        return this.#choose(waiting, offered);
      }
      const freed = mayFreeUp ? this.#nextEventBy(deadline) : undefined;
      if (freed === undefined) break;
      outcome.waitedMs += freed - this.#now;
      this.#advance(freed);
    }
    if (names.some((name) => (this.#left.get(name) ?? 0) >= this.#amount(waiting.size))) {
      outcome.refusedThoughItFits += 1;
      if (!waiting.sentBack) outcome.podsSentBack += 1;
      waiting.sentBack = true;
    }
    return undefined;
  }

  #choose({ pod, size }: Waiting, offered: readonly string[]): string {
    const scores = this.#ledger.prioritize(pod, offered);
    const total = Array.from(scores, (score) => score * 100 + this.#random.below(OTHERS));
    const node = offered[total.indexOf(Math.max(...total))] ?? '';
    this.#left.set(node, (this.#left.get(node) ?? 0) - this.#amount(size));
    const claim = this.#claims.get(pod.uid);
    if (!claim) throw new Error(`pod ${pod.uid} has no claim`);
    const settled = this.#now + SETTLE_MS.least + this.#random.below(SETTLE_MS.more + 1);
    this.#at(settled, () => this.#ledger.claimChanged({ ...claim, selectedNode: node }));
    this.#at(settled + PROVISION_MS, () => {
      const ask = { name: `pvc-${pod.uid}`, claimUid: pod.uid, size: bytes(size), policy: POLICY, nodes: [node] };
      const answer = this.#ledger.place(ask, this.#now);
      if (!answer.ok) throw new Error(`what was offered is not there: ${answer.refusal.message}`);
    });
    return node;
  }

  /**
   * Samples nodes as numFeasibleNodesToFind does: all up to 100 nodes, then 50 % less one for every 125 nodes; each
   * time from where the last sample ended.
   */
  #sample(): string[] {
    const all = this.#names.length;
    const count = all <= 100 ? all : Math.max(100, Math.floor((all * (50 - all / 125)) / 100));
    const sample = Array.from({ length: count }, (_, i) => this.#names[(this.#start + i) % all] ?? '');
    this.#start = (this.#start + count) % all;
    return sample;
  }

  #amount(size: number): number {
    return Math.ceil(size / (4 * MIB)) * 4 * MIB;
  }

  #status(name: string): NodeStorage {
    const left = bytes(this.#left.get(name) ?? 0);
    const used = bytes(this.#total - left);
    const volumes = used > 0 ? [{ name: 'old', size: used }] : [];
    const extentSize = bytes(4 * MIB);
    const group = {
      name: 'pool-0',
      total: bytes(this.#total),
      available: left,
      extentSize,
      reserved: bytes(0),
      volumes,
    };
    return { name, groups: [group], units: [] };
  }

  #at(at: number, happen: () => void): void {
    this.#events.push({ at, happen });
    this.#events.sort((a, b) => a.at - b.at);
  }

  #nextEventBy(deadline: number): number | undefined {
    const at = this.#events[0]?.at;
    return at !== undefined && at <= deadline ? at : undefined;
  }

  #advance(to: number): void {
    while ((this.#events[0]?.at ?? Infinity) <= to) {
      const event = this.#events.shift();
      this.#now = event?.at ?? to;
      event?.happen();
    }
    this.#now = to;
  }
}

function deviation(values: readonly number[]): number {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}

/** Plays one burst, repeatable by its seed. */
export function burst(seed: number, nodes: number, strategy: Strategy, setting: Setting): Outcome {
  return new Burst(new Random(seed), nodes, strategy, setting).run();
}

function mean(outcomes: readonly Outcome[]): Outcome {
  const keys = Object.keys(outcomes[0] ?? {}) as (keyof Outcome)[];
  const entries = keys.map((key) => [key, outcomes.reduce((sum, outcome) => sum + outcome[key], 0) / outcomes.length]);
  return Object.fromEntries(entries) as Outcome;
}

function main(words: string[]): void {
  const { values } = parseArgs({ args: words, options: { seeds: { type: 'string', default: '20' } } });
  const seeds = Array.from({ length: Number(values.seeds) }, (_, i) => i + 1);
  const print = (line: string): boolean => process.stdout.write(`${line}\n`);
  for (const strategy of ['spread', 'binpack'] as const) {
    print(`\n### ${strategy}, means of ${seeds.length} bursts\n`);
    print(
      '| nodes | float | wait ms | refused though it fits | pods sent back | scheduler stood still ms | last placed s | not placed | imbalance % | choice of nodes |',
    );
    print('|---|---|---|---|---|---|---|---|---|---|');
    for (const nodes of NODES) {
      for (const setting of SETTINGS) {
        const outcome = mean(seeds.map((seed) => burst(seed, nodes, strategy, setting)));
        const cells = [
          nodes,
          setting.name,
          setting.waitMs,
          outcome.refusedThoughItFits.toFixed(1),
          outcome.podsSentBack.toFixed(1),
          outcome.waitedMs.toFixed(0),
          (outcome.lastPlacedMs / 1000).toFixed(2),
          outcome.unplaced.toFixed(1),
          outcome.imbalance.toFixed(2),
          outcome.choice.toFixed(0),
        ];
        print(`| ${cells.join(' | ')} |`);
      }
    }
  }
}

main(process.argv.slice(2));
