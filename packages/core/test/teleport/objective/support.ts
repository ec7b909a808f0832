import { compiled, float64 } from "isoloss-test-support/nn/support";
import { expect } from "vitest";
import { isNdArray, item, type NdArray } from "../../../src/array.js";
import type { BatchLoss, BatchTensors } from "../../../src/batch.js";
import { valueAndGrad } from "../../../src/graph/autodiff.js";
import { add, mul, sub } from "../../../src/graph/ops/arithmetic.js";
import { square, tanh } from "../../../src/graph/ops/elementary.js";
import { matmul } from "../../../src/graph/ops/matmul.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import type { TensorsOf } from "../../../src/graph/trace.js";
import type { Objective } from "../../../src/teleport/objective/objective.js";
import type { MemoryArrays } from "../../../src/teleport/search/search.js";
import { flatten, unflatten } from "../../../src/tree.js";

/** Value and gradient of an objective at a point, the gradient as one list of numbers. */
export function measured<P>(
  objective: Objective,
  loss: BatchLoss<P>,
  params: P,
  { batch = {}, memory = {} }: { batch?: Readonly<Record<string, NdArray>>; memory?: MemoryArrays } = {},
): { value: number; gradient: number[] } {
  const f = compiledObjective(objective, loss, params, batch, memory);
  return f(params);
}

function compiledObjective<P>(
  objective: Objective,
  loss: BatchLoss<P>,
  params: P,
  batch: Readonly<Record<string, NdArray>>,
  memory: MemoryArrays,
) {
  const value = objective(loss);
  const run = compiled(
    (p: TensorsOf<P>, b: BatchTensors, m: TensorsOf<MemoryArrays>) => {
      const [result, gradient] = valueAndGrad((q: TensorsOf<P>) => value(q, b, m))(p);
      return { result, gradient };
    },
    [params, batch, memory],
  );
  return (p: P) => {
    const { result, gradient } = run(p, batch, memory);
    return {
      value: item(result),
      gradient: flatten<NdArray>(gradient, isNdArray).leaves.flatMap(({ data }) => Array.from(data, Number)),
    };
  };
}

/** Checks an objective's gradient against central differences, in every element. */
export function expectGradient<P>(
  objective: Objective,
  loss: BatchLoss<P>,
  params: P,
  {
    batch = {},
    memory = {},
    tolerance = 1e-7,
  }: { batch?: Readonly<Record<string, NdArray>>; memory?: MemoryArrays; tolerance?: number } = {},
): void {
  const f = compiledObjective(objective, loss, params, batch, memory);
  const { leaves, def } = flatten<NdArray>(params, isNdArray);
  const { gradient } = f(params);
  const step = 1e-5;
  const quotients = leaves.flatMap((leaf, l) =>
    Array.from(leaf.data, Number).map((_, i) => {
      const at = (h: number) => {
        const data = Float64Array.from(leaf.data, Number);
        data[i] += h;
        return f(unflatten(def, replaced(leaves, l, { shape: leaf.shape, data })) as P).value;
      };
      return (at(step) - at(-step)) / (2 * step);
    }),
  );
  const scale = Math.max(...quotients.map(Math.abs));
  expect(scale, "the objective must depend on the parameters").toBeGreaterThan(1e-4);
  quotients.forEach((q, i) => {
    expect(Math.abs(gradient[i] - q) / scale, `element ${i}: ${gradient[i]} for ${q}`).toBeLessThan(
      tolerance,
    );
  });
}

const replaced = (leaves: readonly NdArray[], at: number, leaf: NdArray): NdArray[] =>
  leaves.map((other, i) => (i === at ? leaf : other));

/** L = 1/2 (a x^2 + b y^2) of w = (x, y). */
export const bowl =
  (a: number, b: number): BatchLoss<NdArray> =>
  (w) =>
    mul(0.5, sum(mul(float64([a, b]), square(w))));

/** A network with one hidden layer of tanh units, and a batch of three examples. */
export interface Net {
  readonly first: { readonly weight: NdArray; readonly bias: NdArray };
  readonly second: { readonly weight: NdArray };
}

const waves = (shape: number[], phase: number): NdArray =>
  float64(
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(phase + 1.3 * i)),
    shape,
  );

export const net: Net = {
  first: { weight: waves([2, 3], 0.2), bias: waves([3], 1) },
  second: { weight: waves([3, 2], 2) },
};

export const netBatch = { x: waves([3, 2], 3), y: waves([3, 2], 4) };

export const netLoss: BatchLoss<Net> = ({ first, second }, { x, y }) => {
  const hidden = tanh(add(matmul(x, first.weight), first.bias));
  return sum(square(sub(matmul(hidden, second.weight), y)));
};
