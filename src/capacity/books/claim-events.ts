import type { ClaimFacts, ClassFacts } from '../../model/facts.ts';
import { claimKey } from '../needs/claims.ts';
import type { Books } from './books.ts';
import { reviewCopies } from './source-events.ts';

/** A claim as it is now. Room that pods hold for its name is for its uid from now on (R4, uid, not name). */
export function claimChanged(books: Books, claim: ClaimFacts): void {
  const { claims, cluster } = books;
  if (!claims.get(claim.uid)) cluster.noteNews();
  const earlier = claims.set(claim);
  if (earlier) books.forgetClaim(earlier);
  if (!books.isUnasked(claim)) books.unasked.forget(claim.uid);
  const key = claimKey(claim.namespace, claim.name);
  for (const hold of books.podHolds.of(key)) hold.adopt(key, claim.uid);
  // What was held for the one is there for the other (R22, filled is held once).
  const first = claims.stoodInFor(claim);
  if (first !== undefined) books.reviewClaim(first);
  books.reviewClaim(claim.uid);
  reviewCopies(books, 'PersistentVolumeClaim', claim);
}

export function claimGone(books: Books, uid: string): void {
  const claim = books.claims.get(uid);
  if (!claim) return;
  books.forgetClaim(claim);
  reviewCopies(books, 'PersistentVolumeClaim', claim);
}

export function classChanged(books: Books, storageClass: ClassFacts): void {
  if (books.classes.set(storageClass)) books.reviewClass(storageClass.name);
}

export function classGone(books: Books, name: string): void {
  if (books.classes.delete(name)) books.reviewClass(name);
}
