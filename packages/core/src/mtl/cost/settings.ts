import { OptionError } from "../../errors.js";
import { adam } from "../../optim/adam.js";
import { isOptimizer, type Optimizer } from "../../optim/optimizer.js";
import {
  anyOf,
  inCode,
  integerFrom,
  isObject,
  nested,
  nonNegative,
  type OptionsOf,
  oneOf,
  optionTable,
  positive,
  record,
  withoutUndefined,
} from "../../options.js";
import { conflictTriggers } from "../conflict.js";
import { type AdapterOptions, adapterOptions } from "./adapter/adapter.js";
import {
  type Improve,
  type ImproveByCosine,
  type ImproveBySharpness,
  type ImproveNothing,
  improveByCosineOptions,
  improveBySharpnessOptions,
  improveNothingOptions,
  improveOf,
} from "./adapter/improve.js";
import { type DriftGuard, type DriftGuardOptions, driftGuardOf, driftGuardOptions } from "./drift-guard.js";
import type { CostMove } from "./move.js";
import {
  type CostSettings,
  costPresets,
  type InnerOptions,
  innerOptions,
  ofPreset,
  type PreserveOptions,
  preserveOptions,
  type StateOptions,
  stateOptions,
} from "./presets.js";
import { createSchedule, type Schedule, type ScheduleOptions, scheduleOptions } from "./schedule.js";

/**
 * Settings of COST teleports; the preset supplies those that are left out, of `improve` where it has the same kind.
 *
 * @typeParam S tree of shared parameters
 */
export interface CostOptions<S = unknown> extends OptionsOf<typeof costOptions> {
  readonly move?: CostMove<S> | undefined;
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

const isMove = (v: unknown): boolean => isObject(v) && ("symmetry" in v || "search" in v);
const presetNames = Object.keys(costPresets) as (keyof typeof costPresets)[];
const optimizer = inCode<Optimizer>("an optimizer, such as adam()", isOptimizer);

export const costOptions = optionTable("cost", {
  /** Preset; default `default`. */
  preset: oneOf(presetNames).default("default"),
  /** Which conflicts trigger a teleport: see `isTriggered`. */
  trigger: oneOf(conflictTriggers).otherwise(ofPreset),
  /** When teleports may be attempted. Given as a whole: what it leaves out is as in `createSchedule`, not the preset's. */
  schedule: nested<ScheduleOptions>(scheduleOptions).otherwise(ofPreset),
  /** The form of the displacement that is trained. */
  adapter: nested<AdapterOptions>(adapterOptions).otherwise(ofPreset),
  /** L_t: the losses to preserve. */
  preserve: nested<Partial<PreserveOptions>>(preserveOptions).otherwise(ofPreset),
  /** L_g: the quantity to improve. */
  improve: anyOf(
    nested<ImproveByCosine>(improveByCosineOptions),
    nested<ImproveBySharpness>(improveBySharpnessOptions),
    nested<ImproveNothing>(improveNothingOptions),
  ).otherwise(ofPreset),
  /** How the displacement is trained. */
  inner: nested<Partial<InnerOptions>>(innerOptions).otherwise(ofPreset),
  /** Bound on the displacement of adapters and random moves, `relative` to the parameters or `absolute`; false: none. */
  trust: anyOf(oneOf([false]), record({ kind: oneOf(["relative", "absolute"]), value: positive })).otherwise(
    ofPreset,
  ),
  /** Bound on the change of the losses; false: every finite point is accepted. */
  guard: anyOf(oneOf([false]), nested<DriftGuardOptions>(driftGuardOptions)).otherwise(ofPreset),
  /** What happens to the optimizer's state. */
  state: nested<Partial<StateOptions>>(stateOptions).otherwise(ofPreset),
  /**
   * What follows a move: the method's `step` on the same batch; or `skip`: none, with `reuse` only where it is without effect. There,
   * where sigma <= 0, the optimizer has a new state (`optimizer`), from then on at the training's initial learning rate, as in the
   * authors' program for NYUv2.
   */
  after: oneOf(["step", "skip"]).otherwise(ofPreset),
  /** ||D|| / ||theta|| below which a move does not count as a teleport. */
  negligible: nonNegative.otherwise(ofPreset),
  /** How the shared parameters are moved; default `adapter`. */
  move: anyOf(oneOf(["adapter", "random"]), inCode<object>("{ symmetry } or { search }", isMove)).default(
    "adapter",
  ),
  /** Optimizer of the adapter; default Adam. */
  innerOptimizer: optimizer.otherwise("Adam"),
  /** Optimizer of the training, for the state policy `reset` and for `after: skip`. */
  optimizer: optimizer.otherwise("none"),
  /** Seed of adapters, directions and samples; default 0. */
  seed: integerFrom(0).default(0),
});

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
  const resets = { "the state policy reset": state.policy === "reset", "after: skip": rest.after === "skip" };
  const reset = Object.entries(resets).find(([, isGiven]) => isGiven);
  if (reset && options.optimizer === undefined) {
    throw new OptionError(
      `cost: ${reset[0]} creates a new state; give the training's optimizer as \`optimizer\`.`,
    );
  }
  if (rest.after === "skip" && state.policy === "reuse" && state.effective) {
    throw new OptionError(
      "cost: after: skip takes no step, so that `reuse` has no effect; got the state policy reuse with effective: true. " +
        "Give state: { effective: false }, another policy, or after: step.",
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
