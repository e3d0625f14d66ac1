import type { VolumeKind } from '../../model/storage-class.ts';
import type { AskedNodes } from '../../model/verdict.ts';
import type { Cluster } from '../stock/cluster.ts';
import type { Columns } from '../stock/columns.ts';
import type { NodeRoom } from '../stock/node-stock.ts';
import type { Strategy } from './search.ts';
import { planOn, type PodPlan } from './plan.ts';
import type { VolumeRequest } from '../needs/volume-request.ts';
import { nodeScore } from './node-score.ts';

const MAX_SCORE = 10;
/**
 * Differences of state below a tenth are not blown up to the whole range: a node one percent emptier is not ten
 * points better.
 */
const LEAST_RANGE = 0.1;

/** For each kind, how strongly pods that do not use it are kept away from nodes that have it, 0 to 10. */
export type AntiAffinity = Readonly<Partial<Record<VolumeKind, number>>>;

export interface ScoringRules {
  readonly strategy: Strategy;
  readonly antiAffinity: AntiAffinity;
}

/**
 * A score from 0 to 10 for every named node: the state after placing, stretched so that the worst named node has 0 and
 * the best 10 when they differ by a tenth or more. Equal states have equal scores; a node without room has 0.
 * `pod.plan`: what is held for the pod.
 */
export function scoreNodes(
  cluster: Cluster,
  pod: { readonly requests: readonly VolumeRequest[]; readonly plan: PodPlan | undefined },
  asked: AskedNodes,
  rules: ScoringRules,
): Uint8Array {
  const nodes = cluster.numbersOf(asked);
  const raw =
    pod.requests.length === 0 ? new Float64Array(nodes.length) : rawScores(cluster, pod, nodes, rules.strategy);
  const scores = stretch(raw);
  const weights = weightsOf(rules.antiAffinity, pod.requests);
  const rounded = new Uint8Array(nodes.length);
  if (weights.length === 0) {
    for (let i = 0; i < nodes.length; i += 1) rounded[i] = Math.round(scores[i]!);
    return rounded;
  }
  for (let i = 0; i < nodes.length; i += 1)
    rounded[i] = keepAway(cluster, nodes[i]!, weights, pod.requests.length > 0 ? scores[i] : undefined);
  return rounded;
}

function rawScores(
  cluster: Cluster,
  { requests, plan }: { readonly requests: readonly VolumeRequest[]; readonly plan: PodPlan | undefined },
  nodes: Int32Array,
  strategy: Strategy,
): Float64Array {
  const { columns } = cluster;
  const held = plan?.nodes ?? new Int32Array(0);
  const raw = new Float64Array(nodes.length);
  let next = 0;
  let index: Map<number, number> | undefined;
  for (let at = 0; at < nodes.length; at += 1) {
    const node = nodes[at]!;
    if (!isPresent(columns, node)) continue;
    // The scheduler sends the names in the order of our answer, so the next held node is nearly always the one.
    let i = held[next] === node ? next : -1;
    if (i < 0) {
      index ??= new Map(Array.from(held, (number, position) => [number, position]));
      i = index.get(node) ?? -1;
    }
    next = i + 1;
    raw[at] =
      plan && i >= 0
        ? nodeScore(cluster, plan, i, { strategy, taken: true })
        : scoreUnplanned(cluster, requests, cluster.node(node), strategy);
  }
  return raw;
}

function scoreUnplanned(
  cluster: Cluster,
  requests: readonly VolumeRequest[],
  node: NodeRoom,
  strategy: Strategy,
): number {
  const plan = planOn(cluster, node, requests, strategy);
  return plan ? nodeScore(cluster, plan, 0, { strategy, taken: false }) : 0;
}

const isPresent = ({ present }: Columns, node: number): boolean => node >= 0 && present[node] === 1;

/** Writes over what it is given. Loops alone: a callback would make an object of each number. */
function stretch(scores: Float64Array): Float64Array {
  let least = Infinity;
  let most = -Infinity;
  for (let i = 0; i < scores.length; i += 1) {
    least = Math.min(least, scores[i]!);
    most = Math.max(most, scores[i]!);
  }
  const range = Math.max(most - least, LEAST_RANGE);
  for (let i = 0; i < scores.length; i += 1) scores[i] = (MAX_SCORE * (scores[i]! - least)) / range;
  return scores;
}

type Weight = readonly [kind: VolumeKind, weight: number];

function weightsOf(antiAffinity: AntiAffinity, requests: readonly VolumeRequest[]): Weight[] {
  return (Object.entries(antiAffinity) as Weight[]).filter(
    ([kind, weight]) => weight > 0 && !requests.some((request) => request.kind === kind),
  );
}

/**
 * Keeps pods that do not use a kind away from nodes that have free room of it. For a pod with volumes its `own` score
 * weighs 10 beside the weights of these kinds; for a pod without volumes these weights are all there is.
 */
function keepAway(cluster: Cluster, number: number, weights: readonly Weight[], own: number | undefined): number {
  const node = isPresent(cluster.columns, number) ? cluster.node(number) : undefined;
  let sum = 0;
  let all = 0;
  for (const [kind, weight] of weights) {
    all += weight;
    if (!node || !hasFree(node, kind)) sum += weight;
  }
  if (own === undefined) return Math.round(sum / weights.length);
  return Math.round((own * MAX_SCORE + sum * MAX_SCORE) / (MAX_SCORE + all));
}

function hasFree(node: NodeRoom, kind: VolumeKind): boolean {
  if (kind === 'LVM') return node.groups.some(({ free }) => free > 0);
  return node.units.some((unit) => unit.kind === kind && unit.free > 0);
}
