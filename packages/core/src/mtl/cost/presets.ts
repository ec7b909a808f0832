// Z. Zhou et al., NeurIPS 2025, arXiv 2503.04046: the paper's settings, those of the authors' program, and ours.
import {
  anyOf,
  flag,
  integerFrom,
  nonNegative,
  type OptionsOf,
  oneOf,
  optionTable,
  record,
} from "../../options.js";
import type { ConflictTrigger } from "../conflict.js";
import type { AdapterOptions } from "./adapter/adapter.js";
import type { ImproveOptions } from "./adapter/improve.js";
import type { CostTrustRegion } from "./adapter/inner-loop.js";
import type { DriftGuardOptions } from "./drift-guard.js";
import type { ScheduleOptions } from "./schedule.js";

/** L_t, the losses to preserve, and its weight. */
export interface PreserveOptions extends Complete<OptionsOf<typeof preserveOptions>> {}

export interface InnerOptions extends Complete<OptionsOf<typeof innerOptions>> {}

/** What happens to the optimizer's state: see `reusedState` for `reuse`. */
export interface StateOptions extends Complete<OptionsOf<typeof stateOptions>> {}

/** Unlike `Required`, without undefined for programs that know `exactOptionalPropertyTypes`, too. */
type Complete<T> = { readonly [K in keyof T]-?: Exclude<T[K], undefined> };

export const ofPreset = "the preset's";

export const preserveOptions = optionTable("cost: preserve", {
  /** Weight of L_t; 0 leaves it out. */
  weight: nonNegative.otherwise(ofPreset),
  /** Batches on which losses are frozen, or all of an epoch (`loader`). */
  batches: anyOf(integerFrom(1), oneOf(["loader"])).otherwise(ofPreset),
  /** L_k*: that of each `batch`, or for all batches their `mean`; a change by rounding counts as none with that of the batch only. */
  reference: oneOf(["batch", "mean"]).otherwise(ofPreset),
});

export const innerOptions = optionTable("cost: inner", {
  /** A number, or the learning rate of the `training` at the step, or its `initial` one, of its first step. */
  learningRate: anyOf(nonNegative, oneOf(["training", "initial"])).otherwise(ofPreset),
  /** Number of steps, or of passes over the frozen batches. */
  steps: anyOf(integerFrom(0), record({ passes: integerFrom(1) })).otherwise(ofPreset),
});

export const stateOptions = optionTable("cost: state", {
  /**
   * `keep`, `reset` to a new state, or `reuse` in proportion to the similarity of the teleport's move to the
   * past.
   */
  policy: oneOf(["keep", "reset", "reuse"]).otherwise(ofPreset),
  /** With `reuse`: the sign of sigma, see `trajectorySimilarity`. */
  sign: oneOf(["gradient", "descent"]).otherwise(ofPreset),
  /**
   * With `reuse`: whether it has an effect. In the authors' program it has none for sigma > 0, as sigma is restored before
   * the step; for sigma <= 0 see `after`.
   */
  effective: flag.otherwise(ofPreset),
});

/** All settings of a COST teleport except the move, the inner optimizer and the seed; see {@link CostOptions}. */
export interface CostSettings {
  readonly trigger: ConflictTrigger;
  readonly schedule: ScheduleOptions;
  readonly adapter: AdapterOptions;
  readonly preserve: PreserveOptions;
  readonly improve: ImproveOptions;
  readonly inner: InnerOptions;
  readonly trust: CostTrustRegion;
  readonly guard: DriftGuardOptions | false;
  readonly state: StateOptions;
  readonly after: "step" | "skip";
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
 * - `released`: the authors' program for CityScapes with its defects: the sharpness, of each task at its own worst
 *   perturbation of trunk and heads, is not differentiated, trajectory reuse has no effect, and a conflict of any task triggers.
 *   The inner learning rate is the initial one of the training. No guard either. Their program for NYUv2 has `after: "skip"`.
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
    after: "step",
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
    after: "step",
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
    inner: { learningRate: "initial", steps: { passes: 2 } },
    trust: false,
    guard: false,
    state: { policy: "reuse", sign: "gradient", effective: false },
    after: "step",
    negligible: 0.01,
  },
} as const satisfies Record<string, CostSettings>;
