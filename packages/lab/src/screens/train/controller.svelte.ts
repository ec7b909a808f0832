// State of the train screen.
import { ScreenModel } from "../../app/screen-model.svelte.js";
import { tab } from "../../app/tab.js";
import type { PointData } from "../../charts/regions.js";
import { CallError, type WorkerLike } from "../../worker/client.js";
import { bestRates, type Raced, type Swept } from "./race-result.js";
import { type Regressed, regressionNames } from "./regression-result.js";
import type { FoundMove, Regions, TrainRun } from "./run.js";
import { defaultState, type FileKind, planOf, type RunName, readTrain, type TrainState } from "./state.js";
import { lookOf } from "./words.js";

export type Theme = "light" | "dark";

interface Begun {
  readonly moves: readonly FoundMove[];
  readonly points: PointData | undefined;
  readonly examples: readonly number[];
}

interface Told {
  readonly runs: readonly TrainRun[];
  readonly missing: readonly { readonly name: RunName; readonly why: string }[];
  readonly regions: readonly Regions[];
}

export class Train extends ScreenModel<TrainState> {
  isTraining = $state(false);
  isRacing = $state(false);
  /** Why it does not train though nobody paused it. */
  isHidden = $state(false);
  runs: readonly TrainRun[] = [];
  missing: Told["missing"] = [];
  regions: readonly Regions[] = [];
  begun: Begun | undefined;
  raced: readonly Raced[] = [];
  /** Plain and teleported runs at several rates. */
  swept: readonly Swept[] = [];
  /** The paper's regression. */
  regressed: readonly Regressed[] = [];
  /** The text of a file with points. */
  #own: string | undefined;
  #racedOf = "";
  /** Calls that were made: what an older one says no longer counts. */
  #calls = 0;
  #isToRestart = false;
  /** What is said of a training that does not go on. */
  #paused = "Paused.";

  constructor(query: string, createWorker: () => WorkerLike) {
    super(query, readTrain, createWorker);
  }

  protected get subject(): string {
    return textOf(this.state) + this.state.with.join();
  }

  /** Share of the steps that are done, of the run that is furthest behind. */
  get share(): number {
    return Math.min(
      1,
      ...this.runs.filter(({ status }) => status !== "diverged").map(({ steps, last }) => steps / last),
    );
  }

  get isDone(): boolean {
    return this.runs.length > 0 && this.runs.every(({ status }) => status !== "running");
  }

  /** Changes settings, and trains anew where they are not of the picture alone. */
  set(change: Partial<TrainState>): void {
    const before = this.state;
    this.state = { ...before, ...change };
    this.notices = [];
    this.version++;
    const { by, with: names } = this.state;
    if (textOf(before) !== textOf(this.state) || names !== before.with) this.reload();
    else if (by !== before.by && this.isTraining) this.train();
  }

  /** Points of a file: two numbers and a label a line. */
  async choose(file: File): Promise<void> {
    this.#own = await file.text();
    // Points are in no setting: a race of those before is of others.
    this.#racedOf = "";
    this.state = { ...this.state, data: "own" };
    this.notices = [];
    this.reload();
  }

  reload({ restart = true } = {}): void {
    if (this.state.data === "own" && this.#own === undefined) {
      this.state = { ...this.state, data: defaultState.data };
      this.notices = [...this.notices, "data=own: points of your own are in no link. Choose a file."];
    }
    this.runs = [];
    this.regions = [];
    if (textOf(this.state) !== this.#racedOf) this.raced = this.swept = [];
    this.version++;
    const begin = (begun: Begun | undefined) => {
      this.begun = begun;
      this.version++;
    };
    this.client.ask<Begun>("begin", this.#task).then(begin, (error: Error) => {
      // What is shown of the data before would be taken for these.
      if (error instanceof CallError) begin(undefined);
      this.failed(error);
    });
    this.train({ restart });
  }

