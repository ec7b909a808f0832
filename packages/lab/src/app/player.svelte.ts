/** Speeds, in points a frame. */
export const speeds = [1, 10, 100] as const;

/** Plays runs: shows their first points, more of them with every frame. */
export class Player {
  /** Steps that are shown; Infinity: all. */
  steps = $state(Infinity);
  isPlaying = $state(false);
  speed = $state<number>(1);
  #frame: number | undefined;

  /** @param longest steps of the longest run */
  constructor(readonly longest: () => number) {}

  get shown(): number {
    return Math.min(this.steps, this.longest());
  }

  /** Shows all, unless it plays. */
  showAll(): void {
    if (!this.isPlaying) this.steps = Infinity;
  }

  play(): void {
    this.isPlaying = !this.isPlaying;
    if (!this.isPlaying) return;
    if (this.steps >= this.longest()) this.steps = 0;
    const tick = () => {
      if (!this.isPlaying) return;
      this.step(this.speed);
      if (this.steps >= this.longest()) this.isPlaying = false;
      else this.#frame = requestAnimationFrame(tick);
    };
    this.#frame = requestAnimationFrame(tick);
  }

  step(by: number): void {
    this.steps = Math.max(0, Math.min(this.longest(), this.shown + by));
  }

  dispose(): void {
    this.isPlaying = false;
    if (this.#frame !== undefined) cancelAnimationFrame(this.#frame);
  }
}
