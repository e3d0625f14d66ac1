import type { PodFacts } from '../../model/facts.ts';
import { claimKey } from '../needs/claims.ts';
import { inlineVolumesOf } from '../needs/pod-needs.ts';
import type { Books } from './books.ts';
import type { Recorded } from './records.ts';

/** The pods that may still need us: those without a node, and those with inline volumes on one. */
export class Pods {
  readonly #books: Books;
  readonly #byUid = new Map<string, PodFacts>();
  readonly #uidOf = new Map<string, string>();

  constructor(books: Books) {
    this.#books = books;
  }

  get(uid: string): PodFacts | undefined {
    return this.#byUid.get(uid);
  }

  /** Those without a node. */
  *unbound(): Iterable<PodFacts> {
    for (const pod of this.#byUid.values()) if (pod.nodeName === undefined) yield pod;
  }

  /** Settles the pod's hold on the node that its object names; ends it with the pod. */
  changed(pod: PodFacts): void {
    const key = claimKey(pod.namespace, pod.name);
    const earlier = this.#uidOf.get(key);
    if (earlier !== undefined && earlier !== pod.uid) this.gone(earlier);
    if (pod.finished) {
      // A pod that ended may never have been heard of as bound.
      if (pod.nodeName !== undefined && this.#byUid.has(pod.uid)) this.#bound(pod, pod.nodeName);
      this.gone(pod.uid);
      return;
    }
    if (pod.nodeName !== undefined) this.#bound(pod, pod.nodeName);
    else if (pod.nominatedNode !== undefined) this.#nominated(pod, pod.nominatedNode);

    if (this.#isNeeded(pod)) {
      this.#byUid.set(pod.uid, pod);
      this.#uidOf.set(key, pod.uid);
    } else {
      this.#forget(pod.uid);
    }
  }

  #isNeeded({ uid, nodeName, volumes }: PodFacts): boolean {
    if (nodeName === undefined) return volumes.length > 0;
    // A bound pod that still has a hold stays known by name, so that a successor of that name ends it (R4, uid, not
    // name).
    return volumes.some(({ kind }) => kind === 'inline') || this.#books.podHolds.get(uid) !== undefined;
  }

  gone(uid: string): void {
    this.#books.podHolds.end(uid);
    this.#books.pvHolds.end(uid);
    const pod = this.#byUid.get(uid);
    for (const { key } of pod ? inlineVolumesOf(pod) : []) this.#books.records.change(key, endInline);
    this.#forget(uid);
  }

  /** The pod itself records its inline volumes from now on, until their LocalVolumes come (R8, inline from binding). */
  #bound(pod: PodFacts, node: string): void {
    const { podHolds, records } = this.#books;
    for (const { key, vgName, size } of inlineVolumesOf(pod)) {
      for (const hold of podHolds.of(key)) podHolds.endVolume(key, hold);
      records.change(key, (record) => {
        const made = record.object !== undefined || record.inline?.made === true;
        record.inline = { node, kind: 'LVM', where: vgName, size, made };
      });
    }
    this.#books.settlePod(pod.uid, node);
    // Its claims are bound.
    this.#books.pvHolds.end(pod.uid);
  }

  /** A nomination is stale when the last filter did not offer the node, or was asked with this nomination. */
  #nominated(pod: PodFacts, name: string): void {
    const hold = this.#books.podHolds.get(pod.uid);
    const node = this.#books.cluster.peek(name);
    if (hold && node && hold.oldNomination !== name && hold.covers(node)) this.#books.podHolds.settle(hold, node);
  }

  #forget(uid: string): void {
    const pod = this.#byUid.get(uid);
    if (!pod) return;
    this.#byUid.delete(uid);
    this.#uidOf.delete(claimKey(pod.namespace, pod.name));
  }
}

/**
 * The node may have made the volume and its LocalVolume not have been heard of yet: it is expected, like any other
 * object.
 */
function endInline(record: Recorded): void {
  const { inline } = record;
  record.inline = undefined;
  if (!inline || inline.made) return;
  const { made: _, ...place } = inline;
  record.expected ??= place;
}
