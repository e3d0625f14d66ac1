import { counted } from '../../src/model/counted.ts';
import type { Node, Pod } from '../../src/model/objects.ts';
import type { Stores } from '../controllers/deps.ts';
import { fitMessage, preFilterMessage, type Rejection } from './diagnosis.ts';
import type { ExtenderClient } from './extender-client.ts';
import type { PodClaims } from '../controllers/pod-claims.ts';
import { rejectionOf } from './node-filters.ts';
import { sortClaims } from '../controllers/pod-claims.ts';

export type Decision =
  | { readonly node: string; readonly claims: PodClaims; readonly why: string }
  /** Message in kube-scheduler's words. */
  | { readonly node: undefined; readonly message: string };

export interface DecideDeps {
  readonly stores: Stores;
  readonly extender: ExtenderClient;
  /** Counts pods on the node, those being bound to it included. */
  readonly podsOn: (node: string) => number;
}

/**
 * Runs one scheduling cycle: own filters, the extender's filter, scores, choice. Throws Fault `unavailable` when the
 * extender fails.
 */
export async function decide(
  pod: Pod,
  { stores, extender, podsOn }: DecideDeps,
  signal: AbortSignal,
): Promise<Decision> {
  const nodes = stores.nodes.list();
  const claims = sortClaims(pod, stores);
  if ('notYet' in claims) return { node: undefined, message: preFilterMessage(claims.notYet, nodes.length) };

  const rejected = new Map<string, Rejection>();
  const candidates = nodes.filter((node) => !reject(pod, { node, claims }, rejected)).map(nameOf);
  if (candidates.length === 0) return { node: undefined, message: fitMessage([...rejected.values()]) };

  const filtered = await extender.filter(pod, candidates, signal);
  for (const [name, rejection] of filtered.rejected) rejected.set(name, rejection);
  const [only, ...others] = filtered.feasible;
  if (only === undefined) return { node: undefined, message: fitMessage([...rejected.values()]) };
  if (others.length === 0) return { node: only, claims, why: `the only one that fits: ${reasonsOf(rejected)}` };

  const scores = await extender.prioritize(pod, filtered.feasible, signal);
  const ranked = [...filtered.feasible].toSorted(
    (a, b) => (scores.get(b) ?? 0) - (scores.get(a) ?? 0) || podsOn(a) - podsOn(b) || (a < b ? -1 : 1),
  );
  return { node: ranked[0] ?? only, claims, why: inWords(ranked, scores, podsOn) };
}

function reject(
  pod: Pod,
  { node, claims }: { readonly node: Node; readonly claims: PodClaims },
  rejected: Map<string, Rejection>,
): boolean {
  const rejection = rejectionOf(pod, node, claims);
  if (rejection) rejected.set(nameOf(node), rejection);
  return rejection !== undefined;
}

const nameOf = ({ metadata }: Node): string => metadata.name ?? '';

const reasonsOf = (rejected: ReadonlyMap<string, Rejection>): string =>
  rejected.size === 0 ? 'there is no other' : counted([...rejected.values()].map(({ reason }) => reason));

/** Why the first of these nodes was taken, which fit and are sorted from the best down. */
export function inWords(
  ranked: readonly string[],
  scores: ReadonlyMap<string, number>,
  podsOn: (node: string) => number,
): string {
  const score = (name: string | undefined): number => scores.get(name ?? '') ?? 0;
  const [best, second] = ranked;
  const equal = ranked.filter((name) => score(name) === score(best));
  const others = ranked
    .slice(equal.length)
    .map((name) => `${name} ${score(name)}`)
    .join(', ');
  if (equal.length === 1) return `best score: ${score(best)}, before ${others}`;
  const hasFewest = podsOn(best ?? '') < podsOn(second ?? '');
  const by = hasFewest ? 'it has the fewest pods' : 'it is the first by name';
  return `${equal.length} nodes are equally good, and ${by}${others === '' ? '' : `; less good: ${others}`}`;
}
