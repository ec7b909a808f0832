// Sign flips of hidden units with an odd activation: Sussmann, Neural Networks 5 (1992) 589-593.
import type { NdArray } from "../../array.js";
import { cast, mul } from "../../graph/ops/arithmetic.js";
import { equal, where } from "../../graph/ops/compare.js";
import { fillLike } from "../../graph/ops/leaf.js";
import { reshape } from "../../graph/ops/reshape.js";
import type { DiscreteElement, DiscreteSymmetry } from "./discrete.js";
import {
  changedAlongAxes,
  pathsOf,
  positionOf,
  type ResolvedAxis,
  resolveAxes,
  type UnitSpace,
  unitNumbers,
  withViews,
} from "./discrete-axes.js";

/**
 * Flips the signs of units along all axes of each generator,
 *
 * w'[.., i, ..] = e_i w[.., i, ..],  e_i = 1 or -1
 *
 * exact on all data for hidden units with an odd activation, s(-z) = -s(z), such as tanh or none. A unit has
 * its row, its bias and its column in the next layer. An element holds one list of signs per generator; the
 * moves flip one unit. Gradients change sign with their parameters, so an even objective such as ||grad L||^2
 * does not change.
 *
 * @param params an example: paths and sizes count
 * @throws OptionError, ShapeError for axes that do not fit the parameters
 *
 * @example
 * const axes = [
 *   { path: "layers.0.weight", view: [16, 784], axis: 0 },
 *   { path: "layers.0.bias", view: [16], axis: 0 },
 *   { path: "layers.1.weight", view: [10, 16], axis: 1 },
 * ];
 * const symmetry = signFlips(params, [{ size: 16, axes }]);
 */
export function signFlips<P>(params: P, generators: readonly UnitSpace[]): DiscreteSymmetry<P> {
  const axes = resolveAxes("signFlips", params, generators);
  const identity = generators.map(({ size }) => new Array<number>(size).fill(1));
  const act = (tree: P, element: DiscreteElement): P =>
    changedAlongAxes(tree, axes, (data, axis, s) =>
      element[s].includes(-1) ? flipped(data, axis, element[s]) : data,
    );
  return {
    name: "sign flips",
    paths: pathsOf(generators),
    exact: "everywhere",
    generators: generators.map(({ size, axes: on }) => ({ kind: "sign", size, axes: on })),
    identity,
    moves: generators.reduce((sum, { size }) => sum + size, 0),
    move(index) {
      let before = 0;
      return identity.map((signs) => {
        const at = index - before;
        before += signs.length;
        return signs.map((sign, i) => (i === at ? -sign : sign));
      });
    },
    traceMove: (index) =>
      unitNumbers(generators).map((units) => where(equal(units, index), -1, fillLike(units, 1))),
    trace: (params, element) =>
      withViews(params, axes, (view, s) =>
        mul(reshape(cast(element[s], view.dtype), [1, view.shape[1], 1]), view),
      ),
    random: (rng) => identity.map((signs) => signs.map(() => 1 - 2 * rng.int(2))),
    act,
    inverse: (element) => element,
    compose: (second, first) => second.map((signs, s) => signs.map((sign, i) => sign * first[s][i])),
    pushForward: (tree, element, power) => (power === 1 ? act(tree, element) : tree),
  };
}

function flipped(
  data: NdArray["data"],
  parameterAxis: ResolvedAxis,
  signs: readonly number[],
): NdArray["data"] {
  const { outer, size, inner, run } = parameterAxis;
  const out = data.slice() as Float64Array;
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < size; i++) {
      if (signs[i] > 0) continue;
      for (let k = 0; k < inner; k += run) {
        const start = positionOf(parameterAxis, (o * size + i) * inner + k);
        for (let at = start; at < start + run; at++) out[at] = -out[at];
      }
    }
  }
  return out;
}
