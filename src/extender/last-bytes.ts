/** Larger ones are not kept: they come from nobody who sends names only. */
const MAX_BYTES = 1024 * 1024;

/** What was made of the last bytes: kube-scheduler asks prioritize with the bytes that it has just asked filter with. */
export class LastBytes<T> {
  #bytes = Buffer.alloc(0);
  #length = -1;
  #value: T | undefined;

  /** What was kept, if these are the bytes it was made of. */
  of(bytes: Buffer): T | undefined {
    if (bytes.length !== this.#length) return undefined;
    return bytes.compare(this.#bytes, 0, this.#length) === 0 ? this.#value : undefined;
  }

  /** Copies the bytes, up to 1 MiB of them. */
  keep(bytes: Buffer, value: T): void {
    this.#length = -1;
    if (bytes.length > MAX_BYTES) return;
    if (bytes.length > this.#bytes.length) this.#bytes = Buffer.allocUnsafeSlow(2 * bytes.length);
    bytes.copy(this.#bytes);
    this.#length = bytes.length;
    this.#value = value;
  }
}
