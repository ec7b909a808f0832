import { OptionError } from "../../errors.js";
import { adam } from "../../optim/adam.js";
import type { Optimizer } from "../../optim/optimizer.js";
import { type Check, checkOptions, flag, integerFrom, nonNegative, oneOf } from "../../optim/options.js";
import { type DriftGuard, driftGuardOf } from "./drift-guard.js";
import { type Improve, improveOf } from "./improve.js";
import type { CostTrustRegion } from "./inner-loop.js";
import type { CostMove } from "./move.js";
import {
  type CostSettings,
  costPresets,
  type InnerOptions,
  type PreserveOptions,
  type StateOptions,
} from "./presets.js";
import { createSchedule, type Schedule } from "./schedule.js";

/**
 * Settings of COST teleports; what is left out is that of the preset.
 *
 * @typeParam S tree of shared parameters
 */
export interface CostOptions<S = unknown>
  extends Partial<Omit<CostSettings, "preserve" | "inner" | "state">> {
  /** Default `default`. */
  readonly preset?: keyof typeof costPresets;
  readonly preserve?: Partial<PreserveOptions>;
  readonly inner?: Partial<InnerOptions>;
  readonly state?: Partial<StateOptions>;
  /** How the shared parameters are moved; default `adapter`. */
  readonly move?: CostMove<S>;
  /** Trains the adapter; default Adam. */
  readonly innerOptimizer?: Optimizer;
  /** That of the training, for the state policy `reset`. */
  readonly optimizer?: Optimizer;
  /** Of adapters, directions and samples; default 0. */
  readonly seed?: number;
}

/** Options, checked and complete. */
export interface ResolvedCost<S> extends Omit<CostSettings, "schedule" | "improve" | "guard"> {
  readonly schedule: Schedule;
  readonly improve: Improve;
  readonly guard: DriftGuard | false;
  readonly move: CostMove<S>;
  readonly innerOptimizer: Optimizer;
  readonly optimizer?: Optimizer;
  readonly seed: number;
}

const isObject: Check = {
  expected: "an object of options",
  test: (v) => typeof v === "object" && v !== null && !Array.isArray(v),
};
const isGuard: Check = {
  expected: "an object of options, or false",
  test: (v) => v === false || isObject.test(v),
};
const isOptimizer: Check = {
  expected: "an optimiser, such as adam()",
  test: (v) => isObject.test(v) && typeof (v as Optimizer).update === "function",
};
const isMove: Check = {
  expected: "adapter, random, { symmetry } or { search }",
  test: (v) =>
    v === "adapter" ||
    v === "random" ||
    (isObject.test(v) && ("symmetry" in (v as object) || "search" in (v as object))),
};
const isSteps: Check = {
  expected: "an integer >= 0 or { passes: an integer >= 1 }",
  test: (v) =>
    integerFrom(0).test(v) || (isObject.test(v) && integerFrom(1).test((v as { passes?: unknown }).passes)),
};
const isBatches: Check = {
  expected: "an integer >= 1 or loader",
  test: (v) => v === "loader" || integerFrom(1).test(v),
};
const isRate: Check = {
  expected: "a finite number >= 0 or training",
  test: (v) => v === "training" || nonNegative.test(v),
};
const isTrust: Check = {
  expected: "{ kind: relative or absolute, value: a finite number > 0 }, or false",
  test: (v) => {
    if (v === false) return true;
    if (!isObject.test(v)) return false;
    const { kind, value } = v as Exclude<CostTrustRegion, false>;
    return (kind === "relative" || kind === "absolute") && nonNegative.test(value) && value > 0;
  },
};

/**
 * Checks options and fills in those of the preset.
 *
 * @throws OptionError for an unknown option or a value out of range
 */
export function resolveCost<S>(options: CostOptions<S>): ResolvedCost<S> {
  checkOptions<CostOptions<S>>("cost", options, {
    preset: oneOf(...Object.keys(costPresets)),
    trigger: oneOf("dominated", "weak", "many", "released"),
    schedule: isObject,
    adapter: isObject,
    preserve: isObject,
    improve: isObject,
    inner: isObject,
    trust: isTrust,
    guard: isGuard,
    state: isObject,
    negligible: nonNegative,
    move: isMove,
    innerOptimizer: isOptimizer,
    optimizer: isOptimizer,
    seed: integerFrom(0),
  });
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const preset: CostSettings = costPresets[options.preset ?? "default"];
  const { preset: _, schedule, improve, guard, ...rest } = { ...preset, ...(given as CostOptions<S>) };
  const preserve = { ...preset.preserve, ...options.preserve };
  const inner = { ...preset.inner, ...options.inner };
  const state = { ...preset.state, ...options.state };
  checkOptions<PreserveOptions>("cost: preserve", preserve, {
    weight: nonNegative,
    batches: isBatches,
    reference: oneOf("batch", "mean"),
  });
  checkOptions<InnerOptions>("cost: inner", inner, { learningRate: isRate, steps: isSteps });
  checkOptions<StateOptions>("cost: state", state, {
    policy: oneOf("keep", "reset", "reuse"),
    sign: oneOf("gradient", "descent"),
    effective: flag,
  });
  if (state.policy === "reset" && options.optimizer === undefined) {
    throw new OptionError(
      "cost: the state policy reset makes a new state; give the training's optimiser as `optimizer`.",
    );
  }
  const { move = "adapter", innerOptimizer = adam(), seed = 0 } = rest;
  if (move === "random" && rest.trust === false) {
    throw new OptionError(
      "cost: a random move has the trust region's length; give `trust`, such as { kind: relative, value: 0.1 }.",
    );
  }
  return {
    ...rest,
    adapter: { ...preset.adapter, ...options.adapter },
    preserve,
    inner,
    state,
    schedule: createSchedule(schedule),
    improve: improveOf(improve),
    guard: driftGuardOf(guard),
    move,
    innerOptimizer,
    seed,
  };
}
