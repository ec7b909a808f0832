// State of the landscape screen. Runs are plain arrays: `version` says when they changed.
import type { Grid } from "isoloss-figures/base";
import { nextFrame, type Size } from "../../charts/canvas.js";
import {
  createClient,
  Superseded,
  type WorkerClient,
  WorkerEnded,
  type WorkerLike,
} from "../../worker/client.js";
import type { Course, Missing, Orbit } from "./course.js";
import { type LandscapeState, type MethodName, mostSteps, readLandscape } from "./state.js";

export type Theme = "light" | "dark";

/** Speeds of the player, in steps a frame. */
export const speeds = [1, 10, 100] as const;

export class Landscape {
  state = $state.raw<LandscapeState>() as LandscapeState;
  version = $state(0);
  message = $state("");
  /** What was not understood of the address. */
  notices = $state.raw<readonly string[]>([]);
  isBusy = $state(false);
  /** Steps that are shown; Infinity: all. */
  steps = $state(Infinity);
  isPlaying = $state(false);
  speed = $state<number>(1);

  readonly runs = new Map<MethodName, Course | Missing>();
  orbit: Orbit | undefined;
  picture: ImageBitmap | undefined;
  #size: Size | undefined;
  #theme: Theme = "light";
  #frame: number | undefined;
  readonly #client: WorkerClient;

  constructor(query: string, createWorker: () => WorkerLike) {
    this.read(query);
    this.#client = createClient(createWorker, (reason, hasAnswered) => {
      if (!hasAnswered) {
        this.isBusy = false;
        this.message = `The worker, which computes, does not start in this browser: ${reason}`;
        return;
      }
      this.message = `The computation ended (${reason}) and was started again.`;
      this.compute();
      this.#paint();
    });
  }

  /** The runs that are compared, in their own order. */
  get shown(): readonly (Course | Missing)[] {
    return this.state.with.flatMap((method) => this.runs.get(method) ?? []);
  }

  get courses(): readonly Course[] {
    return this.shown.filter((run): run is Course => !("missing" in run));
  }

  read(query: string): void {
    const { state, notices } = readLandscape(query);
    this.state = state;
    this.notices = notices;
  }

  /** Changes settings and computes what they ask for. */
  set(change: Partial<LandscapeState>): void {
    const before = this.state;
    this.state = { ...before, ...change };
    this.notices = [];
    if (!this.isPlaying) this.steps = Infinity;
    const { y, logx, logy } = this.state;
    this.version++;
    // How charts look needs no run.
    if (y !== before.y || logx !== before.logx || logy !== before.logy) return;
    this.compute();
    if (this.state.f !== before.f || this.state.cond !== before.cond) this.#paint();
  }

  /** Shows another state altogether. */
  reload(): void {
    this.steps = Infinity;
    this.compute();
    this.#paint();
  }

  compute(): void {
    const { state } = this;
    this.isBusy = true;
    const runs = this.#client.ask<void>("run", state, {
      onPart: async (run: Course | Missing) => {
        this.runs.set(run.method, run);
        this.version++;
        await nextFrame();
      },
    });
    runs.then(() => this.#done(state), this.#failed);
    this.#client.ask<Orbit>("orbit", { state, at: state.x }).then((orbit) => {
      this.orbit = orbit;
      this.version++;
    }, this.#failed);
  }

  /** The levels behind the plane, for its size and theme. */
  show(size: Size | undefined, theme: Theme): void {
    const isSame =
      size?.width === this.#size?.width && size?.height === this.#size?.height && theme === this.#theme;
    if (isSame) return;
    this.#size = size ?? this.#size;
    this.#theme = theme;
    this.#paint();
  }

  #paint(): void {
    if (this.#size === undefined) return;
    const { f, cond } = this.state;
    const asked = { state: { f, cond }, theme: this.#theme, ...this.#size };
    this.#client.ask<{ readonly bitmap: ImageBitmap }>("levels", asked).then(({ bitmap }) => {
      this.picture?.close();
      this.picture = bitmap;
      this.version++;
    }, this.#failed);
  }

  /** The function on a grid, for figures. */
  grid(): Promise<{ readonly grid: Grid; readonly floor: number }> {
    return this.#client.ask("grid", this.state);
  }

  /** Moves the start to the steepest point of its orbit. */
  teleport(): void {
    const { orbit } = this;
    if (orbit === undefined) return;
    this.set({ x: [orbit.x[orbit.best], orbit.y[orbit.best]] });
    this.message = "The start is at the point of its orbit with the largest gradient.";
  }

  /** Moves the start along its orbit, to an angle in degrees. */
  turn(degrees: number): void {
    const { orbit } = this;
    if (orbit === undefined) return;
    const k = Math.round((degrees / 360) * (orbit.x.length - 1));
    if (Number.isFinite(orbit.x[k])) this.set({ x: [orbit.x[k], orbit.y[k]] });
  }

  get longest(): number {
    return Math.max(0, ...this.courses.map(({ loss }) => loss.length - 1));
  }

  play(): void {
    this.isPlaying = !this.isPlaying;
    if (!this.isPlaying) return;
    if (this.steps >= this.longest) this.steps = 0;
    const tick = () => {
      if (!this.isPlaying) return;
      this.step(this.speed);
      if (this.steps >= this.longest) this.isPlaying = false;
      else this.#frame = requestAnimationFrame(tick);
    };
    this.#frame = requestAnimationFrame(tick);
  }

  step(by: number): void {
    const from = Math.min(this.steps, this.longest);
    this.steps = Math.max(0, Math.min(this.longest, from + by));
    this.version++;
  }

  dispose(): void {
    this.isPlaying = false;
    if (this.#frame !== undefined) cancelAnimationFrame(this.#frame);
    this.#client.dispose();
    this.picture?.close();
  }

  #done(state: LandscapeState): void {
    if (state !== this.state) return;
    this.isBusy = false;
    const runs = this.courses;
    const diverged = runs.filter(({ status }) => status === "diverged").map(({ method }) => method);
    this.message =
      diverged.length > 0
        ? `Done. Diverged: ${diverged.join(", ")}.`
        : `Done: ${runs.length} ${runs.length === 1 ? "run" : "runs"} of ${state.n} steps.`;
  }

  readonly #failed = (error: Error): void => {
    if (error instanceof Superseded || error instanceof WorkerEnded) return;
    this.isBusy = false;
    this.message = error.message;
  };
}

/** Limits of the controls; an address may go to the hard ones. */
export const soft = { lr: [1e-5, 1], n: [1, 10_000], cond: [1, 1000] } as const;
export const hard = { lr: [1e-12, 1e3], n: [1, mostSteps], cond: [1, 1e6] } as const;
