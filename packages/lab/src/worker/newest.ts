interface Disposable {
  dispose(): Promise<void>;
}

/** What is made for keys: the newest of it is kept. */
export class Newest<V extends Disposable> {
  readonly #made = new Map<string, Promise<V>>();

  /** @param most how much is kept at a time */
  constructor(private readonly most: number) {}

  /** What is kept for a key, or else made. */
  async of<M extends V>(key: string, make: () => Promise<M>): Promise<M> {
    const made = this.#made.get(key) ?? make();
    this.#made.delete(key);
    this.#made.set(key, made);
    const [[oldest, old]] = this.#made;
    if (this.#made.size > this.most) {
      this.#made.delete(oldest);
      // A failure was reported to its own caller.
      await old.then(
        (value) => value.dispose(),
        () => {},
      );
    }
    return made.catch((error) => {
      if (this.#made.get(key) === made) this.#made.delete(key);
      throw error;
    }) as Promise<M>;
  }
}
