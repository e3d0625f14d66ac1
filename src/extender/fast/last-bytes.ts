/** Larger ones are not kept: they come from nobody who sends names only. */
const MAX_BYTES = 1024 * 1024;

/**
 * What was made of the last bytes: kube-scheduler asks prioritize with the bytes that it has just asked filter with.
 */
export class LastBytes<T> {
  #bytes = Buffer.alloc(0);
  #length = 0;
  #last: { readonly value: T } | undefined;

  /**
   * What `make` makes of the bytes; it is not called when the last ones were the same, up to 1 MiB of which are copied.
   */
  of(bytes: Buffer, make: (bytes: Buffer) => T): T {
    if (this.#last && bytes.compare(this.#bytes, 0, this.#length) === 0) return this.#last.value;
    this.#last = undefined;
    const value = make(bytes);
    if (bytes.length <= MAX_BYTES) this.#keep(bytes, value);
    return value;
  }

  #keep(bytes: Buffer, value: T): void {
    if (bytes.length > this.#bytes.length) this.#bytes = Buffer.allocUnsafeSlow(2 * bytes.length);
    this.#length = bytes.copy(this.#bytes);
    this.#last = { value };
  }
}
