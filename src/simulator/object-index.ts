// Objects by id, found by the full id or by a prefix that fits only one, as every runtime accepts them.

/** What a look-up found; `ambiguous` when a prefix fits several objects. */
export type Lookup<T> = { kind: 'found'; object: T } | { kind: 'absent' } | { kind: 'ambiguous' };

/** A map by id with look-up by prefix. Keeps the order of insertion. */
export class ObjectIndex<T extends { readonly id: string }> {
  readonly #objects = new Map<string, T>();

  get size(): number {
    return this.#objects.size;
  }

  add(object: T): void {
    this.#objects.set(object.id, object);
  }

  remove(id: string): void {
    this.#objects.delete(id);
  }

  /** Exact ids only. */
  get(id: string): T | undefined {
    return this.#objects.get(id);
  }

  values(): IterableIterator<T> {
    return this.#objects.values();
  }

  /** A full id, or a prefix. The empty text fits nothing. */
  find(id: string): Lookup<T> {
    const exact = this.#objects.get(id);
    if (exact !== undefined) return { kind: 'found', object: exact };
    if (id === '') return { kind: 'absent' };
    let match: T | undefined;
    for (const object of this.#objects.values()) {
      if (!object.id.startsWith(id)) continue;
      if (match !== undefined) return { kind: 'ambiguous' };
      match = object;
    }
    return match === undefined ? { kind: 'absent' } : { kind: 'found', object: match };
  }
}
