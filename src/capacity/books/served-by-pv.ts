import type { ClaimFacts, PodFacts } from '../../model/facts.ts';
import type { AskedNodes } from '../../model/verdict.ts';
import { claimKey } from '../needs/claims.ts';
import { choosePv, isOpen, mayServe, type OfferedPv } from '../needs/match-pv.ts';
import type { Books } from './books.ts';

/** Which of a pod's claims existing PersistentVolumes satisfy on one node: by key of the claim, name of the volume. */
export type ServedClaims = ReadonlyMap<string, string>;

const NOTHING: ServedClaims = new Map();

/** Nodes where the same claims of the pod need no room. */
export interface ServedNodes {
  readonly served: ServedClaims;
  /** Among the nodes asked about. */
  readonly positions: readonly number[];
}

/**
 * Sorts the nodes by what existing PersistentVolumes do there for the pod, as kube-scheduler's volume binder will
 * choose them. Undefined when they do nothing anywhere, which is so for nearly every pod.
 */
export function servedNodes(books: Books, pod: PodFacts, asked: AskedNodes): ServedNodes[] | undefined {
  const open = openClaims(books, pod);
  if (open.every(({ pvs }) => pvs.length === 0)) return undefined;
  const groups = new Map<string, { readonly served: ServedClaims; readonly positions: number[] }>();
  asked.names.forEach((name, position) => {
    const served = servedOn(open, name);
    const key = JSON.stringify([...served]);
    const group = groups.get(key) ?? { served, positions: [] };
    group.positions.push(position);
    groups.set(key, group);
  });
  return [...groups.values()].some(({ served }) => served.size > 0) ? [...groups.values()] : undefined;
}

/** The pod without the claims that need no room. */
export function withoutClaims(pod: PodFacts, keys: { has(key: string): boolean }): PodFacts {
  const volumes = pod.volumes.filter(
    (volume) => volume.kind === 'inline' || !keys.has(claimKey(pod.namespace, volume.claimName)),
  );
  return { ...pod, volumes };
}

/** A claim with what it could have on some node: looked for once, and not for each of thousands of nodes. */
interface ClaimWithPvs {
  readonly claim: ClaimFacts;
  readonly key: string;
  readonly pvs: readonly OfferedPv[];
}

/** The open claims with the volumes that they may have, smallest first: so the binder goes through them. */
function openClaims(books: Books, pod: PodFacts): ClaimWithPvs[] {
  if (!books.pvs.hasOffers) return [];
  const found = new Map<string, ClaimFacts>();
  for (const volume of pod.volumes) {
    const claim = volume.kind === 'inline' ? undefined : books.findClaim(pod.namespace, volume.claimName);
    if (!claim || !isOpen(claim) || books.isProvided(claim) || !books.findClass(claim.storageClass)) continue;
    found.set(claim.uid, claim);
  }
  return [...found.values()].toSorted((a, b) => a.requested - b.requested).map((claim) => withPvs(books, claim));
}

function withPvs(books: Books, claim: ClaimFacts): ClaimWithPvs {
  const key = claimKey(claim.namespace, claim.name);
  const offers = books.pvs.offersFor(claim.storageClass, key);
  return { claim, key, pvs: offers.filter((pv) => mayServe(claim, pv) && isFree(books, pv, key)) };
}

function servedOn(claims: readonly ClaimWithPvs[], node: string): ServedClaims {
  const served = new Map<string, string>();
  const chosen = new Set<string>();
  for (const { claim, key, pvs } of claims) {
    const left = chosen.size === 0 ? pvs : pvs.filter(({ name }) => !chosen.has(name));
    const pv = choosePv(claim, left, node);
    if (!pv) continue;
    chosen.add(pv.name);
    served.set(key, pv.name);
  }
  return served.size > 0 ? served : NOTHING;
}

/** No pod counts on it for another claim that is still open. */
function isFree(books: Books, { name }: OfferedPv, key: string): boolean {
  for (const other of books.pvHolds.keysOf(name)) {
    const claim = other === key ? undefined : books.claims.findKey(other);
    if (claim && isOpen(claim)) return false;
  }
  return true;
}