  /** Trains from where it is, or again from the first step; `teleport`: with a teleport before the next step. */
  train({ restart = false, teleport = false } = {}): void {
    const { state } = this;
    this.isTraining = true;
    this.isRacing = false;
    this.isHidden = false;
    this.doing = "Training…";
    this.#isToRestart ||= restart;
    const call = ++this.#calls;
    const asked = { ...this.#task, restart: this.#isToRestart, teleport };
    this.#ask<boolean>("train", asked, (told: Told) => {
      if (call !== this.#calls) return;
      this.#isToRestart = false;
      this.runs = told.runs;
      this.missing = told.missing;
      if (told.regions.length > 0) this.regions = told.regions;
      this.changed();
    }).then((isDone) => {
      if (call !== this.#calls) return;
      this.isTraining = false;
      this.doing = "";
      this.version++;
      this.message = isDone ? this.#ending(state) : this.#paused;
    }, this.#endedBy(call));
  }

  pause(message = "Paused."): void {
    if (!this.isTraining) return;
    this.isTraining = false;
    this.doing = "";
    this.client.stop("train");
    this.#paused = message;
    this.message = message;
  }

  toggle(): void {
    if (this.isTraining) this.pause();
    else if (this.isDone) this.reload();
    else this.train();
  }

  /** What nobody looks at does not train: a hidden tab, a screen that was left. */
  hide(isHidden: boolean, why: string): void {
    if (isHidden && this.isTraining) {
      this.pause(`Paused: ${why}.`);
      this.isHidden = true;
    } else if (!isHidden && this.isHidden) this.train();
  }

  /** Goes on with a training of the same settings, and with the same points. */
  protected override open(): void {
    const goOn = (own?: string) => {
      this.#own ??= own;
      this.reload({ restart: false });
    };
    if (this.state.data === "own") this.client.ask<string | undefined>("points", tab).then(goOn, this.failed);
    else goOn();
  }

  override enter(query: string, print: (state: TrainState) => string): void {
    super.enter(query, print);
    this.hide(false, "");
  }

  override leave(): void {
    this.hide(true, "another screen is open");
    super.leave();
  }

  /** Teleports before the next step, and goes on as before. */
  teleport(): void {
    if (this.isDone || this.isRacing) {
      this.message = "The runs have ended: start again to teleport.";
      return;
    }
    this.train({ teleport: true });
  }

  /** Eight fresh seeds, plain and teleported, each at its best rate where the rates were swept. */
  race(): void {
    this.raced = [];
    this.#compare<Raced>("race", { rates: bestRates(this.swept) }, (raced) => {
      this.raced = [...this.raced, raced];
      return `a race of ${this.raced.length} seeds`;
    });
  }

  /** Plain and teleported at several rates. */
  sweep(): void {
    this.raced = this.swept = [];
    this.#compare<Swept>("sweep", {}, (swept) => {
      this.swept = [...this.swept, swept];
      return `${this.swept.length} pairs of runs at several rates`;
    });
  }

  /** The paper's regression, from its five seeds. */
  regress(): void {
    this.regressed = [];
    this.#compare<Regressed>("regression", { names: regressionNames }, (told) => {
      this.regressed = [...this.regressed, told];
      return `${this.regressed.length} runs of the paper's regression`;
    });
  }

  /** Runs beside the training, which pauses. @param take receives each result, and returns a status of all so far */
  #compare<T>(call: "race" | "sweep" | "regression", more: object, take: (told: T) => string): void {
    this.pause();
    this.#racedOf = textOf(this.state);
    this.isRacing = true;
    this.doing = { race: "Racing…", sweep: "Sweeping rates…", regression: "Running the regression…" }[call];
    this.version++;
    const turn = ++this.#calls;
    let said = "nothing";
    this.#ask<void>(call, { ...this.#task, ...more }, (told: T) => {
      if (turn !== this.#calls) return;
      said = take(told);
      this.version++;
    }).then(() => {
      if (turn !== this.#calls) return;
      this.isRacing = false;
      this.doing = "";
      this.message = `Done: ${said}.`;
    }, this.#endedBy(turn));
  }

  /** Ends what is computed: a training is paused, a race has the seeds that it has by then. */
  override stop(): void {
    if (this.isTraining) this.pause();
    else if (this.isRacing) this.client.stop("train");
    else super.stop();
  }

  /** A run's network as a file. */
  async file(name: RunName, kind: FileKind): Promise<Uint8Array<ArrayBuffer>> {
    const { isTraining } = this;
    if (isTraining) this.pause();
    const bytes = await this.#ask<Uint8Array<ArrayBuffer>>("file", { task: this.#task, name, kind });
    if (isTraining) this.train();
    return bytes;
  }

  get #task() {
    const { state } = this;
    return { state, own: state.data === "own" ? this.#own : undefined, tab };
  }

  /** Calls in turn: what trains is stopped, and the newest waits. */
  #ask<V>(call: string, args: unknown, onPart?: (part: never) => void): Promise<V> {
    return this.client.ask<V>(call, args, { key: "train", onPart });
  }

  /** What an error of a call does: where nothing newer was asked for, nothing goes on. */
  #endedBy(call: number) {
    return (error: Error): void => {
      if (call !== this.#calls) return;
      this.isTraining = false;
      this.isRacing = false;
      this.failed(error);
    };
  }

  #ending(state: TrainState): string {
    const diverged = this.runs
      .filter(({ spreads }) => spreads.diverged > 0)
      .map(({ name, spreads: { diverged, count } }) => {
        const { title } = lookOf(name, state, "light");
        return diverged < count ? `${title} (${diverged} of ${count} seeds)` : title;
      });
    const [{ last } = { last: 0 }] = this.runs;
    return diverged.length > 0
      ? `Done. Diverged: ${diverged.join(", ")}.`
      : `Done: ${this.runs.length} ${this.runs.length === 1 ? "run" : "runs"} of ${last} steps, in turns of equal ${state.by}.`;
  }
}

/** What the runs depend on, as text. */
const textOf = (state: TrainState): string => JSON.stringify(planOf(state));
