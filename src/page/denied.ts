/** A call that is not answered: the HTTP status, and a sentence with what to do. */
export class Denied extends Error {
  override readonly name = 'Denied';
  readonly status: number;
  /** Absent: asking again changes nothing. */
  readonly retryAfterSeconds: number | undefined;

  constructor(status: number, message: string, retryAfterSeconds?: number) {
    super(message);
    this.status = status;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}
