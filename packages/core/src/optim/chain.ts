import { full } from "../array.js";
import { describeValue, OptionError } from "../errors.js";
import { mapTree } from "../graph/autodiff.js";
import { mul, sub } from "../graph/ops/arithmetic.js";
import type { Tensor } from "../graph/tensor.js";
import { mapValues } from "../tree.js";
import {
  checkUpdate,
  descend,
  filledLike,
  type Moment,
  type Optimizer,
  type OptimizerState,
  scalarLike,
  scalarOf,
} from "./optimizer.js";

/** Where a {@link GradientTransform} is applied. */
export interface TransformAt<P> {
  readonly params: P;
  /** Its trees of the state, like the parameters. */
  readonly trees: Readonly<Record<string, P>>;
  /** Its scalars of the state, in float64. */
  readonly scalars: Readonly<Record<string, Tensor>>;
}

/** What a {@link GradientTransform} makes of gradients. */
export interface TransformedGradients<P> {
  /** A tree like the parameters: the next transformation's gradients, or the direction of the step. */
  readonly direction: P;
  /** A scalar that multiplies the direction; as that of the last transformation it costs no operation. Default 1. */
  readonly factor?: Tensor | undefined;
  /** lambda of w <- (1 - eta lambda) w, before the step; default 0. */
  readonly shrink?: number | undefined;
  /** The new trees and scalars of the state. */
  readonly trees?: Readonly<Record<string, P>> | undefined;
  readonly scalars?: Readonly<Record<string, Tensor>> | undefined;
}

/** A tree like the parameters in the state of a {@link GradientTransform}. */
export interface TransformTree {
  /** What all of its elements begin with; default 0. */
  readonly first?: number | undefined;
  /** How it changes with the parameters under a symmetry, if what comes in does as gradients do; default it does not. */
  readonly moment?: Moment | undefined;
}

/** A transformation of gradients, the part that optimizers are made of: see {@link chain}. */
export interface GradientTransform {
  readonly name: string;
  /** Its trees in the state, by name; default none. */
  readonly trees?: Readonly<Record<string, TransformTree>> | undefined;
  /** Its scalars in the state, by name, and what they begin with; default none. */
  readonly scalars?: Readonly<Record<string, number>> | undefined;
  /** Whether what goes out changes under a symmetry as gradients do, if what comes in does: sums and averages do. */
  readonly keepsGradients: boolean;
  /** Traced, pure. */
  apply<P>(gradients: P, at: TransformAt<P>): TransformedGradients<P>;
}

/**
 * An optimizer as a composition of transformations, in the manner of Optax: each takes what the one before makes of the
 * gradients, and the parameters step against what the last one makes.
 *
 * d = t_k(... t_1(g)), w <- (1 - eta lambda) w - eta d
 *
 * eta: the learning rate; lambda: the sum of what transformations shrink by. All of the library's optimizers are chains, but
 * those that wrap another. The state has the trees and scalars of all parts; moments follow a teleport as long as the parts
 * before them keep gradients.
 *
 * @param name of the optimizer, in messages and reports
 * @param transforms in the order in which they are applied; none: gradient descent
 * @throws OptionError unless these are transformations whose entries of the state have different names
 *
 * @example
 * const optimizer = chain("clipped momentum", [clip({ norm: 1 }), velocity({ momentum: 0.9 })]);
 * const { loss } = await minimize(
 *   { loss: (w) => sum(square(w)), start: array([3, -4], "float64") },
 *   { optimizer, learningRate: 1, steps: 4 },
 * );
 * console.log(Array.from(loss, (l) => l.toFixed(3)).join(" "));
 * // 25.000 16.000 4.410 0.372 4.198
 */
export function chain(name: string, transforms: readonly GradientTransform[]): Optimizer {
  requireTransforms(name, transforms);
  const scalars: Record<string, number> = Object.assign({}, ...transforms.map((part) => part.scalars));
  const trees: Record<string, TransformTree> = Object.assign({}, ...transforms.map((part) => part.trees));
  return {
    name,
    moments: momentsOf(transforms),
    init: (params) => ({
      // Step counts in float64: 1 - beta^t in float32 would lose four digits in the first steps.
      ...mapValues(scalars, (first) => full([], first, "float64")),
      ...mapValues(trees, ({ first = 0 }) => filledLike(params, first)),
    }),
    update(gradients, state, params, learningRate) {
      type P = typeof params;
      checkUpdate(name, params, learningRate, {
        gradients,
        ...mapValues(trees, (_, entry) => state[entry]),
      });
      const next: Record<string, unknown> = {};
      let direction = gradients;
      let factor: Tensor | undefined;
      let shrink = 0;
      for (const part of transforms) {
        const own = <T>(entries: object = {}) => mapValues({ ...entries }, (_, entry) => state[entry] as T);
        const result = part.apply<P>(factor ? scaledBy(factor, direction) : direction, {
          params,
          trees: own(part.trees),
          scalars: own(part.scalars),
        });
        ({ direction, factor } = { factor: undefined, ...result });
        shrink += result.shrink ?? 0;
        Object.assign(next, result.scalars, result.trees);
      }
      const rate = factor === undefined ? learningRate : mul(scalarOf(learningRate, "float64"), factor);
      const from = shrink === 0 ? params : scaledBy(kept(shrink, learningRate), params);
      return { params: descend(from, direction, rate), state: inOrderOf(state, next) };
    },
  };
}

/** The moments that follow a teleport: those of the transformations up to the first that does not keep gradients. */
function momentsOf(transforms: readonly GradientTransform[]): Readonly<Record<string, Moment>> {
  const last = transforms.findIndex(({ keepsGradients }) => !keepsGradients);
  const trees = transforms.slice(0, last < 0 ? undefined : last + 1).map((part) => part.trees ?? {});
  const entries = trees.flatMap((own) => Object.entries(own));
  return Object.fromEntries(entries.flatMap(([name, { moment }]) => (moment ? [[name, moment]] : [])));
}

/** 1 - eta lambda. */
const kept = (shrink: number, learningRate: Tensor | number): Tensor =>
  sub(1, mul(shrink, scalarOf(learningRate, "float64")));

const scaledBy = <P>(factor: Tensor, tree: P): P => mapTree((x) => mul(scalarLike(factor, x), x), tree);

const inOrderOf = (state: OptimizerState, next: OptimizerState): OptimizerState =>
  mapValues(state, (_, entry) => next[entry]);

function requireTransforms(name: string, transforms: readonly GradientTransform[]): void {
  const example = 'chain("clipped momentum", [clip({ norm: 1 }), velocity({ momentum: 0.9 })])';
  if (typeof name !== "string" || !Array.isArray(transforms)) {
    throw new OptionError(
      `chain takes a name and a list of transformations, ${example}; got ${describeValue(name)} and ${describeValue(transforms)}.`,
    );
  }
  for (const part of transforms) {
    if (typeof part?.apply === "function") continue;
    throw new OptionError(
      `chain "${name}" takes transformations such as velocity(); got ${describeValue(part)}.`,
    );
  }
  const entries = transforms.flatMap(({ trees, scalars }) => Object.keys({ ...trees, ...scalars }));
  const twice = entries.find((entry, k) => entries.indexOf(entry) !== k);
  if (twice !== undefined) {
    throw new OptionError(`chain "${name}": two of its transformations keep "${twice}" in the state.`);
  }
}
