import type { Books } from './books.ts';
import { expireVolumes } from './create-volume.ts';

/** Uids of those that lost the room held for them. */
export interface Expired {
  readonly pods: readonly string[];
  /** Their nodes were chosen, and nobody asked for their volumes. */
  readonly claims: readonly string[];
}

/** How long room is held for claims, ms: those for which csi-provisioner is to ask, and those that others fill. */
export interface ClaimTtlMs {
  readonly unasked: number;
  readonly unfilled: number;
}

/** Ends what nothing was heard of for too long. */
export function expire(books: Books, nowMs: number, claimTtlMs: ClaimTtlMs): Expired {
  expireVolumes(books, nowMs);
  books.expireRefusals(nowMs);
  books.pvHolds.expire(nowMs);
  const late = [...books.podHolds.all()].filter(({ expiresAt }) => expiresAt <= nowMs);
  for (const { podUid } of late) books.podHolds.end(podUid);
  const claims = expireClaims(books, nowMs, claimTtlMs);
  books.cluster.pruneAbsent();
  return { pods: late.map(({ podUid }) => podUid), claims };
}

function expireClaims(books: Books, nowMs: number, { unasked, unfilled }: ClaimTtlMs): string[] {
  const late = books.claimHolds.late(nowMs, (uid) => (books.claims.get(uid)?.populated ? unfilled : unasked));
  for (const uid of late) {
    const claim = books.claims.get(uid);
    if (claim) books.unasked.note(claim);
    books.reviewClaim(uid);
  }
  return late;
}
