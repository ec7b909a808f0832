import { OptionError } from "../../errors.js";
import { adam } from "../../optim/adam.js";
import { isOptimizer, type Optimizer } from "../../optim/optimizer.js";
import {
  anyOf,
  flag,
  inCode,
  integerFrom,
  isObject,
  nested,
  nonNegative,
  oneOf,
  positive,
  record,
} from "../../option-kinds.js";
import { type OptionRows, optionTable, withoutUndefined } from "../../options.js";
import { adapterOptions } from "./adapter/adapter.js";
import {
  type Improve,
  improveByCosineOptions,
  improveBySharpnessOptions,
  improveNothingOptions,
  improveOf,
} from "./adapter/improve.js";
import { type DriftGuard, driftGuardOf, driftGuardOptions } from "./drift-guard.js";
import type { CostMove } from "./move.js";
import {
  type CostSettings,
  costPresets,
  type InnerOptions,
  type PreserveOptions,
  type StateOptions,
} from "./presets.js";
import { createSchedule, type Schedule, scheduleOptions } from "./schedule.js";

/**
 * Settings of COST teleports; the preset supplies those that are left out, of `improve` where it has the same kind.
 *
 * @typeParam S tree of shared parameters
 */
export interface CostOptions<S = unknown>
  extends Partial<Omit<CostSettings, "preserve" | "inner" | "state">> {
  /** Preset; default `default`. */
  readonly preset?: keyof typeof costPresets | undefined;
  /** L_t: the losses to preserve. */
  readonly preserve?: Partial<PreserveOptions> | undefined;
  /** How the displacement is trained. */
  readonly inner?: Partial<InnerOptions> | undefined;
  /** What happens to the optimizer's state. */
  readonly state?: Partial<StateOptions> | undefined;
  /** How the shared parameters are moved; default `adapter`. */
  readonly move?: CostMove<S> | undefined;
  /** Optimizer of the adapter; default Adam. */
  readonly innerOptimizer?: Optimizer | undefined;
  /** Optimizer of the training, for the state policy `reset`. */
  readonly optimizer?: Optimizer | undefined;
  /** Seed of adapters, directions and samples; default 0. */
  readonly seed?: number | undefined;
}

/** Options, checked and with all defaults filled in. */
export interface ResolvedCost<S> extends Omit<CostSettings, "schedule" | "improve" | "guard"> {
  readonly schedule: Schedule;
  readonly improve: Improve;
  readonly guard: DriftGuard | false;
  readonly move: CostMove<S>;
  readonly innerOptimizer: Optimizer;
  readonly optimizer?: Optimizer | undefined;
  readonly seed: number;
}

const ofPreset = "the preset's";

const preserveOptions = optionTable("cost: preserve", {
  weight: nonNegative.otherwise(ofPreset),
  batches: anyOf(integerFrom(1), oneOf(["loader"])).otherwise(ofPreset),
  reference: oneOf(["batch", "mean"]).otherwise(ofPreset),
} satisfies OptionRows<Partial<PreserveOptions>>);

const innerOptions = optionTable("cost: inner", {
  learningRate: anyOf(nonNegative, oneOf(["training"])).otherwise(ofPreset),
  steps: anyOf(integerFrom(0), record({ passes: integerFrom(1) })).otherwise(ofPreset),
} satisfies OptionRows<Partial<InnerOptions>>);

const stateOptions = optionTable("cost: state", {
  policy: oneOf(["keep", "reset", "reuse"]).otherwise(ofPreset),
  sign: oneOf(["gradient", "descent"]).otherwise(ofPreset),
  effective: flag.otherwise(ofPreset),
} satisfies OptionRows<Partial<StateOptions>>);

const isMove = (v: unknown): boolean => isObject(v) && ("symmetry" in v || "search" in v);
const presetNames = Object.keys(costPresets) as (keyof typeof costPresets)[];
const optimizer = inCode<Optimizer>("an optimizer, such as adam()", isOptimizer);

export const costOptions = optionTable("cost", {
  preset: oneOf(presetNames).default("default"),
  trigger: oneOf(["dominated", "weak", "many", "released"]).otherwise(ofPreset),
  schedule: nested(scheduleOptions).otherwise(ofPreset),
  adapter: nested(adapterOptions).otherwise(ofPreset),
  preserve: nested(preserveOptions).otherwise(ofPreset),
  improve: anyOf(
    nested(improveByCosineOptions),
    nested(improveBySharpnessOptions),
    nested(improveNothingOptions),
  ).otherwise(ofPreset),
  inner: nested(innerOptions).otherwise(ofPreset),
  trust: anyOf(oneOf([false]), record({ kind: oneOf(["relative", "absolute"]), value: positive })).otherwise(
    ofPreset,
  ),
  guard: anyOf(oneOf([false]), nested(driftGuardOptions)).otherwise(ofPreset),
  state: nested(stateOptions).otherwise(ofPreset),
  negligible: nonNegative.otherwise(ofPreset),
  move: anyOf(
    oneOf(["adapter", "random"]),
    inCode<Exclude<CostMove<never>, string>>("{ symmetry } or { search }", isMove),
  ).default("adapter"),
  innerOptimizer: optimizer.otherwise("Adam"),
  optimizer: optimizer.otherwise("none"),
  seed: integerFrom(0).default(0),
} satisfies OptionRows<CostOptions<never>>);

/**
 * Checks options and fills in the preset.
 *
 * @throws OptionError for an unknown option or a value out of range
 */
export function resolveCost<S>(options: CostOptions<S>): ResolvedCost<S> {
  const given = costOptions.read(options);
  const preset: CostSettings = costPresets[given.preset];
  const { preset: _, schedule, improve, guard, ...rest } = { ...preset, ...given };
  const preserve = { ...preset.preserve, ...preserveOptions.read(options.preserve ?? {}) };
  const inner = { ...preset.inner, ...innerOptions.read(options.inner ?? {}) };
  const state = { ...preset.state, ...stateOptions.read(options.state ?? {}) };
  if (state.policy === "reset" && options.optimizer === undefined) {
    throw new OptionError(
      "cost: the state policy reset creates a new state; give the training's optimizer as `optimizer`.",
    );
  }
  const { move, innerOptimizer = adam(), seed } = rest;
  if (given.trust && move !== "adapter" && move !== "random") {
    throw new OptionError(
      "cost: `trust` bounds adapters and random moves; a search has bounds of its own, such as the length of a level set's walk: leave it out.",
    );
  }
  if (move === "random" && rest.trust === false) {
    throw new OptionError(
      "cost: a random move has the trust region's length; give `trust`, such as { kind: relative, value: 0.1 }.",
    );
  }
  return {
    ...rest,
    adapter: { ...preset.adapter, ...withoutUndefined(options.adapter) },
    preserve,
    inner,
    state,
    schedule: createSchedule(schedule),
    improve: improveOf(
      improve.kind === preset.improve.kind ? { ...preset.improve, ...withoutUndefined(improve) } : improve,
    ),
    guard: driftGuardOf(guard),
    move,
    innerOptimizer,
    seed,
  };
}
