/**
 * What the caller can do about a failure:
 * `invalid` fix the request · `not-found` it is gone · `conflict` the same name means something else ·
 * `exhausted` no room here, try elsewhere · `out-of-range` another size · `precondition` change the state first ·
 * `aborted` another call on the same thing is under way · `unavailable` try again later.
 */
export type FaultKind =
  | 'invalid'
  | 'not-found'
  | 'conflict'
  | 'exhausted'
  | 'out-of-range'
  | 'precondition'
  | 'aborted'
  | 'unavailable'
  | 'unimplemented';

/** A failure the caller can act on. Anything else that is thrown is a bug. */
export class Fault extends Error {
  override readonly name: string = 'Fault';
  readonly kind: FaultKind;

  constructor(kind: FaultKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/** The text of anything that was thrown, for a message to a person. */
export const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
