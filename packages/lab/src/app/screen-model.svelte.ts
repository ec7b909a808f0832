import type { ReadState } from "../url/codec.js";
import {
  createClient,
  Superseded,
  type WorkerClient,
  WorkerEnded,
  type WorkerLike,
} from "../worker/client.js";

/** Milliseconds between two pictures of runs that go on. */
const pause = 100;

/** What every screen has: settings, a worker that computes, and something to say. Results are plain arrays. */
export abstract class ScreenModel<S extends object> {
  state = $state.raw<S>() as S;
  /** Says when results have changed. */
  version = $state(0);
  message = $state("");
  /** What was not understood of the address. */
  notices = $state.raw<readonly string[]>([]);
  isBusy = $state(false);
  protected readonly client: WorkerClient;
  #later: ReturnType<typeof setTimeout> | undefined;
  readonly #read: (query: string) => ReadState<S>;

  constructor(query: string, read: (query: string) => ReadState<S>, createWorker: () => WorkerLike) {
    this.#read = read;
    this.read(query);
    this.client = createClient(createWorker, (reason, hasAnswered) => {
      if (!hasAnswered) {
        this.isBusy = false;
        this.message = `The worker, which computes, does not start in this browser: ${reason}`;
        return;
      }
      this.reload();
      this.message = `The computation ended (${reason}) and was started again.`;
    });
  }

  read(query: string): void {
    const { state, notices } = this.#read(query);
    this.state = state;
    this.notices = notices;
  }

  /** Computes everything for settings that have changed altogether, or for a new worker. */
  abstract reload(): void;

  dispose(): void {
    clearTimeout(this.#later);
    this.client.dispose();
  }

  /** Shows what has come of runs that go on: some times a second, so that the page has time for its user. */
  protected changed(): void {
    this.#later ??= setTimeout(() => {
      this.#later = undefined;
      this.version++;
    }, pause);
  }

  /** What becomes of a call that has no result. */
  protected readonly failed = (error: Error): void => {
    if (error instanceof Superseded || error instanceof WorkerEnded) return;
    this.isBusy = false;
    this.message = error.message;
  };
}
