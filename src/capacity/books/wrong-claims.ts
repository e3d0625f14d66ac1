import type { ClaimFacts } from '../../model/facts.ts';

/** Claims that CreateVolume refused for what they are (R21, what cannot be made holds nothing), by uid. */
export class WrongClaims {
  readonly #byUid = new Map<string, { readonly words: string; readonly asked: string; readonly until: number }>();

  /** What CreateVolume said; undefined for a claim that it did not refuse, or that asks for something else since. */
  wordsOf(claim: ClaimFacts): string | undefined {
    const wrong = this.#byUid.get(claim.uid);
    return wrong && wrong.asked === askOf(claim) ? wrong.words : undefined;
  }

  note(claim: ClaimFacts, words: string, until: number): void {
    this.#byUid.set(claim.uid, { words, asked: askOf(claim), until });
  }

  /** True when it was noted. */
  forget(uid: string): boolean {
    return this.#byUid.delete(uid);
  }

  /** Uids of those whose time has passed. */
  late(nowMs: number): string[] {
    return [...this.#byUid].flatMap(([uid, { until }]) => (until <= nowMs ? [uid] : []));
  }
}

/** All of a claim that CreateVolume judges, as far as it is known here. */
export const askOf = ({ storageClass, requested, use, source, attributesClass }: ClaimFacts): string =>
  JSON.stringify([storageClass, requested, use, source, attributesClass]);
