/** The ledger said something that the model cannot agree with. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

/** Throws a Violation with this sentence unless the condition holds. */
export function demand(condition: boolean, sentence: () => string): asserts condition {
  if (!condition) throw new Violation(sentence());
}
