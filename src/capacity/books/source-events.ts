import type { ClaimFacts, SourceFacts } from '../../model/facts.ts';
import type { Books } from './books.ts';

export function sourceChanged(books: Books, source: SourceFacts): void {
  books.snapshots.set(source);
  reviewCopies(books, 'VolumeSnapshot', source);
  if (!source.waits) books.cluster.noteNews();
}

export function sourceGone(books: Books, namespace: string, name: string): void {
  books.snapshots.delete(namespace, name);
  reviewCopies(books, 'VolumeSnapshot', { namespace, name });
}

export function sourcesListed(books: Books): void {
  books.snapshots.listed();
  for (const { uid, source } of books.claims.all()) if (source?.kind === 'VolumeSnapshot') review(books, uid);
}

/** Claims that are made from this may take more or less than before. */
export function reviewCopies(
  books: Books,
  kind: NonNullable<ClaimFacts['source']>['kind'],
  { namespace, name }: Pick<SourceFacts, 'namespace' | 'name'>,
): void {
  for (const uid of books.claims.madeFrom(kind, namespace, name)) review(books, uid);
}

function review(books: Books, uid: string): void {
  if (books.claims.get(uid)?.selectedNode !== undefined) books.reviewClaim(uid);
}
