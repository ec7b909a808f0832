// State of the landscape screen.
import type { Grid } from "isoloss-figures/base";
import { PlaneModel } from "../../app/plane-model.svelte.js";
import { Player } from "../../app/player.svelte.js";
import { nextFrame } from "../../charts/canvas.js";
import { mostSteps } from "../../url/teleports.js";
import type { WorkerLike } from "../../worker/client.js";
import type { Course, Missing, Orbit, Point } from "./course.js";
import { handOf, pointOf, printedPlace, stepped } from "./hand.js";
import {
  functionOf,
  type LandscapeState,
  type MethodName,
  methodNames,
  type PlaneSettings,
  readLandscape,
  withSearch,
} from "./state.js";
import { lookOf } from "./words.js";

export type Theme = "light" | "dark";

export class Landscape extends PlaneModel<LandscapeState, { readonly grid: Grid; readonly floor: number }> {
  readonly player = new Player(() => Math.max(0, ...this.courses.map(({ loss }) => loss.length - 1)));
  readonly runs = new Map<MethodName, Course | Missing>();
  /** The settings of each run. */
  readonly #of = new Map<MethodName, string>();
  orbit: Orbit | undefined;
  /** The point that the orbit goes through. */
  #through: Point = [0, 0];
  /** The methods that have no timed run of these settings yet. */
  #due = new Set<MethodName>();
  /** Counts what was asked to run: only the newest says that it is done. */
  #turn = 0;
  /** How many calls run methods, that of the point included. */
  #running = 0;

  constructor(query: string, createWorker: () => WorkerLike) {
    super(query, readLandscape, createWorker);
  }

  /** The runs that are compared, in their own order. */
  get shown(): readonly (Course | Missing)[] {
    return this.state.with.flatMap((method) => this.runs.get(method) ?? []);
  }

  get courses(): readonly Course[] {
    return this.shown.filter((run): run is Course => !("missing" in run));
  }

  protected get subject(): string {
    return runsOf(this.state) + this.state.with.join();
  }

  /** The settings of the runs that are shown, of which some may be those before. */
  get runsOf(): string {
    return this.state.with.map((method) => this.#of.get(method)).join();
  }

  /** Whether a run is of other settings than those that are shown. */
  isOfOthers(method: MethodName): boolean {
    return this.#of.get(method) !== runsOf(this.state);
  }

  override stop(): void {
    // What is still sent is of runs that were stopped.
    this.#turn++;
    super.stop();
  }

  /** Changes settings and computes what they ask for. */
  set(change: Partial<LandscapeState>): void {
    const before = this.state;
    const next = { ...before, ...change };
    const isNew = (...keys: readonly (keyof LandscapeState)[]) =>
      keys.some((key) => next[key] !== before[key]);
    const isOtherLevel = isNew("f", "cond", "r1", "r2", "x", "orbit") && !isNew("on");
    this.state = withSearch(isOtherLevel ? { ...next, on: "best" } : next);
    this.notices = [];
    this.player.showAll();
    this.version++;
    // How charts look needs no run.
    if (isNew("f", "cond", "r1", "r2", "x", "opt", "lr", "n", "tp", "search", "obj")) this.compute();
    else if (isNew("with")) this.#compare(before.with);
    else if (isNew("orbit", "view")) this.askOrbit();
    if (isNew("f", "cond", "r1", "r2", "view")) this.paint();
  }

  reload(): void {
    this.player.steps = Infinity;
    this.compute();
    this.paint();
  }

  compute(): void {
    // The run by hand begins on the orbit, which is not known yet.
    this.#due = new Set(this.state.with.filter((method) => method !== "hand"));
    this.#run();
    this.askOrbit();
  }

  /** Runs the methods that were not compared before: the others have their runs. */
  #compare(before: readonly MethodName[]): void {
    const { with: methods, orbit } = this.state;
    const isAdded = (method: MethodName) => methods.includes(method) && !before.includes(method);
    for (const method of methodNames) {
      if (!methods.includes(method)) this.#due.delete(method);
      else if (method !== "hand" && isAdded(method)) this.#due.add(method);
    }
    this.#run();
    if (orbit === "here") this.askOrbit();
    else if (isAdded("hand")) this.#runHand();
  }

  #run(): void {
    const { state } = this;
    const due = this.#due;
    const turn = ++this.#turn;
    const of = runsOf(state);
    const runs = this.client.ask<void>(
      "run",
      { state: { ...state, with: [...due] } },
      {
        onPart: async (run: Course | Missing) => {
          this.runs.set(run.method, run);
          this.#of.set(run.method, of);
          // What was stopped for something newer is run again with it.
          if (turn === this.#turn && ("missing" in run || run.times.runs > 0)) due.delete(run.method);
          this.version++;
          if (run.method === "teleported" && state.orbit === "here") this.askOrbit();
          await nextFrame();
        },
      },
    );
    this.#begin(runs);
  }

