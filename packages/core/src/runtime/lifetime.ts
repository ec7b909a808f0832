import { IsolossError, RuntimeError } from "../errors.js";

/** Whether something that holds compiled graphs can be called: not after it was disposed of, nor while it runs. */
export class Lifetime {
  readonly #what: string;
  readonly #make: string;
  #isOver = false;
  #isComputing = false;

  /**
   * @param what for messages: "trainer"
   * @param make what creates another one: "createTrainer"
   */
  constructor(what: string, make: string) {
    this.#what = what;
    this.#make = make;
  }

  /** @throws RuntimeError after {@link end} */
  requireOpen(): void {
    if (!this.#isOver) return;
    throw new RuntimeError(`This ${this.#what} was disposed; create a new one with ${this.#make}.`);
  }

  /**
   * @param call for the message: "run"
   * @throws IsolossError while {@link compute} is under way; RuntimeError after {@link end}
   */
  requireIdle(call: string): void {
    this.requireOpen();
    if (!this.#isComputing) return;
    throw new IsolossError(`${call}: this ${this.#what} is running; await that run first.`);
  }

  /** Computes something beside which nothing else may be computed. */
  async compute<R>(call: string, f: () => Promise<R>): Promise<R> {
    this.requireIdle(call);
    this.#isComputing = true;
    try {
      return await f();
    } finally {
      this.#isComputing = false;
    }
  }

  /** Ends it, and releases what it holds; a second time does nothing. */
  async end(release: () => Promise<void>): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    await release();
  }
}
