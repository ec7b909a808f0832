// Z. Zhou et al., NeurIPS 2025, arXiv 2503.04046: the paper's settings, those of the authors' program, and ours.
import type { ConflictTrigger } from "../conflict.js";
import type { AdapterOptions } from "./adapter/adapter.js";
import type { ImproveOptions } from "./adapter/improve.js";
import type { CostTrustRegion } from "./adapter/inner-loop.js";
import type { DriftGuardOptions } from "./drift-guard.js";
import type { ScheduleOptions } from "./schedule.js";

/** L_t, the losses to preserve, and its weight. */
export interface PreserveOptions {
  /** Weight of L_t; 0 leaves it out. */
  readonly weight: number;
  /** Batches on which losses are frozen, or all of an epoch (`loader`). */
  readonly batches: number | "loader";
  /** L_k*: that of each `batch`, or for all batches their `mean`. */
  readonly reference: "batch" | "mean";
}

export interface InnerOptions {
  /** A number, or `training` for the learning rate of the training at the step. */
  readonly learningRate: number | "training";
  /** Number of steps, or of passes over the frozen batches. */
  readonly steps: number | { readonly passes: number };
}

/** What happens to the optimizer's state: see `reusedState` for `reuse`. */
export interface StateOptions {
  /**
   * `keep`, `reset` to a new state, or `reuse` in proportion to the similarity of the teleport's move to the
   * past.
   */
  readonly policy: "keep" | "reset" | "reuse";
  /** With `reuse`: the sign of sigma, see `trajectorySimilarity`. */
  readonly sign: "gradient" | "descent";
  /**
   * With `reuse`: whether it has an effect. In the authors' program it has none, as sigma is restored before
   * the step.
   */
  readonly effective: boolean;
}

/** All settings of a COST teleport except the move, the inner optimizer and the seed. */
export interface CostSettings {
  /** Which conflicts trigger a teleport: see `isTriggered`. */
  readonly trigger: ConflictTrigger;
  /** When teleports may be attempted. Given as a whole: what it leaves out is as in `createSchedule`, not the preset's. */
  readonly schedule: ScheduleOptions;
  /** The form of the displacement that is trained. */
  readonly adapter: AdapterOptions;
  /** L_t: the losses to preserve. */
  readonly preserve: PreserveOptions;
  /** L_g: the quantity to improve. */
  readonly improve: ImproveOptions;
  /** How the displacement is trained. */
  readonly inner: InnerOptions;
  /** Bound on the displacement of adapters and random moves, `relative` to the parameters or `absolute`; false: none. */
  readonly trust: CostTrustRegion;
  /** Bound on the change of the losses; false: every finite point is accepted. */
  readonly guard: DriftGuardOptions | false;
  /** What happens to the optimizer's state. */
  readonly state: StateOptions;
  /** ||D|| / ||theta|| below which a move does not count as a teleport. */
  readonly negligible: number;
}

/**
 * Complete settings by name.
 *
 * - `default`: raises the cosine of the gradients in a few steps, inside a trust region, with a guard on the
 *   task whose loss changes most; the moments are kept.
 * - `paper`: L_t - 0.1 L_g with the balanced sharpness, two passes at the training's learning rate,
 *   trajectory reuse, no bounds and no guard, as in the paper. On networks its displacements were near 0.005
 *   of the parameters, which reports call `negligible`.
 * - `released`: the authors' program with its defects: the sharpness is not differentiated, trajectory reuse
 *   has no effect, and a conflict of any task triggers. No guard either.
 */
export const costPresets = {
  default: {
    trigger: "dominated",
    schedule: { start: { epoch: 1 }, perEpoch: 1, every: 1 },
    adapter: { kind: "auto", rank: 5, alpha: 8 },
    preserve: { weight: 1, batches: 4, reference: "batch" },
    improve: { kind: "cosine", weight: 1, cap: 0.2 },
    inner: { learningRate: 3e-3, steps: 10 },
    trust: { kind: "relative", value: 0.1 },
    guard: { drift: 0.05, judge: "worst", kind: "relative", samples: 1000, halvings: 3 },
    state: { policy: "keep", sign: "gradient", effective: true },
    negligible: 0.01,
  },
  paper: {
    trigger: "dominated",
    schedule: { start: { epoch: 50 }, perEpoch: 1, every: 1 },
    adapter: { kind: "low-rank", rank: 5, alpha: 8 },
    preserve: { weight: 1, batches: "loader", reference: "batch" },
    improve: {
      kind: "sharpness",
      weight: 0.1,
      samples: 5,
      radius: 1e-4,
      scale: "tensor",
      form: "loss",
      direction: "sampled",
      differentiated: true,
    },
    inner: { learningRate: "training", steps: { passes: 2 } },
    trust: false,
    guard: false,
    state: { policy: "reuse", sign: "gradient", effective: true },
    negligible: 0.01,
  },
  released: {
    trigger: "released",
    schedule: { start: { epoch: 50 }, perEpoch: 1, every: 1 },
    adapter: { kind: "low-rank", rank: 5, alpha: 8 },
    preserve: { weight: 10, batches: "loader", reference: "mean" },
    improve: {
      kind: "sharpness",
      weight: 0.5,
      samples: 5,
      radius: 1e-4,
      scale: "tensor",
      form: "change",
      direction: "sampled",
      differentiated: false,
    },
    inner: { learningRate: "training", steps: { passes: 2 } },
    trust: false,
    guard: false,
    state: { policy: "reuse", sign: "gradient", effective: false },
    negligible: 0.01,
  },
} as const satisfies Record<string, CostSettings>;
