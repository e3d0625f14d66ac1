import type { PvFacts, VolumeFacts } from '../../model/facts.ts';
import { claimKey } from '../needs/claims.ts';
import type { Books } from './books.ts';

/** A LocalVolume as it is now: what was expected has come, unless this is the earlier object of that name. */
export function volumeChanged(books: Books, facts: VolumeFacts): void {
  books.changeRecord(facts.name, (volume) => {
    volume.object = facts;
    const { expected, grown } = volume;
    if (expected && (expected.over === undefined || expected.over !== facts.uid)) volume.expected = undefined;
    if (grown !== undefined && grown <= facts.size) volume.grown = undefined;
    if (volume.inline) volume.inline = { ...volume.inline, made: true };
  });
  // An inline volume that its node made before we heard that the pod is bound.
  books.leavePods(facts.name, undefined, facts.node);
}

/** The LocalVolume is gone. One of the same name that is expected stays expected. */
export function volumeGone(books: Books, name: string): void {
  books.changeRecord(name, (volume) => {
    volume.object = undefined;
    volume.grown = undefined;
  });
}

/** A PersistentVolume as it is now, of whatever driver. */
export function pvChanged(books: Books, pv: PvFacts): void {
  const before = books.pvs.get(pv.name);
  if (before && before.handle !== pv.handle) pvGone(books, pv.name);
  books.pvs.set(pv);
  if (pv.offer) books.cluster.noteNews();
  else books.pvHolds.leavePv(pv.name, keyOfOwner(books, pv));
  if (books.classes.isOurDriver(pv.driver)) books.changeRecord(pv.handle, (volume) => (volume.pv = pv));
  else if (pv.claimUid !== undefined) books.reviewClaim(pv.claimUid);
}

function keyOfOwner({ claims }: Books, { claimUid }: PvFacts): string | undefined {
  const owner = claims.get(claimUid ?? '');
  return owner && claimKey(owner.namespace, owner.name);
}

/** The PersistentVolume is gone; its volume is still counted by what else speaks of it, another one too. */
export function pvGone(books: Books, name: string): void {
  const pv = books.pvs.get(name);
  books.pvs.delete(name);
  books.pvHolds.leavePv(name);
  if (!pv || books.records.get(pv.handle)?.pv?.name !== name) return;
  const left = books.pvs.ofHandle(pv.handle).find(({ driver }) => books.classes.isOurDriver(driver));
  books.changeRecord(pv.handle, (volume) => (volume.pv = left));
}
