import { bytes, type Bytes } from '../../model/bytes.ts';
import type { PvFacts, VolumeFacts } from '../../model/facts.ts';
import type { Refusal } from '../../model/verdict.ts';
import {
  findPlace,
  placementOf,
  requestOfVolume,
  type FoundPlace,
  type PlaceAnswer,
  type PlaceRequest,
} from './create-volume.ts';
import type { Strategy } from '../placing/search.ts';
import type { Books } from './books.ts';
import { placeOf, type Recorded } from './records.ts';
import { cannotGrow, emptyClaim, volumeMissing } from '../needs/refusal.ts';
import type { UnitSlot } from '../stock/unit-slot.ts';

/**
 * How long the room of an inline volume is kept when its pod ends before its LocalVolume was seen. Short, as a pod that its kubelet
 * refuses again and again leaves one each time; when the news is later still, the agent is the last judge.
 */
const LATE_NEWS_MS = 60_000;

export type GrowAnswer =
  | { readonly ok: true; readonly size: Bytes }
  | { readonly ok: false; readonly refusal: Refusal };

/** A LocalVolume as it is now. It fulfils the promise to create it, unless it is the earlier object of that name. */
export function volumeChanged(books: Books, facts: VolumeFacts): void {
  edit(books, facts.name, (volume) => {
    volume.object = facts;
    if (volume.promise && (volume.promise.over === undefined || volume.promise.over !== facts.uid))
      delete volume.promise;
    if (volume.grown !== undefined && volume.grown <= facts.size) delete volume.grown;
    if (volume.inline) volume.inline = { ...volume.inline, made: true };
  });
  // An inline volume that its node made before we heard that the pod is bound.
  books.leavePods(facts.name, undefined, facts.node);
}

/** The LocalVolume is gone. A promise to create one of the same name stays. */
export function volumeGone(books: Books, name: string): void {
  if (!books.records.get(name)) return;
  edit(books, name, (volume) => {
    delete volume.object;
    delete volume.grown;
  });
}

/** A PersistentVolume as it is now, of whatever driver. */
export function pvChanged(books: Books, pv: PvFacts): void {
  const before = books.pvs.get(pv.name);
  if (before && before.handle !== pv.handle) pvGone(books, pv.name);
  books.pvs.set(pv.name, pv);
  if (books.classes.isOurDriver(pv.driver)) edit(books, pv.handle, (volume) => (volume.pv = pv));
  else if (pv.claimUid !== undefined) books.reviewClaim(pv.claimUid);
}

export function pvGone(books: Books, name: string): void {
  const pv = books.pvs.get(name);
  books.pvs.delete(name);
  if (!pv || books.records.get(pv.handle)?.pv?.name !== name) return;
  edit(books, pv.handle, (volume) => delete volume.pv);
}

/** Finds room for a volume and takes it, or says why there is none. The same name again gives the same place, and takes nothing. */
export function placeVolume(books: Books, ask: PlaceRequest, strategy: Strategy, expiresAt: number): PlaceAnswer {
  const earlier = books.records.get(ask.name);
  const isThere = earlier?.slot && (earlier.object || earlier.promise || earlier.pv);
  if (!isThere && ask.size === 0) return { ok: false, refusal: emptyClaim(ask.name) };

  const request = requestOfVolume(books, ask);
  const found = isThere ? placeAgain(earlier) : findPlace(books, ask, request, strategy);
  if ('refusal' in found) return { ok: false, refusal: found.refusal };
  const { slot, size } = found;
  const { key, claimUid } = request;
  const node = slot.node.name;
  edit(books, ask.name, (volume) => {
    const place = { node, kind: slot.kind, where: slot.name, size, ...(claimUid === undefined ? {} : { claimUid }) };
    // An object that is there already may go before the one comes that the caller is about to make.
    const over = volume.object?.uid ?? volume.promise?.over;
    volume.promise = { ...place, expiresAt, ...(over === undefined ? {} : { over }) };
  });
  // Pods whose claim we have not seen hold room for it by its name.
  books.leavePods(key, claimUid, node);
  return { ok: true, placement: placementOf(slot, size) };
}

function placeAgain(volume: Recorded): FoundPlace {
  const place = placeOf(volume);
  if (!place || !volume.slot) throw new Error(`volume ${volume.name} has a slot and no place`);
  return { slot: volume.slot, size: place.size };
}

/** Gives up a promise whose object was not created. An object that exists stays counted. */
export function unplaceVolume(books: Books, name: string): void {
  if (books.records.get(name)?.promise) edit(books, name, (volume) => delete volume.promise);
}

/** Takes the room for a volume to grow to `size` bytes, rounded to extents, or says that there is none. Never shrinks. */
export function growVolume(books: Books, name: string, size: Bytes): GrowAnswer {
  const volume = books.records.get(name);
  const place = volume && placeOf(volume);
  if (!volume?.slot || !place) return { ok: false, refusal: volumeMissing(name) };
  const { slot } = volume;
  if (slot.kind !== 'LVM') {
    const whole = (slot as UnitSlot).facts?.size ?? place.size;
    return size <= whole ? { ok: true, size: whole } : { ok: false, refusal: cannotGrow(size, place.where) };
  }
  const wanted = bytes(slot.amountFor(Math.max(size, place.size)));
  const more = wanted - Math.max(slot.takenBy(name), slot.amountFor(place.size));
  if (more > slot.free) return { ok: false, refusal: cannotGrow(size, `volume group ${place.where}`) };
  edit(books, name, (changed) => (changed.grown = wanted));
  return { ok: true, size: wanted };
}

/** Takes back a growth that could not be written to the object; `size` is what the object has, in bytes. */
export function shrinkVolume(books: Books, name: string, size: Bytes): void {
  if (books.records.get(name)?.grown === undefined) return;
  edit(books, name, (volume) => {
    if (volume.object && volume.object.size >= size) delete volume.grown;
    else volume.grown = size;
  });
}

/** Drops promises whose objects never came. */
export function expireVolumes(books: Books, nowMs: number): void {
  for (const { name, promise } of books.records.all()) {
    if (!promise) continue;
    if (promise.expiresAt === undefined) promise.expiresAt = nowMs + LATE_NEWS_MS;
    if (promise.expiresAt <= nowMs) unplaceVolume(books, name);
  }
}

function edit(books: Books, name: string, change: (volume: Recorded) => void): void {
  for (const claimUid of books.records.change(name, change)) books.reviewClaim(claimUid);
}
