import { bytes, type Bytes } from '../../model/bytes.ts';
import type { Refusal } from '../../model/verdict.ts';
import { cannotGrow, volumeMissing } from '../needs/refusal.ts';
import type { GroupSlot } from '../stock/group-slot.ts';
import type { UnitSlot } from '../stock/unit-slot.ts';
import type { Books } from './books.ts';
import { placeOf } from './records.ts';

export type GrowAnswer =
  | { readonly ok: true; readonly size: Bytes }
  | { readonly ok: false; readonly refusal: Refusal };

/**
 * Takes the room for a volume to grow to `size` bytes, rounded up to extents, or says that there is none. Never
 * shrinks.
 */
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
  const { forGrowth = 0 } = (slot as GroupSlot).facts ?? {};
  if (more > slot.free + forGrowth) return { ok: false, refusal: cannotGrow(size, `volume group ${place.where}`) };
  books.changeRecord(name, (changed) => (changed.grown = wanted));
  return { ok: true, size: wanted };
}

/** Takes back a growth that could not be written to the object; `size` is what the object has, in bytes. */
export function shrinkVolume(books: Books, name: string, size: Bytes): void {
  if (books.records.get(name)?.grown === undefined) return;
  books.changeRecord(name, (volume) => {
    if (volume.object && volume.object.size >= size) volume.grown = undefined;
    else volume.grown = size;
  });
}