  #begin(runs: Promise<void>): void {
    const turn = this.#turn;
    this.doing = "Computing…";
    this.#running++;
    runs.finally(() => this.#running--).then(() => this.#done(turn), this.failed);
  }

  /** The point that the orbit goes through: the start, or the last one that is shown of the teleported run. */
  get orbitPoint(): Point {
    const run = this.courses.find(({ method }) => method === "teleported");
    if (this.state.orbit === "start" || run === undefined) return this.state.x;
    const k = Math.min(this.player.shown, run.x.length - 1);
    const point = [run.x[k], run.y[k]] as const;
    return point.every(Number.isFinite) ? point : this.state.x;
  }

  askOrbit(): void {
    const at = this.orbitPoint;
    this.client.ask<Orbit>("orbit", { state: this.plane, at }).then((orbit) => {
      this.orbit = orbit;
      this.#through = at;
      this.version++;
      this.#runHand();
    }, this.failed);
  }

  /** The point on the orbit. */
  get hand(): number | undefined {
    return this.orbit && handOf(this.orbit, this.state);
  }

  /** Descends from the point on the orbit, if that is compared. */
  #runHand(): void {
    const { orbit, hand, state } = this;
    if (orbit === undefined || hand === undefined || !state.with.includes("hand")) return;
    const asked = {
      state: { ...state, with: ["hand"] },
      hand: { from: this.#through, to: pointOf(orbit, hand) },
    };
    const run = this.client.ask<void>("run", asked, {
      key: "hand",
      onPart: async (course: Course | Missing) => {
        this.runs.set("hand", course);
        this.#of.set("hand", runsOf(state));
        this.version++;
        await nextFrame();
      },
    });
    this.#begin(run);
  }

  /** Moves the point along the orbit: descent goes on from there. */
  moveHand(k: number): void {
    const { orbit, state } = this;
    if (orbit === undefined || !Number.isFinite(orbit.x[k])) return;
    const compared = methodNames.filter((name) => name === "hand" || state.with.includes(name));
    this.state = { ...state, on: printedPlace(orbit, k), with: compared };
    this.version++;
    this.#runHand();
  }

  /** Moves it by a share of the orbit. */
  stepHand(share: number): void {
    const { orbit, hand } = this;
    if (orbit !== undefined && hand !== undefined) this.moveHand(stepped(orbit, hand, share));
  }

  protected get plane(): PlaneSettings {
    return { ...functionOf(this.state), view: this.state.view };
  }

  /** Moves the start to the point on its orbit. */
  teleport(): void {
    const { orbit, hand, state } = this;
    if (orbit === undefined || hand === undefined) return;
    if (state.orbit !== "start") {
      this.message = "The point is not on the level of the start: choose the one through the start.";
      return;
    }
    this.set({ x: pointOf(orbit, hand) });
    this.message =
      state.on === "best"
        ? "The start is at the point with the largest gradient of those of its level that the plane shows."
        : "The start is at the point of its level that was chosen.";
  }

  /** One more teleport of the teleported run, before the step that is shown; at the end the runs go on after it. */
  teleportHere(): void {
    const { tp, n, with: methods } = this.state;
    const step = this.player.shown;
    const before =
      tp.kind === "every"
        ? Array.from({ length: Math.floor((n - 1) / tp.steps) }, (_, k) => (k + 1) * tp.steps)
        : tp.kind === "at"
          ? tp.steps
          : [];
    const steps = [...new Set([...before, step])].sort((a, b) => a - b);
    const isEnd = step >= n;
    this.player.steps = isEnd ? Infinity : step;
    this.set({
      tp: { kind: "at", steps },
      n: isEnd ? Math.min(mostSteps, n + Math.max(1, Math.round(n / 2))) : n,
      with: methodNames.filter((name) => name === "teleported" || methods.includes(name)),
    });
    if (!isEnd) this.player.steps = Math.min(step + 1, n);
  }

  #done(turn: number): void {
    // After an error it is not said that all is done.
    if (turn !== this.#turn || this.#running > 0 || !this.isBusy) return;
    this.doing = "";
    const runs = this.courses;
    const told = (isAtStart: boolean, what: string) => {
      const names = runs
        .filter(({ status, loss }) => status === "diverged" && (loss.length === 0) === isAtStart)
        .map(({ method }) => lookOf(method, this.theme).title);
      return names.length > 0 ? ` ${what}: ${names.join(", ")}.` : "";
    };
    const ended = told(true, "The loss or its gradient is not finite at the start") + told(false, "Diverged");
    this.message = ended
      ? `Done.${ended}`
      : `Done: ${runs.length} ${runs.length === 1 ? "run" : "runs"} of ${this.state.n} steps.`;
  }
}

/** What the runs depend on, without which of them are compared. */
const runsOf = ({ f, cond, r1, r2, x, opt, lr, n, tp, search, obj }: LandscapeState): string =>
  JSON.stringify([f, cond, r1, r2, x, opt, lr, n, tp, search, obj]);
