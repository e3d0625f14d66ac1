import type { Books } from './books/books.ts';
import { NONE, type HoldState } from './stock/columns.ts';
import type { GroupSlot } from './stock/group-slot.ts';
import type { NodeRoom } from './stock/node-stock.ts';
import type { Slot } from './stock/slot.ts';
import type { UnitSlot } from './stock/unit-slot.ts';

/** What the ledger says of one node, by the objects that it has heard of. What is held is judged by itself. */
export interface NodeAudit {
  /** Numbers by what they are of, such as `LVM pool-0: total`: bytes, or 1 for yes. What is zero is left out. */
  readonly numbers: ReadonlyMap<string, number>;
  /** Keys of numbers that may differ: of volumes that are expected, or grown, and whose objects do not say so yet. */
  readonly pending: ReadonlySet<string>;
  /** What cannot be, whatever was heard, in sentences. */
  readonly broken: readonly string[];
}

/** What all holds together take in each row of the columns, bytes or units. */
export type HeldByRow = ReadonlyMap<number, Readonly<Record<HoldState, number>>>;

/** Adds up what pods and claims hold. One pass over all holds. */
export function heldByRow({ podHolds, claimHolds }: Books): HeldByRow {
  const held = new Map<number, Record<HoldState, number>>();
  const add = (row: number, amount: number, state: HoldState): void => {
    const sums = held.get(row) ?? { settled: 0, floating: 0 };
    sums[state] += amount;
    held.set(row, sums);
  };
  for (const { plan, state } of podHolds.all())
    plan.rows.forEach((row, at) => {
      if (row !== NONE) add(row, plan.amounts[at]!, state);
    });
  for (const { slot, amount } of claimHolds.all()) add(slot.row, amount, 'settled');
  return held;
}

const NOTHING_HELD = { settled: 0, floating: 0 };

/** Looks at every number of one node; one that the ledger does not know has none. */
export function auditNode(books: Books, name: string, held: HeldByRow): NodeAudit {
  const node = books.cluster.peek(name);
  const audit = { numbers: new Map<string, number>(), pending: new Set<string>(), broken: [] as string[] };
  if (!node) return audit;
  put(audit, 'is there', Number(node.present));
  for (const slot of node.slots()) {
    if (slot.kind === 'LVM') auditGroup(audit, books, slot);
    else auditUnit(audit, books, slot);
    audit.broken.push(...brokenSums(books, node, slot, held.get(slot.row) ?? NOTHING_HELD));
  }
  return audit;
}

type Draft = { numbers: Map<string, number>; pending: Set<string>; broken: string[] };

function put({ numbers }: Draft, key: string, number: number): void {
  if (number !== 0) numbers.set(key, number);
}

const placeKey = ({ kind, name }: Pick<GroupSlot | UnitSlot, 'kind' | 'name'>): string => `${kind} ${name}`;

function auditGroup(audit: Draft, books: Books, slot: GroupSlot): void {
  const key = placeKey(slot);
  put(audit, `${key}: total`, slot.total);
  put(audit, `${key}: reserved`, slot.facts?.reserved ?? 0);
  put(audit, `${key}: available`, slot.facts?.available ?? 0);
  for (const [volume, { observed, recorded }] of slot.uses()) {
    put(audit, `${key}: volume ${volume} observed`, observed);
    put(audit, `${key}: volume ${volume} recorded`, recorded);
    if (recorded !== 0) auditRecord(audit, books, slot, volume);
  }
}

function auditUnit(audit: Draft, books: Books, slot: UnitSlot): void {
  const key = placeKey(slot);
  put(audit, `${key}: size`, slot.facts?.size ?? 0);
  put(audit, `${key}: usable`, Number(slot.facts?.usable ?? false));
  for (const volume of slot.owners) {
    put(audit, `${key}: volume ${volume} recorded`, 1);
    auditRecord(audit, books, slot, volume);
  }
}

/** A volume counts once: where its record says. */
function auditRecord(audit: Draft, books: Books, slot: GroupSlot | UnitSlot, volume: string): void {
  const record = books.records.get(volume);
  if (record?.slot !== slot) audit.broken.push(`${placeKey(slot)} counts volume ${volume}, whose record is elsewhere`);
  if (record?.expected || record?.grown !== undefined)
    audit.pending.add(`${placeKey(slot)}: volume ${volume} recorded`);
}

/** The sums of one slot against their parts: docs/ledger.md, the formula. */
function brokenSums(
  { cluster }: Books,
  node: NodeRoom,
  slot: Slot,
  held: Readonly<Record<HoldState, number>>,
): string[] {
  const { columns } = cluster;
  const { row, settled, floating, free } = slot;
  const where = `${slot.kind} ${slot.name}`;
  const said = [
    ...(['settled', 'floating'] as const).map((state) => ({ what: state, is: slot[state], parts: held[state] })),
    { what: 'free', is: free, parts: columns.base[row]! - settled - floating },
    { what: 'number of the node', is: columns.nodeOf[row]!, parts: node.number },
  ];
  return said
    .filter(({ is, parts }) => is !== parts)
    .map(({ what, is, parts }) => `${where}: ${what} is ${is}, and its parts make ${parts}`);
}
