/** Something that holds memory of a runtime. */
export interface Disposable {
  dispose(): Promise<void>;
}

/** What was compiled for one purpose, and is given back together: also when making the next of it fails. */
export class Resources {
  readonly #held: Disposable[] = [];

  /** Takes charge of something, and returns it. */
  keep<T extends Disposable>(resource: T): T {
    this.#held.push(resource);
    return resource;
  }

  /** Does something that keeps resources; where it throws they are given back first. */
  async releasedOnError<R>(make: () => Promise<R>): Promise<R> {
    try {
      return await make();
    } catch (error) {
      await this.release();
      throw error;
    }
  }

  /** Gives all of it back, the newest first. */
  async release(): Promise<void> {
    for (let next = this.#held.pop(); next; next = this.#held.pop()) await next.dispose();
  }
}
