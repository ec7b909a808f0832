/** An object that holds memory of a runtime. */
export interface Disposable {
  dispose(): Promise<void>;
}

/** Resources compiled for one purpose and disposed together, also when creating the next one fails. */
export class Resources {
  readonly #held: Disposable[] = [];

  /** Takes ownership of a resource and returns it. */
  keep<T extends Disposable>(resource: T): T {
    this.#held.push(resource);
    return resource;
  }

  /** Runs a function that keeps resources; disposes them if it throws. */
  async releasedOnError<R>(make: () => Promise<R>): Promise<R> {
    try {
      return await make();
    } catch (error) {
      await this.release();
      throw error;
    }
  }

  /** Disposes all resources, the newest first. */
  async release(): Promise<void> {
    for (let next = this.#held.pop(); next; next = this.#held.pop()) await next.dispose();
  }
}
