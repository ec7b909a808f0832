import type { Fields, ReadState } from "../url/codec.js";
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
  /** What is being done; empty while nothing is. */
  doing = $state("");
  /** What was not understood of the address. */
  notices = $state.raw<readonly string[]>([]);
  /** What is said, and of which subject. */
  #said = $state.raw({ text: "", of: "" });
  protected readonly client: WorkerClient;
  #isNew = true;
  #later: ReturnType<typeof setTimeout> | undefined;
  readonly #read: (query: string) => ReadState<S>;

  constructor(query: string, read: (query: string) => ReadState<S>, createWorker: () => WorkerLike) {
    this.#read = read;
    this.read(query);
    this.client = createClient(createWorker, (reason, hasAnswered) => {
      if (!hasAnswered) {
        this.doing = "";
        this.message = `The worker, which computes, does not start in this browser: ${reason}`;
        return;
      }
      this.open();
      this.message = `The computation ended (${reason}) and was started again.`;
    });
  }

  read(query: string): void {
    const { state, notices } = this.#read(query);
    this.state = state;
    this.notices = notices;
  }

  /** What the screen shows, as text: what is said of another one is outdated. */
  protected abstract get subject(): string;

  /** Changes settings, and computes what they ask for. */
  abstract set(change: Partial<S>): void;

  get isBusy(): boolean {
    return this.doing !== "";
  }

  get message(): string {
    return this.#said.text;
  }

  set message(text: string) {
    this.#said = { text, of: this.subject };
  }

  get isOutdated(): boolean {
    return this.#said.of !== this.subject;
  }

  /** Ends what is computed; what there is by then stays. */
  stop(): void {
    this.client.stop();
    this.doing = "";
    this.message = "Stopped: what was not computed by then is missing.";
  }

  /** Computes everything for settings that have changed altogether, or for a new worker. */
  abstract reload(): void;

  /** Takes the settings of an address that was typed, or gone back to. */
  follow(query: string): void {
    this.read(query);
    this.reload();
  }

  /** Begins with what the tab has kept, where it keeps something. */
  protected open(): void {
    this.reload();
  }

  /** The screen is opened, at an address: what an earlier visit left there is there again. */
  enter(query: string, print: (state: S) => string): void {
    this.client.rest(false);
    if (this.#isNew) this.open();
    else if (query !== print(this.state)) this.follow(query);
    this.#isNew = false;
  }

  leave(): void {
    this.client.rest(true);
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
    this.doing = "";
    this.message = error.message;
  };
}

/** What a control takes of each setting: how it is read and written, its value, and what changes it. */
export const settingsOf =
  <S extends object>(model: ScreenModel<S>, fields: Fields<S>) =>
  <K extends keyof S>(name: K) => ({
    field: fields[name],
    value: model.state[name],
    onchange: (value: S[K]) => model.set({ [name]: value } as unknown as Partial<S>),
  });
