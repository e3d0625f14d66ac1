import type { ClaimFacts, SourceFacts } from '../../model/facts.ts';
import { claimKey } from '../needs/claims.ts';
import type { Books } from './books.ts';

/** A claim as it is now. Room that pods hold for its name is for its uid from now on (R4, uid, not name). */
export function claimChanged(books: Books, claim: ClaimFacts): void {
  const { claims, cluster } = books;
  if (!claims.get(claim.uid)) cluster.noteNews();
  const earlier = claims.set(claim);
  if (earlier) books.forgetClaim(earlier);
  const key = claimKey(claim.namespace, claim.name);
  for (const hold of books.podHolds.of(key)) hold.adopt(key, claim.uid);
  // What was held for the one is there for the other (R22, filled is held once).
  const first = claims.stoodInFor(claim);
  if (first !== undefined) books.reviewClaim(first);
  books.reviewClaim(claim.uid);
  reviewClones(books, key);
}

export function claimGone(books: Books, uid: string): void {
  const claim = books.claims.get(uid);
  if (!claim) return;
  books.forgetClaim(claim);
  reviewClones(books, claimKey(claim.namespace, claim.name));
}

/** A claim that cannot be a clone any more holds nothing. */
function reviewClones(books: Books, key: string): void {
  for (const uid of books.claims.clonesOf(key))
    if (books.claims.get(uid)?.selectedNode !== undefined) books.reviewClaim(uid);
}

/** A snapshot that claims may be made from, ready to be read. */
export function sourceChanged(books: Books, source: SourceFacts): void {
  books.snapshots.set(claimKey(source.namespace, source.name), source);
  books.reviewSource(source.namespace, source.name);
  books.cluster.noteNews();
}

export function sourceGone(books: Books, namespace: string, name: string): void {
  books.snapshots.delete(claimKey(namespace, name));
  books.reviewSource(namespace, name);
}
