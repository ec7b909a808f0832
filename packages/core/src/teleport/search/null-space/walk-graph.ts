// The steps of an ascent in the null spaces of layers, traced.
import type { NdArray } from "../../../array.js";
import type { BatchTensors } from "../../../batch.js";
import { backward, dot } from "../../../graph/autodiff.js";
import { type Graph, topologicalOrder } from "../../../graph/graph.js";
import { add, cast, div, mul, sub } from "../../../graph/ops/arithmetic.js";
import { greater, lessEqual, where } from "../../../graph/ops/compare.js";
import { abs, sqrt, square } from "../../../graph/ops/elementary.js";
import { identity } from "../../../graph/ops/elimination.js";
import { gather } from "../../../graph/ops/gather.js";
import { matrixInverse } from "../../../graph/ops/inverse.js";
import { constant, fill, fillLike } from "../../../graph/ops/leaf.js";
import { matmul } from "../../../graph/ops/matmul.js";
import { max, sum } from "../../../graph/ops/reduce.js";
import { expandDims, reshape } from "../../../graph/ops/reshape.js";
import { concat } from "../../../graph/ops/slice.js";
import { apply, isTensor, type Tensor } from "../../../graph/tensor.js";
import type { TensorsOf } from "../../../graph/trace.js";
import { flatten, replaced, unflatten } from "../../../tree.js";
import type { Memory } from "../../objective/objective.js";
import { all, hasValue, type Measured } from "../guard-graph.js";
import type { Onward } from "../guarded-loop.js";
import type { Place } from "../walk.js";
import { isWide } from "./input-space.js";
import type { LinearMap } from "./layer-inputs.js";

/** Fraction of a gradient that is rounding. */
const negligible = { float64: 1e-10, float32: 1e-5 };

const quantityNames = ["loss", "objective", "gradNormSq"] as const;

/** Why a walk stops, by number: for the last two the host finds the reason. */
const stops = { noGradient: 1, nowhere: 2, uncertain: 3 } as const;

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

/** The spans of the open maps' inputs. */
export interface Spans {
  /** The part of rows outside each. */
  readonly outside: readonly ((rows: Tensor) => Tensor)[];
  /** Whether the host would find the same spans, as a bool. */
  readonly isCertain: Tensor;
  /** Of the first step: 1, halved after each step that was refused in an earlier loop. */
  readonly scale: Tensor;
}

/** What is the same at all points of a walk. */
export interface NullSpaceStart extends Spans {
  /** The nodes of the joint graph at the start. */
  readonly forms: ReadonlyMap<Tensor, Tensor>;
}

/** The state from which the next point follows: the step of each array that moves, in float64. */
interface Next {
  readonly step: readonly Tensor[];
}

/**
 * A step keeps every layer's output, so that the products at the start are those at all points: what depends on them
 * alone, such as the whole forward pass, is the same in all passes and computed once.
 *
 * @param joint see `quantitiesOf`
 */
export function nullSpaceSteps<P>(
  joint: Graph,
  { kept, movable, open }: WalkedMaps,
  { stepSize, normalized }: NullSpaceRule,
  dtype: "float32" | "float64",
) {
  const quantities = quantityNames.flatMap((name) => {
    return joint.outputs.filter((port) => port.name === name).map(({ tensor }) => tensor);
  });
  const parameters = joint.inputs.filter(({ name }) => name.startsWith("params")).map(({ tensor }) => tensor);
  const products = new Set(kept.flatMap((map) => map.products));
  const layout = layoutOf(parameters);
  /** Numbers of the parameters' arrays that hold the open maps. */
  const leaves = layout.leavesOf(open);
  const movingOf = (all: readonly Tensor[]) => leaves.map((k) => all[k]);
  const arraysOf = ({ params }: Place<P>) => flatten<Tensor>(params, isTensor).leaves;

  return {
    leaves,
    first: { step: movingOf(parameters).map(({ shape }) => fill(shape, 0, "float64")) } as Next,

    /** The nodes of the joint graph at the start. */
    formsAt(
      start: TensorsOf<P>,
      { batch, memory }: { readonly batch: BatchTensors; readonly memory: Memory },
      others: readonly Tensor[] = [],
    ): ReadonlyMap<Tensor, Tensor> {
      const given = flatten<Tensor>({ params: start, batch, memory }, isTensor);
      const forms = new Map(
        joint.inputs.map(({ name, tensor }) => [tensor, given.leaves[given.paths.indexOf(name)]]),
      );
      for (const node of topologicalOrder([...quantities, ...others])) {
        if (!forms.has(node)) forms.set(node, node.inputs.length === 0 ? node : applied(node, forms));
      }
      return forms;
    },

    candidate(base: Place<P>, { step }: Next, scale: Tensor): Place<P> {
      const { def, leaves: all } = flatten<Tensor>(base.params, isTensor);
      const moved = movingOf(all).map((x, i) =>
        cast(add(cast(x, "float64"), mul(cast(scale, "float64"), step[i])), dtype),
      );
      return { params: unflatten(def, replaced(all, leaves, moved)) as TensorsOf<P> };
    },

    measure(place: Place<P>, { forms }: NullSpaceStart): Measured {
      const here = new Map<Tensor, Tensor>();
      const moved = arraysOf(place);
      for (const k of leaves) here.set(parameters[k], moved[k]);
      for (const node of topologicalOrder(quantities)) {
        if (here.has(node)) continue;
        const isSame = products.has(node) || node.inputs.every((x) => here.get(x) === forms.get(x));
        here.set(node, isSame ? (forms.get(node) as Tensor) : applied(node, here));
      }
      const [loss, objective, gradNormSq] = quantities.map((x) => reshape(here.get(x) as Tensor, []));
      return { loss, objective, gradNormSq };
    },

    /** The step from a point that was measured, and why there is none. */
    onward(place: Place<P>, { objective }: Measured, { outside, isCertain }: NullSpaceStart): Onward<Next> {
      const here = arraysOf(place);
      const slope = backward([objective], [fillLike(objective, 1)], movingOf(here));
      const all = parameters.map((x, k) => (leaves.includes(k) ? slope[leaves.indexOf(k)] : fillLike(x, 0)));
      const rows = open.map((map, i) => {
        const g = layout.rowsOf(map, all);
        // Applied twice, it removes the rounding of the first time.
        return withoutRounding(outside[i](outside[i](g)), g, negligible[dtype]);
      });
      const length = sqrt(dot(rows, rows));
      const isMoving = greater(length, 0);
      const movableRows = movable.map((map) => layout.rowsOf(map, here));
      const size = mul(stepSize, sqrt(dot(movableRows, movableRows)));
      const eta = normalized
        ? where(isMoving, div(size, where(isMoving, length, 1)), 0)
        : constant(stepSize, "float64");
      const scaled = rows.map((x) => mul(eta, x));
      const because = (reason: keyof typeof stops) => constant(stops[reason], dtype);
      const stop = where(
        isCertain,
        where(
          hasValue(length),
          where(isMoving, constant(0, dtype), because("nowhere")),
          because("noGradient"),
        ),
        because("uncertain"),
      );
      return { state: { step: leaves.map((k) => layout.leafOf(k, open, scaled)) }, stop };
    },
  };
}

