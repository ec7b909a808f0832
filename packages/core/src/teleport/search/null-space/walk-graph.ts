// A pass of ascent in the null spaces of layers, guard included, as a graph.
import type { NdArray } from "../../../array.js";
import { backward, dot } from "../../../graph/autodiff.js";
import { type Graph, type Port, topologicalOrder } from "../../../graph/graph.js";
import { add, cast, div, mul, sub } from "../../../graph/ops/arithmetic.js";
import { greater, lessEqual, where } from "../../../graph/ops/compare.js";
import { sqrt, square } from "../../../graph/ops/elementary.js";
import { gather } from "../../../graph/ops/gather.js";
import { constant, fill, fillLike, input } from "../../../graph/ops/leaf.js";
import { matmul } from "../../../graph/ops/matmul.js";
import { sum } from "../../../graph/ops/reduce.js";
import { reshape } from "../../../graph/ops/reshape.js";
import { concat } from "../../../graph/ops/slice.js";
import { alias } from "../../../graph/ops/stop-gradient.js";
import { apply, type Tensor } from "../../../graph/tensor.js";
import { boundNames, hasValue, indicator, unpacked } from "../guard-graph.js";
import { guardedPass, statusSize } from "../guarded-loop.js";
import { basisRows, isWide } from "./input-space.js";
import type { LinearMap } from "./layer-inputs.js";

/** Fraction of a gradient that is rounding. */
const negligible = { float64: 1e-10, float32: 1e-5 };

const quantityNames = ["loss", "objective", "gradNormSq"] as const;

/** Why a walk stops, by number. */
export const stops = { noGradient: 1, nowhere: 2 } as const;

export interface NullSpaceRule {
  readonly stepSize: number;
  readonly normalized: boolean;
}

export interface WalkedMaps {
  /** Maps whose products a step in the null spaces keeps. */
  readonly kept: readonly LinearMap[];
  /** Maps that may move, whose weights set the length of a step. */
  readonly movable: readonly LinearMap[];
  /** Those of them whose inputs do not span everything. */
  readonly open: readonly LinearMap[];
}

/**
 * A step keeps every layer's output, so that the products at the start are those at all points: what depends on them
 * alone, such as the whole forward pass, is the same in all passes and computed once. The point after the last step is
 * left to the guard, which measures it without that.
 *
 * Inputs: those of `joint`, `bounds`, `basis.0`, ..., and what is carried, `from.base.0`, ..., `from.step.0`, ...,
 * `from.status`; outputs: what is carried, and `row` and `isStepping` of the pass.
 *
 * @param joint see `quantitiesOf`
 * @param leaves numbers of the parameters' arrays that hold the open maps
 */
