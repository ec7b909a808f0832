// State of the landscape screen.
import type { Grid } from "isoloss-figures/base";
import { Player } from "../../app/player.svelte.js";
import { ScreenModel } from "../../app/screen-model.svelte.js";
import { nextFrame, type Size } from "../../charts/canvas.js";
import type { WorkerLike } from "../../worker/client.js";
import type { Course, Missing, Orbit, Point } from "./course.js";
import { type LandscapeState, type MethodName, methodNames, mostSteps, readLandscape } from "./state.js";

export type Theme = "light" | "dark";

export class Landscape extends ScreenModel<LandscapeState> {
  readonly player = new Player(() => Math.max(0, ...this.courses.map(({ loss }) => loss.length - 1)));
  readonly runs = new Map<MethodName, Course | Missing>();
  orbit: Orbit | undefined;
  picture: ImageBitmap | undefined;
  #size: Size | undefined;
  #theme: Theme = "light";

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

  /** Changes settings and computes what they ask for. */
  set(change: Partial<LandscapeState>): void {
    const before = this.state;
    this.state = { ...before, ...change };
    this.notices = [];
    this.player.showAll();
    const { y, logx, logy, orbit } = this.state;
    this.version++;
    if (orbit !== before.orbit) {
      this.askOrbit();
      return;
    }
    // How charts look needs no run.
    if (y !== before.y || logx !== before.logx || logy !== before.logy) return;
    this.compute();
    if (this.state.f !== before.f || this.state.cond !== before.cond) this.#paint();
  }

  reload(): void {
    this.player.steps = Infinity;
    this.compute();
    this.#paint();
  }

  compute(): void {
    const { state } = this;
    this.isBusy = true;
    const runs = this.client.ask<void>("run", state, {
      onPart: async (run: Course | Missing) => {
        this.runs.set(run.method, run);
        this.version++;
        if (run.method === "teleported" && state.orbit === "here") this.askOrbit();
        await nextFrame();
      },
    });
    runs.then(() => this.#done(state), this.failed);
    this.askOrbit();
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
    const { f, cond } = this.state;
    this.client.ask<Orbit>("orbit", { state: { f, cond }, at: this.orbitPoint }).then((orbit) => {
      this.orbit = orbit;
      this.version++;
    }, this.failed);
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
    this.client.ask<{ readonly bitmap: ImageBitmap }>("levels", asked).then(({ bitmap }) => {
      this.picture?.close();
      this.picture = bitmap;
      this.version++;
    }, this.failed);
  }

  /** The function on a grid, for figures. */
  grid(): Promise<{ readonly grid: Grid; readonly floor: number }> {
    return this.client.ask("grid", this.state);
  }

  /** Moves the start to the steepest point of its orbit. */
  teleport(): void {
    const { orbit } = this;
    if (orbit === undefined || this.state.orbit !== "start") return;
    this.set({ x: [orbit.x[orbit.best], orbit.y[orbit.best]] });
    this.message = "The start is at the point of its orbit with the largest gradient.";
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

  /** Moves the start along its orbit, to an angle in degrees. */
  turn(degrees: number): void {
    const { orbit } = this;
    if (orbit === undefined || this.state.orbit !== "start") return;
    const k = Math.round((degrees / 360) * (orbit.x.length - 1));
    if (Number.isFinite(orbit.x[k])) this.set({ x: [orbit.x[k], orbit.y[k]] });
  }

  override dispose(): void {
    this.player.dispose();
    super.dispose();
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
}

/** Limits of the controls; an address may go to the hard ones. */
export const soft = { lr: [1e-5, 1], n: [1, 10_000], cond: [1, 1000] } as const;
export const hard = { lr: [1e-12, 1e3], n: [1, mostSteps], cond: [1, 1e6] } as const;
