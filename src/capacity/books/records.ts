import { bytes, NO_BYTES, type Bytes } from '../../model/bytes.ts';
import type { PvFacts, VolumeFacts } from '../../model/facts.ts';
import type { VolumeKind } from '../../model/storage-class.ts';
import type { NodeRoom } from '../stock/node-stock.ts';
import type { Slot } from '../stock/slot.ts';

/** Where a volume is and what it takes, in bytes. */
export interface VolumePlace {
  readonly node: string;
  readonly kind: VolumeKind;
  readonly where: string;
  readonly size: Bytes;
  readonly claimUid?: string;
}

/**
 * One volume, by everything that speaks of it. It counts once, at the place that the strongest of these says: the
 * LocalVolume, the object that is expected, a PersistentVolume of ours, an inline volume of a pod that is bound to a
 * node.
 */
export interface Recorded {
  readonly name: string;
  object?: VolumeFacts;
  expected?: ExpectedVolume;
  /** Room taken for a growth that the object does not show yet, bytes. */
  grown?: Bytes;
  pv?: PvFacts;
  inline?: InlinePlace;
  slot?: Slot;
  /**
   * That for which it was made, and that which its PersistentVolume names: another one where the volume was handed
   * over, as volume populators do. Absent: none.
   */
  claimUids?: readonly string[];
}

/** What a bound pod says of its inline volume. */
export interface InlinePlace extends VolumePlace {
  /** Its LocalVolume was seen: from then on the room is taken as long as that object says. */
  readonly made: boolean;
}

/** An object that is about to be created, and whose room is taken already. */
export interface ExpectedVolume extends VolumePlace {
  /** Time, ms; absent until the next look at the clock. */
  expiresAt?: number;
  /** Uid of the earlier object of the same name, if one was known: news of that one is not what is expected. */
  readonly over?: string;
}

/** The volumes that are recorded, each attached to the slot that it takes room in. */
export class Records {
  readonly #byName = new Map<string, Recorded>();
  readonly #byClaim = new Map<string, Set<string>>();
  readonly #room: (node: string) => NodeRoom;

  constructor(room: (node: string) => NodeRoom) {
    this.#room = room;
  }

  get(name: string): Recorded | undefined {
    return this.#byName.get(name);
  }

  all(): Iterable<Recorded> {
    return this.#byName.values();
  }

  /** The volume of a claim. */
  ofClaim(uid: string): Recorded | undefined {
    for (const name of this.#byClaim.get(uid) ?? []) return this.#byName.get(name);
    return undefined;
  }

  /** Changes what is known of one volume, and counts it anew. Returns the claims it was and is of. */
  change(name: string, edit: (volume: Recorded) => void): Set<string> {
    const volume = this.#byName.get(name) ?? { name };
    edit(volume);
    const claims = this.#relink(volume);
    this.#attach(volume);
    if (volume.object || volume.expected || volume.pv || volume.inline) this.#byName.set(name, volume);
    else this.#byName.delete(name);
    return claims;
  }

  #relink(volume: Recorded): Set<string> {
    const { name, object, expected, pv, claimUids: before = [] } = volume;
    const after = [(object ?? expected)?.claimUid, pv?.claimUid].filter((uid) => uid !== undefined);
    for (const uid of before.filter((uid) => !after.includes(uid))) {
      const names = this.#byClaim.get(uid);
      names?.delete(name);
      if (names?.size === 0) this.#byClaim.delete(uid);
    }
    for (const uid of after) this.#byClaim.set(uid, (this.#byClaim.get(uid) ?? new Set()).add(name));
    if (after.length > 0) volume.claimUids = after;
    else delete volume.claimUids;
    return new Set([...before, ...after]);
  }

  #attach(volume: Recorded): void {
    const place = placeOf(volume);
    const slot = place && this.#room(place.node).slot(place.kind, place.where);
    if (volume.slot && volume.slot !== slot) volume.slot.record(volume.name, undefined);
    delete volume.slot;
    if (!place || !slot) return;
    volume.slot = slot;
    slot.record(volume.name, place.size);
  }
}

/** What the volume takes; undefined when nothing says where, as for a PersistentVolume without attributes. */
export function placeOf(volume: Recorded): VolumePlace | undefined {
  const { object, expected, grown = NO_BYTES, pv, inline } = volume;
  const place = object ?? expected ?? pvPlace(pv) ?? inline;
  if (!place) return undefined;
  return { ...place, size: bytes(Math.max(place.size, expected?.size ?? 0, grown)) };
}

/** The only node that can reach the volume. */
export const nodeOf = (volume: Recorded): string | undefined => placeOf(volume)?.node ?? volume.pv?.node;

function pvPlace(pv: PvFacts | undefined): VolumePlace | undefined {
  return pv?.takes && pv.node !== undefined ? { node: pv.node, ...pv.takes } : undefined;
}