export function traceNullSpacePass(
  joint: Graph,
  { kept, movable, open }: WalkedMaps,
  leaves: readonly number[],
  { stepSize, normalized }: NullSpaceRule,
  dtype: "float32" | "float64",
): Graph {
  const [loss, objective, gradNormSq] = quantityNames.map(
    (name) => (joint.outputs.find((port) => port.name === name) as Port).tensor,
  );
  const parameters = joint.inputs.filter(({ name }) => name.startsWith("params")).map(({ tensor }) => tensor);
  const start = leaves.map((k) => parameters[k]);
  const bases = open.map((map) => input([basisRows(map), map.columns], "float64"));
  const limits = input([boundNames.length], dtype);
  const bounds = unpacked(limits, boundNames);
  const scalar = (x: Tensor) => reshape(x, []);
  const products = new Set(kept.flatMap((map) => map.products));
  const layout = layoutOf(parameters);

  /** Tensors of the joint graph where the parameters that move have other values. */
  const at = (moved: readonly Tensor[], tensors: readonly Tensor[]) => {
    const forms = new Map<Tensor, Tensor>(start.map((x, i) => [x, moved[i]]));
    for (const node of topologicalOrder(tensors)) {
      if (forms.has(node)) continue;
      const inputs = node.inputs.map((x) => forms.get(x) as Tensor);
      const isSame = products.has(node) || inputs.every((x, i) => x === node.inputs[i]);
      forms.set(node, isSame ? node : apply(node.op, inputs, node.attrs));
    }
    return tensors.map((x) => scalar(forms.get(x) as Tensor));
  };
  const withMoved = (moved: readonly Tensor[]) =>
    parameters.map((x, k) => (leaves.includes(k) ? moved[leaves.indexOf(k)] : x));
  const movableNorm = (moved: readonly Tensor[]) => {
    const all = withMoved(moved);
    const rows = movable.map((map) => layout.rowsOf(map, all));
    return sqrt(dot(rows, rows));
  };

  /** A step of the parameters that move, and the norm of the projected gradient. */
  const stepFrom = (moved: readonly Tensor[], slope: readonly Tensor[]) => {
    const all = parameters.map((x, k) => (leaves.includes(k) ? slope[leaves.indexOf(k)] : fillLike(x, 0)));
    const rows = open.map((map, i) => {
      const g = layout.rowsOf(map, all);
      return withoutRounding(outside(outside(g, bases[i], map), bases[i], map), g, negligible[dtype]);
    });
    const length = sqrt(dot(rows, rows));
    const isMoving = greater(length, 0);
    const eta = normalized
      ? where(isMoving, div(mul(stepSize, movableNorm(moved)), where(isMoving, length, 1)), 0)
      : constant(stepSize, "float64");
    const scaled = rows.map((x) => mul(eta, x));
    return { step: leaves.map((k) => layout.leafOf(k, open, scaled)), length };
  };

  const carried = {
    base: start.map(({ shape }) => input(shape, dtype)),
    state: start.map(({ shape }) => input(shape, "float64")),
    status: input([statusSize], dtype),
  };
  const { next, row, isStepping } = guardedPass<readonly Tensor[], readonly Tensor[]>(
    carried,
    {
      candidate: (base, step, { scale }) =>
        base.map((x, i) => cast(add(cast(x, "float64"), mul(cast(scale, "float64"), step[i])), dtype)),
      visit(candidate) {
        const here = candidate.map(alias);
        const [l, value, norm] = at(here, [loss, objective, gradNormSq]);
        const slope = backward([value], [fillLike(value, 1)], here);
        const { step, length } = stepFrom(candidate, slope);
        const stop = where(
          hasValue(length),
          where(greater(length, 0), constant(0, dtype), stops.nowhere),
          stops.noGradient,
        );
        const measured = { loss: l, objective: value, gradNormSq: norm };
        return { measured, onward: () => ({ state: step, stop }) };
      },
    },
    bounds,
  );
  const ports = (prefix: string, tensors: readonly Tensor[]): Port[] =>
    tensors.map((tensor, i) => ({ name: `${prefix}.${i}`, tensor }));
  return {
    inputs: [
      ...joint.inputs,
      { name: "bounds", tensor: limits },
      ...ports("basis", bases),
      ...ports("from.base", carried.base),
      ...ports("from.step", carried.state),
      { name: "from.status", tensor: carried.status },
    ],
    outputs: [
      ...ports("base", next.base),
      ...ports("step", next.state),
      { name: "status", tensor: next.status },
      { name: "row", tensor: row },
      { name: "isStepping", tensor: indicator(isStepping, dtype) },
    ],
  };
}

/** The part of rows outside the inputs; applied twice, which removes the rounding of the first time. */
function outside(rows: Tensor, basis: Tensor, map: LinearMap): Tensor {
  const along = matmul(matmul(rows, basis, { transposeB: true }), basis);
  return isWide(map) ? sub(rows, along) : along;
}

/** Projected rows, set to zero where almost nothing of the full ones is left. */
function withoutRounding(projected: Tensor, full: Tensor, fraction: number): Tensor {
  const norm = (x: Tensor) => sqrt(sum(square(x), { axes: [1], keepDims: true }));
  return where(lessEqual(norm(projected), mul(fraction, norm(full))), 0, projected);
}

/** Rows of maps among the parameters' arrays, and back. */
function layoutOf(parameters: readonly Tensor[]) {
  const starts = parameters.map((_, k) =>
    parameters.slice(0, k).reduce((total, { size }) => total + size, 0),
  );
  const indices = (places: Int32Array | readonly number[]) =>
    constant({ shape: [places.length], data: BigInt64Array.from(places, BigInt) } as NdArray);
  const leafAt = (place: number): number => {
    let k = parameters.length - 1;
    while (starts[k] > place) k--;
    return k;
  };
  const flat = (x: Tensor) => reshape(cast(x, "float64"), [x.size]);
  return {
    /** [rows, columns] in float64. */
    rowsOf({ rows, columns }: LinearMap, arrays: readonly Tensor[]): Tensor {
      const used = [...new Set(Array.from(rows, leafAt))];
      const offsets = new Map(
        used.map((k, i) => [
          k,
          used.slice(0, i).reduce((total, m) => total + parameters[m].size, 0) - starts[k],
        ]),
      );
      const places = rows.map((place) => place + (offsets.get(leafAt(place)) as number));
      const all = concat(used.map((k) => flat(arrays[k])));
      return reshape(gather(all, indices(places)), [rows.length / columns, columns]);
    },
    /** Array number k that has the rows' values in its place, and zeros elsewhere. */
    leafOf(k: number, maps: readonly LinearMap[], rows: readonly Tensor[]): Tensor {
      const { shape, size } = parameters[k];
      const count = rows.reduce((total, x) => total + x.size, 0);
      const from = new Array<number>(size).fill(count);
      let first = 0;
      for (const map of maps) {
        map.rows.forEach((place, j) => {
          if (place >= starts[k] && place < starts[k] + size) from[place - starts[k]] = first + j;
        });
        first += map.rows.length;
      }
      const all = concat([...rows.map(flat), fill([1], 0, "float64")]);
      return reshape(gather(all, indices(from)), shape);
    },
  };
}
