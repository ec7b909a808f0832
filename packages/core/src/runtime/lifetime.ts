import { IsolossError, RuntimeError } from "../errors.js";

/** Guards an object that holds compiled graphs against calls after its disposal and while it runs. */
export class Lifetime {
  readonly #what: string;
  readonly #make: string;
  #isOver = false;
  #isComputing = false;

  /**
   * @param what name of the object for messages: "trainer"
   * @param make name of the function that creates one: "createTrainer"
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
   * @param call name of the call for the message: "run"
   * @throws IsolossError while {@link compute} is under way; RuntimeError after {@link end}
   */
  requireIdle(call: string): void {
    this.requireOpen();
    if (!this.#isComputing) return;
    throw new IsolossError(`${call}: this ${this.#what} is running; await that run first.`);
  }

  /** Runs a computation that excludes all others. */
  async compute<R>(call: string, f: () => Promise<R>): Promise<R> {
    this.requireIdle(call);
    this.#isComputing = true;
    try {
      return await f();
    } finally {
      this.#isComputing = false;
    }
  }

  /** Ends the lifetime and releases the resources; a second call does nothing. */
  async end(release: () => Promise<void>): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    await release();
  }
}