const applied = (node: Tensor, forms: ReadonlyMap<Tensor, Tensor>): Tensor =>
  apply(
    node.op,
    node.inputs.map((x) => forms.get(x) as Tensor),
    node.attrs,
  );

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
    /** Numbers of the arrays that hold the weights of maps. */
    leavesOf(maps: readonly LinearMap[]): number[] {
      const held = new Set(maps.flatMap(({ rows }) => Array.from(rows, leafAt)));
      return [...held].sort((a, b) => a - b);
    },
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

// The spans of the layers' inputs: found in the program, where rounding leaves no doubt about their ranks, or by the host.

/** Largest error of an inverse: a projection by it that is applied twice has the square of that. */
const accurate = 1e-8;

/**
 * With H the inputs and K = HH' for maps with fewer samples than inputs, x - x H' K^+ H is the part of x outside their span.
 * The inputs of other maps span all but the columns that are zero, as those of units that are never active, if the other
 * columns are independent. It is certain where rows and columns are zero or independent: where the inverse of K, or of
 * K = H'H, without them and of rows or columns of length 1, has no more than a small error.
 *
 * @param formOf a map's inputs in the program
 */
export function tracedSpans(
  maps: readonly LinearMap[],
  formOf: (inputs: Tensor) => Tensor,
  dtype: "float32" | "float64",
): Spans {
  const found = maps.map((map) => {
    const h = cast(formOf(map.inputs), "float64");
    if (!isWide(map)) {
      const { lengths, isCertain } = inverted(matmul(h, h, { transposeA: true }));
      return { outside: (x: Tensor) => where(greater(lengths, 0), 0, x), isCertain };
    }
    const { inverse, lengths, isCertain } = inverted(matmul(h, h, { transposeB: true }));
    const rows = div(h, expandDims(where(greater(lengths, 0), lengths, 1), 1));
    const dual = matmul(inverse, rows);
    return {
      outside: (x: Tensor) => sub(x, matmul(matmul(x, rows, { transposeB: true }), dual)),
      isCertain,
    };
  });
  return {
    outside: found.map(({ outside }) => outside),
    isCertain: all(...found.map(({ isCertain }) => isCertain)),
    scale: constant(1, dtype),
  };
}

/** Spans that the host found, by their bases. */
export const givenSpans = (open: readonly LinearMap[], bases: readonly Tensor[], scale: Tensor): Spans => ({
  outside: open.map((map, i) => (x) => {
    const along = matmul(matmul(x, bases[i], { transposeB: true }), bases[i]);
    return isWide(map) ? sub(x, along) : along;
  }),
  isCertain: constant(1, "bool"),
  scale,
});

/** The inverse of the inner products of vectors, each divided by its length where it is not zero. */
function inverted(gram: Tensor) {
  const I = identity(gram.shape[0], "float64");
  const lengths = sqrt(sum(mul(gram, I), { axes: [1] }));
  const isZero = where(greater(lengths, 0), 0, fillLike(lengths, 1));
  const scale = add(lengths, isZero);
  const scaled = add(
    div(gram, mul(expandDims(scale, 0), expandDims(scale, 1))),
    mul(I, expandDims(isZero, 1)),
  );
  const inverse = matrixInverse(scaled);
  const error = max(abs(sub(matmul(scaled, inverse), I)));
  return { inverse, lengths, isCertain: lessEqual(error, accurate) };
}
