import type { Books } from './books.ts';
import { expireVolumes } from './create-volume.ts';

/** Ends what nothing was heard of for too long. Returns the uids of the pods that lost their room. */
export function expire(books: Books, nowMs: number): string[] {
  expireVolumes(books, nowMs);
  books.expireRefusals(nowMs);
  books.pvHolds.expire(nowMs);
  const late = [...books.podHolds.all()].filter(({ expiresAt }) => expiresAt <= nowMs);
  for (const { podUid } of late) books.podHolds.end(podUid);
  books.cluster.pruneAbsent();
  return late.map(({ podUid }) => podUid);
}
