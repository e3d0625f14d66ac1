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
  object: VolumeFacts | undefined;
  expected: ExpectedVolume | undefined;
  /** Room taken for a growth that the object does not show yet, bytes. */
  grown: Bytes | undefined;
  pv: PvFacts | undefined;
  inline: InlinePlace | undefined;
  slot: Slot | undefined;
}

/** Has all fields from the start: V8 gives an object whose fields come and go five times the memory. */
const newRecord = (name: string): Recorded => ({
  name,
  object: undefined,
  expected: undefined,
  grown: undefined,
  pv: undefined,
  inline: undefined,
  slot: undefined,
});

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
  /** Names of volumes by the uid of a claim, which has one but for moments. */
  readonly #byClaim = new Map<string, readonly string[]>();
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
    const [name] = this.#byClaim.get(uid) ?? [];
    return name === undefined ? undefined : this.#byName.get(name);
  }

  /** Changes what is known of one volume, and counts it anew. Returns the claims it was and is of. */
  change(name: string, edit: (volume: Recorded) => void): Set<string> {
    const volume = this.#byName.get(name) ?? newRecord(name);
    const before = claimsOf(volume);
    edit(volume);
    const after = claimsOf(volume);
    for (const uid of before.filter((uid) => !after.includes(uid))) this.#unlink(uid, name);
    for (const uid of after.filter((uid) => !before.includes(uid))) this.#link(uid, name);
    this.#attach(volume);
    if (volume.object || volume.expected || volume.pv || volume.inline) this.#byName.set(name, volume);
    else this.#byName.delete(name);
    return new Set([...before, ...after]);
  }

  #link(claimUid: string, name: string): void {
    const others = this.#byClaim.get(claimUid);
    // A literal of one takes a quarter of what a list that was spread into takes.
    this.#byClaim.set(claimUid, others ? [...others, name] : [name]);
  }

  #unlink(claimUid: string, name: string): void {
    const others = this.#byClaim.get(claimUid)?.filter((other) => other !== name) ?? [];
    if (others.length === 0) this.#byClaim.delete(claimUid);
    else this.#byClaim.set(claimUid, others);
  }

  #attach(volume: Recorded): void {
    const place = placeOf(volume);
    const slot = place && this.#room(place.node).slot(place.kind, place.where);
    if (volume.slot && volume.slot !== slot) volume.slot.record(volume.name, undefined);
    volume.slot = slot;
    if (place && slot) slot.record(volume.name, place.size);
  }
}

/**
 * That for which it was made, and that which its PersistentVolume names: another one where the volume was handed over,
 * as volume populators do.
 */
const claimsOf = ({ object, expected, pv }: Recorded): string[] => [
  ...new Set([(object ?? expected)?.claimUid, pv?.claimUid].filter((uid) => uid !== undefined)),
];

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
