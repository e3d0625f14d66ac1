/**
 * Names of PersistentVolumes by volume handle. Nearly all have their handle for a name: the others alone are
 * remembered, so that a hundred thousand of them cost nothing.
 */
export class NamesByHandle {
  readonly #others = new Map<string, Set<string>>();

  add(name: string, handle: string): void {
    if (handle !== '' && handle !== name) this.#others.set(handle, (this.#others.get(handle) ?? new Set()).add(name));
  }

  delete(name: string, handle: string): void {
    const names = this.#others.get(handle);
    if (names?.delete(name) && names.size === 0) this.#others.delete(handle);
  }

  /** All that may have the handle: one that is called like it is among them, whether it is there or not. */
  of(handle: string): readonly string[] {
    return [handle, ...(this.#others.get(handle) ?? [])];
  }
}
