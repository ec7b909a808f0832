// State of the tasks screen.
import type { Grid } from "isoloss-figures/base";
import { PlaneModel } from "../../app/plane-model.svelte.js";
import { Player } from "../../app/player.svelte.js";
import type { Size } from "../../charts/canvas.js";
import type { WorkerLike } from "../../worker/client.js";
import { type Arrival, type Course, type Point, runKey } from "./course.js";
import { readTasks, runsOf, stepsBetween, type TasksState } from "./state.js";
import type { Measured } from "./toy.js";

export type Theme = "light" | "dark";

export interface FrontPoint {
  readonly x: Point;
  readonly losses: Point;
}

/** Both losses, and the cosine of their gradients. */
export type AtStart = Readonly<Record<keyof Measured, number>>;

export class Tasks extends PlaneModel<TasksState, Grid> {
  readonly player = new Player(() => Math.max(0, ...this.shown.map(({ step }) => step.length - 1)));
  /** The newest runs, by method and variant. */
  readonly courses = new Map<string, Course>();
  front: readonly FrontPoint[] = [];
  atStart: AtStart | undefined;
  /** From all five starts, of the settings without the start; empty until it is asked for. */
  arrivals: readonly Arrival[] = [];
  isTrying = $state(false);
  /** The settings of arrivals that are complete. */
  #arrivalsOf = "";
  #coursesOf = "";
  /** Counts what was asked to run: what is stopped for something newer is not done. */
  #turn = 0;

  constructor(query: string, createWorker: () => WorkerLike) {
    super(query, readTasks, createWorker);
  }

  protected get subject(): string {
    return runsOf(this.state) + planOf(this.state);
  }

  get unit(): number {
    return stepsBetween(this.state.n);
  }

  /** The runs that are compared, in their own order. */
  get shown(): readonly Course[] {
    const { methods, with: variants } = this.state;
    return methods.flatMap((method) =>
      variants.flatMap((variant) => this.courses.get(runKey({ method, variant })) ?? []),
    );
  }

  /** Changes settings and computes what they ask for. */
  set(change: Partial<TasksState>): void {
    const before = this.state;
    this.state = { ...before, ...change };
    this.notices = [];
    const isNew = (...keys: readonly (keyof TasksState)[]) =>
      keys.some((key) => this.state[key] !== before[key]);
    this.version++;
    if (isNew("scale", "shows")) this.paint();
    if (isNew("scale")) this.#askFront();
    // Other levels and other curves of the same runs need none.
    const isSame = runsOf(before) === runsOf(this.state) && !isNew("methods", "with", "from");
    if (isSame && isNew("shows", "y")) return;
    this.player.showAll();
    this.compute();
  }

  reload(): void {
    this.player.steps = Infinity;
    this.#askFront();
    this.compute();
    this.paint();
  }

  compute(): void {
    const { state } = this;
    const turn = ++this.#turn;
    if (state.from === "one" || planOf(state) !== this.#arrivalsOf) {
      this.arrivals = [];
      this.#arrivalsOf = "";
    }
    this.isTrying = false;
    this.doing = "Computing…";
    // What is shown of other settings would be taken for these.
    if (this.#coursesOf !== runsOf(state)) this.courses.clear();
    this.#coursesOf = runsOf(state);
    const runs = this.client.ask<void>("run", state, {
      key: "run",
      onPart: (course: Course) => {
        if (this.#coursesOf !== runsOf(state)) return;
        this.courses.set(runKey(course), course);
        this.changed();
      },
    });
    runs.then(() => this.#done(turn), this.failed);
    this.client.ask<AtStart>("measure", { scale: state.scale, x: state.x }).then((at) => {
      this.atStart = at;
      this.version++;
    }, this.failed);
  }

  /** Runs from all five starts, for the table of the experiment. */
  tryStarts(): void {
    const state = { ...this.state, from: "five" as const };
    this.state = state;
    this.arrivals = [];
    this.#arrivalsOf = "";
    const turn = ++this.#turn;
    this.isTrying = true;
    this.doing = "Running from all five starts…";
    this.version++;
    // The same key as the runs: what is under way ends first, and other settings end this.
    this.client
      .ask<void>("arrivals", state, {
        key: "run",
        onPart: (arrival: Arrival) => {
          if (turn !== this.#turn) return;
          this.arrivals = [...this.arrivals, arrival];
          this.version++;
        },
      })
      .then(() => {
        if (turn !== this.#turn) return;
        this.#arrivalsOf = planOf(state);
        // Runs that were under way before go on.
        this.compute();
      })
      .catch((error: Error) => {
        if (turn === this.#turn) this.isTrying = false;
        this.failed(error);
      });
  }

  override stop(): void {
    this.isTrying = false;
    // What was stopped is not done.
    this.#turn++;
    super.stop();
  }

  override show(size: Size | undefined, theme: Theme): boolean {
    const isNew = super.show(size, theme);
    // The worker takes calls in turn: the runs go on after the levels, which are quick.
    if (isNew && this.isBusy) this.compute();
    return isNew;
  }

  protected get plane(): Pick<TasksState, "scale" | "shows"> {
    const { scale, shows } = this.state;
    return { scale, shows };
  }

  #askFront(): void {
    this.client.ask<readonly FrontPoint[]>("front", { scale: this.state.scale }).then((front) => {
      this.front = front;
      this.version++;
    }, this.failed);
  }

  #done(turn: number): void {
    if (turn !== this.#turn) return;
    this.doing = "";
    this.version++;
    if (this.state.from === "five" && this.#arrivalsOf !== planOf(this.state)) {
      this.tryStarts();
      return;
    }
    const { shown } = this;
    const arrived = shown.filter(({ status }) => status === "front").length;
    this.message = `Done: ${arrived} of ${shown.length} ${shown.length === 1 ? "run" : "runs"} reached the Pareto front.`;
  }
}

/** What runs from all starts depend on. */
const planOf = ({ scale, methods, with: variants, every, weight, radius, lr, n }: TasksState): string =>
  JSON.stringify([scale, methods, variants, every, weight, radius, lr, n]);
