import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** One deliberate fault in the ledger, as a change of its text. The fuzz must find it. */
export interface Breakage {
  readonly name: string;
  /** File in src/capacity. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
  /** Words that the model must say. */
  readonly found: RegExp;
}

export const BREAKAGES: readonly Breakage[] = [
  {
    name: 'room that floats is not subtracted (R3, filter reserves)',
    file: 'stock/columns.ts',
    from: 'this.free[row]! -= amount;',
    to: "if (state === 'settled') this.free[row]! -= amount;",
    found: /promised twice|the ledger says free|more promised in|its parts make/,
  },
  {
    name: 'the volumes of one pod do not see each other (R7, planned together)',
    file: 'placing/search.ts',
    from: 'this.#columns.planned[row]! += this.#amount(row, j);',
    to: 'this.#columns.planned[row]! += 0;',
    found: /never had room|more promised in|promised twice|is held|more than there is were promised/,
  },
  {
    name: 'a claim of the same name is taken for the one that is gone (R4, uid, not name)',
    file: 'needs/claims.ts',
    from: 'earlier === undefined || earlier.uid === claim.uid',
    to: 'earlier !== undefined || earlier === undefined',
    found: /is held|are held|room is held/,
  },
  {
    name: 'a hold is never over (R5, every hold ends)',
    file: 'books/hold-for-pod.ts',
    from: 'books.holdForPod(podUid, plan, expiresAt);',
    to: 'books.holdForPod(podUid, plan, Infinity);',
    found: /kept beyond its time/,
  },
  {
    name: "the room of a snapshot's store is free until its object is seen",
    file: 'books/create-volume.ts',
    from: 'volume.expected = {',
    to: 'if (claimUid !== undefined) volume.expected = {',
    found: /the ledger says (nothing|taken)/,
  },
  {
    name: 'late news of an earlier object ends what is expected',
    file: 'books/volume-events.ts',
    from: 'volume.object = undefined;',
    to: 'volume.object = undefined;\n    volume.expected = undefined;',
    found: /the ledger says taken/,
  },
  {
    name: 'room stays held for a claim that cannot be made (R21)',
    file: 'books/books.ts',
    from: 'this.#wrongClaims.note(claim, words, until);\n    this.#endClaimHold(uid);',
    to: 'this.#wrongClaims.note(claim, words, until);',
    found: /are held, and only|is held/,
  },
  {
    name: 'in a cordoned group growth has no end',
    file: 'books/grow-volume.ts',
    from: 'if (more > slot.free + forGrowth)',
    to: 'if (forGrowth === 0 && more > slot.free)',
    found: /grow: (granted|\d+ more promised)/,
  },
  {
    name: 'news from before a growth takes it back',
    file: 'books/volume-events.ts',
    from: 'if (grown !== undefined && grown <= facts.size)',
    to: 'if (grown !== undefined)',
    found: /the ledger says taken/,
  },
  {
    name: 'a retry of CreateVolume looks for a place again',
    file: 'books/create-volume.ts',
    from: 'earlier?.slot && (earlier.object || earlier.expected || earlier.pv)',
    to: 'earlier?.slot && earlier.object',
    found: /placed again|is there and was refused|the ledger says taken/,
  },
  {
    name: 'what is recorded is not rounded to extents',
    file: 'stock/group-slot.ts',
    from: 'return Math.max(use.observed, this.amountFor(use.recorded));',
    to: 'return Math.max(use.observed, use.recorded);',
    found: /the ledger says taken/,
  },
  {
    name: 'a disk that serves a volume is free for another',
    file: 'stock/unit-slot.ts',
    from: '(this.facts?.usable ? 1 : 0) - this.owners.size',
    to: 'this.facts?.usable ? 1 : 0',
    found: /more promised in|promised twice|never had room|is not free|serves/,
  },
  {
    name: 'what a node refused is tried there again (R16, a no is remembered)',
    file: 'placing/search.ts',
    from: 'if (room < amount || amount >= refusedFrom[row]!) continue;',
    to: 'if (room < amount) continue;',
    found: /never had room|has refused/,
  },
  {
    name: 'a refusal outlives its cause',
    file: 'stock/slot.ts',
    from: 'JSON.stringify(before) !== JSON.stringify(now)',
    to: 'before === now',
    found: /refused though|never had room|has refused/,
  },
  {
    name: 'after a restart the chosen nodes are forgotten',
    file: 'books/books.ts',
    from: 'if (!request || !node) return;',
    to: 'if (!request || !node || this.podHolds.of(request.key).length === 0) return;',
    found: /are held of|is refused|promised twice/,
  },
  {
    name: 'a claim is counted for its pod and for itself',
    file: 'books/books.ts',
    from: 'for (const hold of pods) this.podHolds.endVolume(request.key, hold);',
    to: '',
    found: /are held, and only|holds room already/,
  },
  {
    name: 'a claim that a populator fills and the one that stands in for it are both counted (R22)',
    file: 'books/books.ts',
    from: 'if (volume || this.#isElsewhere(claim) || this.claims.standInOf(claim)) {',
    to: 'if (volume || this.#isElsewhere(claim)) {',
    found: /are held, and only|refused though|room is held/,
  },
  {
    name: 'a volume that was handed over is of the claim for which it was made alone',
    file: 'books/records.ts',
    from: '[(object ?? expected)?.claimUid, pv?.claimUid]',
    to: '[(object ?? expected)?.claimUid ?? pv?.claimUid]',
    found: /built afresh differs|are held, and only|room is held/,
  },
];

/**
 * Makes a copy of the ledger with the fault in it. Throws unless the text to change is there exactly once: the list is
 * out of date.
 */
export function breakLedger(breakage: Breakage): { readonly ledger: string } & Disposable {
  const folder = mkdtempSync(path.join(tmpdir(), 'broken-ledger-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  try {
    const source = path.resolve(import.meta.dirname, '../../src');
    for (const part of ['capacity', 'model'])
      cpSync(path.join(source, part), path.join(folder, part), { recursive: true });
    writeFileSync(path.join(folder, 'package.json'), '{"type":"module"}');
    const file = path.join(folder, 'capacity', breakage.file);
    const pieces = readFileSync(file, 'utf8').split(breakage.from);
    if (pieces.length !== 2)
      throw new Error(`${breakage.name}: its text is ${pieces.length - 1} times in ${breakage.file}`);
    writeFileSync(file, pieces.join(breakage.to));
    return { ledger: path.join(folder, 'capacity', 'ledger.ts'), [Symbol.dispose]: remove };
  } catch (error) {
    remove();
    throw error;
  }
}
