// Permutations of hidden units: Hecht-Nielsen, "On the algebraic structure of feedforward network weight spaces", 1990.
import type { NdArray } from "../../array.js";
import { OptionError } from "../../errors.js";
import { sub } from "../../graph/ops/arithmetic.js";
import { equal, where } from "../../graph/ops/compare.js";
import { gather } from "../../graph/ops/gather.js";
import { constant } from "../../graph/ops/leaf.js";
import type { Tensor } from "../../graph/tensor.js";
import { createRng } from "../../math/rng.js";
import type { DiscreteElement, DiscreteSymmetry } from "./discrete.js";
import {
  areApart,
  changedAlongAxes,
  firstUnit,
  pathsOf,
  positionOf,
  type ResolvedAxis,
  resolveAxes,
  type UnitSpace,
  unitNumbers,
  withViews,
} from "./discrete-axes.js";

/**
 * Permutes the units of each space along all its axes,
 *
 * w'[.., i, ..] = w[.., pi[i], ..]
 *
 * exact on all data if the axes include everything that a space's units touch: their rows, biases and
 * columns. An element holds one permutation per space; the moves are the swaps of two units of a space.
 * Permuting the parameters permutes their gradients as well, so an objective that treats all parameters
 * alike, such as ||grad L||^2, does not change.
 *
 * @param params an example: paths and sizes count
 * @throws OptionError, ShapeError for axes that do not fit the parameters, and for spaces whose permutations do not
 *   commute, such as heads and the units of all heads together
 *
 * @example
 * const axes = [
 *   { path: "layers.0.weight", view: [16, 784], axis: 0 },
 *   { path: "layers.0.bias", view: [16], axis: 0 },
 *   { path: "layers.1.weight", view: [10, 16], axis: 1 },
 * ];
 * const symmetry = permutations(params, [{ size: 16, axes }]);
 */
export function permutations<P>(params: P, spaces: readonly UnitSpace[]): DiscreteSymmetry<P> {
  const axes = resolveAxes("permutations", params, spaces);
  requireCommuting(axes);
  const identity = spaces.map(({ size }) => Array.from({ length: size }, (_, i) => i));
  const swaps = spaces.map(({ size }) => (size * (size - 1)) / 2);
  const act = (tree: P, element: DiscreteElement): P => {
    const isMoved = element.map((permutation) => permutation.some((from, i) => from !== i));
    return changedAlongAxes(tree, axes, (data, axis, s) =>
      isMoved[s] ? permuted(data, axis, element[s]) : data,
    );
  };
  return {
    name: "permutations",
    paths: pathsOf(spaces),
    exact: "everywhere",
    generators: spaces.map(({ size, axes: on }) => ({ kind: "permutation", size, axes: on })),
    identity,
    moves: swaps.reduce((a, b) => a + b, 0),
    move(index) {
      let rest = index;
      let space = 0;
      while (rest >= swaps[space]) rest -= swaps[space++];
      let first = 0;
      while (rest >= spaces[space].size - 1 - first) rest -= spaces[space].size - 1 - first++;
      const second = first + 1 + rest;
      return identity.map((units, s) =>
        s === space ? units.map((i) => (i === first ? second : i === second ? first : i)) : units,
      );
    },
    traceMove(index) {
      const [first, second] = pairsOf(spaces).map((units) => gather(units, index));
      return unitNumbers(spaces).map((units, s) => {
        const swapped = where(equal(units, first), second, where(equal(units, second), first, units));
        return sub(swapped, firstUnit(spaces, s));
      });
    },
    trace: (params, element) => withViews(params, axes, (view, s) => gather(view, element[s], { axis: 1 })),
    random: (rng) => identity.map((units) => rng.shuffle([...units])),
    act,
    inverse: (element) =>
      element.map((permutation) => {
        const back = new Array<number>(permutation.length);
        permutation.forEach((from, i) => {
          back[from] = i;
        });
        return back;
      }),
    compose: (second, first) => second.map((permutation, s) => permutation.map((from) => first[s][from])),
    pushForward: (tree, element) => act(tree, element),
  };
}

/** The first and the second unit of every swap, counted through all spaces. Traced. */
function pairsOf(spaces: readonly UnitSpace[]): Tensor[] {
  const [first, second]: [bigint[], bigint[]] = [[], []];
  spaces.forEach(({ size }, s) => {
    const begin = firstUnit(spaces, s);
    for (let i = 0; i < size; i++) {
      for (let k = i + 1; k < size; k++) {
        first.push(BigInt(begin + i));
        second.push(BigInt(begin + k));
      }
    }
  });
  return [first, second].map((units) => constant({ shape: [units.length], data: BigInt64Array.from(units) }));
}

function permuted(
  data: NdArray["data"],
  parameterAxis: ResolvedAxis,
  permutation: readonly number[],
): NdArray["data"] {
  const { outer, size, inner, run } = parameterAxis;
  const out = data.slice();
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < size; i++) {
      for (let k = 0; k < inner; k += run) {
        const to = positionOf(parameterAxis, (o * size + i) * inner + k);
        const from = positionOf(parameterAxis, (o * size + permutation[i]) * inner + k);
        for (let r = 0; r < run; r++) out[to + r] = data[from + r];
      }
    }
  }
  return out;
}

/** Throws unless the order of the spaces does not matter: elements are composed space by space. */
function requireCommuting(axes: readonly (readonly ResolvedAxis[])[]): void {
  const rng = createRng(0);
  const all = axes.flatMap((ofSpace, space) => ofSpace.map((parameterAxis) => ({ parameterAxis, space })));
  all.forEach(({ parameterAxis: a, space }, k) => {
    for (const { parameterAxis: b, space: other } of all.slice(k + 1)) {
      if (a.leaf !== b.leaf || areApart(a, b)) continue;
      const last = Math.max(...[a, b].map((x) => positionOf(x, x.outer * x.size * x.inner - 1)));
      const numbers = Float64Array.from({ length: last + 1 }, (_, i) => i);
      const [first, second] = [a, b].map(({ size }) =>
        rng.shuffle(Array.from({ length: size }, (_, i) => i)),
      );
      const one = permuted(permuted(numbers, a, first), b, second);
      const two = permuted(permuted(numbers, b, second), a, first);
      if (one.some((n: number | bigint, i: number) => n !== two[i])) {
        throw new OptionError(
          `permutations: spaces ${space} and ${other} permute the same elements of one parameter, and not independently; make one symmetry of each.`,
        );
      }
    }
  });
}
