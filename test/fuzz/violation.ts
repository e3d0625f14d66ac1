/** Error: the ledger said something that contradicts the model. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

/** Throws a Violation with this sentence unless the condition holds. */
export function demand(condition: boolean, sentence: () => string): asserts condition {
  if (!condition) throw new Violation(sentence());
}
