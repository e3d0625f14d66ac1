import type { PodFacts } from '../../model/facts.ts';
import { present } from '../../model/present.ts';
import type { Refusal, RefusalKind } from '../../model/verdict.ts';
import type { ClassTopologies } from '../../model/class-topologies.ts';
import { claimKey } from '../needs/claims.ts';
import { askedVolumes, type AskedVolume } from '../needs/asked-volumes.ts';
import { needsOfPod, type PodNeeds } from '../needs/pod-needs.ts';
import { byNeed } from '../needs/volume-request.ts';
import { LEFT_OUT } from '../needs/refusal.ts';
import type { Strategy } from '../placing/search.ts';
import { shortfallOn, type Shortfall } from '../placing/shortfall.ts';
import type { Books } from './books.ts';
import { findNodesForPod } from './find-nodes.ts';
import type { PodHold } from './pod-hold.ts';

/** Why a pod does not fit on some nodes now, and which of them is closest to having room. */
export interface PodLacks {
  /** The volumes of the pod that are surely ours, placed or not. */
  readonly asked: readonly AskedVolume[];
  /** One per name; undefined where it fits. */
  readonly refusals: readonly (Refusal | undefined)[];
  /** Of the nodes that are refused for want of room. */
  readonly closest?: Shortfall;
}

/** A node that is refused so could have the volumes if it had more room. */
const FOR_ROOM: ReadonlySet<RefusalKind> = new Set([
  'group-too-small',
  'held-by-others',
  'no-free-unit',
  'refused-by-node',
]);

/** What filter would answer, said of each node at more length. Holds nothing, and ends no hold. */
export function podLacks(books: Books, pod: PodFacts, names: readonly string[], strategy: Strategy): PodLacks {
  const asked = askedVolumes(pod, books);
  const hold = books.podHolds.get(pod.uid);
  const { refusals } = findNodesForPod(books, pod, { names }, strategy);
  if (hold) {
    const left = (name: string, i: number) => (isHeldOn(books, hold, name) ? undefined : (refusals[i] ?? LEFT_OUT));
    return { asked, refusals: names.map(left) };
  }
  const needs = needsOfPod(pod, books);
  if ('refusal' in needs) return { asked, refusals };
  const closest = closestOf(
    books,
    needs,
    names.filter((_, i) => FOR_ROOM.has(refusals[i]?.kind ?? 'bad-request')),
  );
  return { asked, refusals, ...present({ closest }) };
}

function isHeldOn({ cluster }: Books, hold: PodHold, name: string): boolean {
  const node = cluster.peek(name);
  return node !== undefined && hold.covers(node);
}

function closestOf({ cluster }: Books, needs: PodNeeds, names: readonly string[]): Shortfall | undefined {
  const requests = [...needs.requests, ...(needs.stores ?? [])].toSorted(byNeed);
  let closest: Shortfall | undefined;
  for (const name of names) {
    const node = cluster.find(name);
    const shortfall = node && shortfallOn(node, requests);
    if (shortfall) closest = closerOf(closest, shortfall);
  }
  return closest;
}

/** The one that lacks less, else the first; the largest group that either knows of stays known. */
export function closerOf(a: Shortfall | undefined, b: Shortfall): Shortfall {
  if (!a) return b;
  const whole = Math.max(a.whole, b.whole);
  return { ...(b.lacks < a.lacks ? b : a), whole };
}

/** Where a claim may yet have a PersistentVolume of its class, its class decides on no node. */
export function choosyClasses(books: Books, pod: PodFacts): ClassTopologies[] {
  const found = new Map<string, ClassTopologies>();
  for (const { name, storageClass, node } of askedVolumes(pod, books)) {
    const terms = node === undefined ? books.findClass(storageClass)?.topologies : undefined;
    const offers = () => books.pvs.offersFor(storageClass, claimKey(pod.namespace, name));
    if (storageClass !== undefined && terms && offers().length === 0) found.set(storageClass, { storageClass, terms });
  }
  return [...found.values()];
}
