import { isNdArray, type NdArray } from "../array.js";
import { OptionError } from "../errors.js";
import { mul } from "../graph/ops/arithmetic.js";
import { isTensor, type Tensor } from "../graph/tensor.js";
import { matcherOf, namesMatching } from "../name-patterns.js";
import { flag, inCode, listOf, nonNegative, type OptionsOf, optionTable, text } from "../options.js";
import { flatten, replaced, unflatten } from "../tree.js";
import { isOptimizer, type Optimizer, type OptimizerState } from "./optimizer.js";

export interface ParameterGroup extends OptionsOf<typeof parameterGroupOptions> {}

const parameterGroupOptions = optionTable("withGroups", {
  /** Paths of parameters; `*` stands for any characters: `*.bias`, `layers.0.*`. */
  match: listOf(text("the path of a parameter, such as layers.0.*"), { least: 1 }).required(),
  /** Factor of the learning rate; default 1. */
  rate: nonNegative.default(1),
  /** Whether the parameters stay as they are; default false. */
  frozen: flag.default(false),
  /** The same optimizer with other options, such as no weight decay; default that of all. */
  optimizer: inCode<Optimizer>("an optimizer such as adam()", isOptimizer).otherwise("that of all"),
});

/**
 * An optimizer with settings of their own for some parameters: another learning rate, other options, or none at all.
 *
 * A parameter belongs to the first group that matches its path, or else to none. State: that of the optimizer, so that its
 * moments follow a teleport; frozen parameters have entries that do not change. Teleports along symmetries and level sets move
 * frozen parameters, too, those by COST's adapters do not. A wrapper that looks at all parameters together, such as `sam`, goes
 * outside: `sam({ optimizer: withGroups(...) })`.
 *
 * @param optimizer for the parameters of no group, and of groups without one
 * @param groups in the order in which they are tried
 * @throws OptionError for options that are unknown or out of range; from `init` for a pattern that matches nothing, for an
 *   optimizer with another state, and if all parameters are frozen
 *
 * @example
 * const optimizer = withGroups(adamw(), [
 *   { match: ["layers.0.*"], frozen: true },
 *   { match: ["*.bias"], optimizer: adamw({ weightDecay: 0 }) },
 *   { match: ["layers.2.*"], rate: 10 },
 * ]);
 * optimizer.name; // adamw
 */
export function withGroups(optimizer: Optimizer, groups: readonly ParameterGroup[]): Optimizer {
  if (!Array.isArray(groups)) {
    throw new OptionError('withGroups: groups must be a list, such as [{ match: ["*.bias"], rate: 2 }].');
  }
  const given: readonly ParameterGroup[] = [...groups, { match: ["*"] }];
  const all = given.map((group) => {
    const { optimizer: own = optimizer, ...settings } = parameterGroupOptions.read(group);
    return { ...settings, optimizer: own, isOf: matcherOf(settings.match) };
  });
  const groupOf = (path: string) => all.find(({ isOf }) => isOf(path)) ?? all[all.length - 1];
  return {
    ...optimizer,
    baseOf(path) {
      const own = groupOf(path).optimizer;
      return own.baseOf?.(path) ?? own;
    },
    isFrozen: (path) => groupOf(path).frozen || optimizer.isFrozen?.(path) === true,
    init(params) {
      const { paths } = flatten<NdArray>(params, isNdArray);
      if (paths.includes(""))
        throw new OptionError("withGroups: parameters must have names; got a single array.");
      for (const { match } of given) namesMatching("withGroups", match, paths);
      if (paths.every((path) => groupOf(path).frozen)) {
        throw new OptionError("withGroups: all parameters are frozen; leave some to train.");
      }
      const state = optimizer.init(params);
      const entries = Object.keys(state).join(", ");
      for (const { optimizer: own } of all) {
        const ownEntries = Object.keys(own.init(params)).join(", ");
        if (ownEntries === entries) continue;
        throw new OptionError(
          `withGroups: the optimizers of groups must have the same state; ${optimizer.name} has ${entries || "none"}, ${own.name} of a group ${ownEntries || "none"}.`,
        );
      }
      return state;
    },
    update(gradients, state, params, learningRate, gradientAt) {
      const { leaves, paths, def } = flatten(params, isTensor);
      let next = leaves;
      const entries = entriesOf(state, paths);
      const nextEntries = entries.map(({ leaves: own }) => own);
      for (const group of all) {
        const members = paths.map((_, i) => i).filter((i) => groupOf(paths[i]) === group);
        if (group.frozen || members.length === 0) continue;
        const part = (of: unknown) => {
          const { leaves: own } = flatten(of, isTensor);
          return members.map((i) => own[i]);
        };
        const whole = (own: readonly Tensor[]) =>
          unflatten(def, replaced(leaves, members, own)) as typeof params;
        const updated = group.optimizer.update(
          part(gradients),
          Object.fromEntries(entries.map(({ name, value, isTree }) => [name, isTree ? part(value) : value])),
          part(params),
          timesRate(learningRate, group.rate),
          gradientAt && ((own) => part(gradientAt(whole(own)))),
        );
        next = replaced(next, members, updated.params);
        entries.forEach(({ name, isTree }, e) => {
          const own = flatten(updated.state[name], isTensor).leaves;
          nextEntries[e] = isTree ? replaced(nextEntries[e], members, own) : own;
        });
      }
      return {
        params: unflatten(def, next) as typeof params,
        state: Object.fromEntries(
          entries.map(({ name, def: own }, e) => [name, unflatten(own, nextEntries[e])]),
        ),
      };
    },
  };
}

/** The entries of a state, and which are trees like the parameters; the others are the same for all groups. */
function entriesOf(state: OptimizerState, paths: readonly string[]) {
  return Object.entries(state).map(([name, value]) => {
    const { leaves, def, paths: own } = flatten(value, isTensor);
    return { name, value, leaves, def, isTree: own.join() === paths.join() };
  });
}

const timesRate = (learningRate: Tensor | number, factor: number): Tensor | number => {
  if (factor === 1) return learningRate;
  return typeof learningRate === "number" ? learningRate * factor : mul(learningRate, factor);
};
