import { readFileSync } from "node:fs";
import type { Tensor } from "isoloss";
import {
  compileJavaScript,
  dot,
  flattenTree as flatten,
  grad,
  hvp,
  isNdArray,
  item,
  type MapLeaves,
  type NdArray,
  ndarray,
  simplify,
  type TensorsOf,
  torchGenerator,
  trace,
  unflattenTree as unflatten,
  valueAndGrad,
} from "isoloss";
import { torchRandn } from "isoloss/nn";
import { constant, mul, sum } from "isoloss/ops";
import { expect } from "vitest";

/** An array of a golden file: floats unless it says int64. */
export interface GoldenArray {
  shape: number[];
  dtype?: "int64";
  data: number[];
}

/** A case of `ops` of nn.json and nn-sequences.json: see bench/torch/golden_nn.py. */
export interface GoldenCase {
  name: string;
  // biome-ignore lint/suspicious/noExplicitAny: options are whatever the operation of PyTorch takes
  options: Record<string, any>;
  inputs: Record<string, GoldenArray>;
  output: GoldenArray;
  outputWeights: GoldenArray;
  gradients: Record<string, GoldenArray>;
  secondOrder: Record<string, GoldenArray>;
  running?: Record<"before" | "after", Record<"mean" | "var", GoldenArray>>;
}

export function readGolden<G>(name: string): G {
  return JSON.parse(readFileSync(new URL(`../../core/test/golden/${name}`, import.meta.url), "utf8"));
}

/** PyTorch's cases for an operation, by name. */
export function casesOf(op: string, file = "nn.json"): [string, GoldenCase][] {
  const { ops } = readGolden<{ ops: Record<string, GoldenCase[]> }>(file);
  return ops[op].map((c) => [c.name, c]);
}

export function fromGolden({ shape, dtype, data }: GoldenArray): NdArray {
  return ndarray(dtype === "int64" ? BigInt64Array.from(data, BigInt) : Float64Array.from(data), shape);
}

/** The elements as numbers. */
export const numbers = ({ data }: GoldenArray | NdArray): number[] =>
  Array.from<number | bigint, number>(data, Number);

export const float64 = (data: readonly number[], shape: readonly number[] = [data.length]): NdArray =>
  ndarray(Float64Array.from(data), shape);

export const int64 = (data: readonly number[], shape: readonly number[] = [data.length]): NdArray =>
  ndarray(BigInt64Array.from(data, BigInt), shape);

export const bool = (data: readonly number[], shape: readonly number[] = [data.length]): NdArray =>
  ndarray(Uint8Array.from(data), shape);

/** Runs a function of tensors on arrays, once, in the JavaScript runtime. */
export function evaluate<Args extends readonly unknown[], R>(
  f: (...args: { [K in keyof Args]: TensorsOf<Args[K]> }) => R,
  ...args: Args
): MapLeaves<R, Tensor, NdArray> {
  return compiled(f, args)(...args);
}

/** A function of tensors, compiled for arrays of these shapes. */
export function compiled<Args extends readonly unknown[], R>(
  f: (...args: { [K in keyof Args]: TensorsOf<Args[K]> }) => R,
  args: readonly [...Args],
): (...args: Args) => MapLeaves<R, Tensor, NdArray> {
  const { graph, resultDef } = trace<Args, R>(f, args);
  const executable = compileJavaScript(simplify(graph));
  return (...values) => {
    const { leaves } = flatten(values, isNdArray);
    const results = executable.runSync(
      Object.fromEntries(graph.inputs.map(({ name }, k) => [name, leaves[k]])),
    );
    return unflatten(
      resultDef,
      graph.outputs.map(({ name }) => results[name]),
    ) as MapLeaves<R, Tensor, NdArray>;
  };
}

/** Compares all elements, with a tolerance relative to the largest of them or to 1. */
export function expectClose(actual: NdArray, expected: GoldenArray | NdArray, tolerance = 1e-12): void {
  expect(actual.shape).toEqual(expected.shape);
  const wanted = numbers(expected);
  const scale = wanted.reduce((s, x) => Math.max(s, Math.abs(x)), 1);
  const worst = wanted.reduce((w, x, i) => Math.max(w, difference(Number(actual.data[i]), x)), 0);
  expect(worst / scale, `largest difference ${worst} at scale ${scale}`).toBeLessThanOrEqual(tolerance);
}

/** |a - b|; a NaN on one side alone is infinitely far off. */
const difference = (a: number, b: number): number =>
  Object.is(a, b) ? 0 : Number.isNaN(a - b) ? Infinity : Math.abs(a - b);

/** Checks value, gradient and the gradient of the squared gradient norm against PyTorch's, in float64. */
export function checkCase(
  golden: GoldenCase,
  f: (inputs: Record<string, Tensor>) => Tensor,
  tolerance = 1e-12,
): void {
  const pick = (isFloat: boolean): Record<string, NdArray> => {
    const entries = Object.entries(golden.inputs).filter(
      ([, { dtype }]) => (dtype === undefined) === isFloat,
    );
    return Object.fromEntries(entries.map(([name, value]) => [name, fromGolden(value)]));
  };
  const weights = constant(fromGolden(golden.outputWeights));
  const result = evaluate(
    (floats: Record<string, Tensor>, integers: Record<string, Tensor>) => {
      const weighted = (p: Record<string, Tensor>) => sum(mul(f({ ...p, ...integers }), weights));
      const norm = (p: Record<string, Tensor>) => {
        const g = grad(weighted)(p);
        return dot(g, g);
      };
      return {
        output: f({ ...floats, ...integers }),
        gradients: grad(weighted)(floats),
        secondOrder: grad(norm)(floats),
      };
    },
    pick(true),
    pick(false),
  );
  expectClose(result.output, golden.output, tolerance);
  expect(Object.keys(result.gradients).sort()).toEqual(Object.keys(golden.gradients).sort());
  for (const name of Object.keys(golden.gradients)) {
    expectClose(result.gradients[name], golden.gradients[name], tolerance);
    expectClose(result.secondOrder[name], golden.secondOrder[name], tolerance);
  }
}

/**
 * Checks gradient and Hessian-vector product of a loss against central differences along a random direction. The step
 * is small, so that no kink of a ReLU lies within it: rounding then leaves an error of 1e-9 and more, curvature none.
 *
 * @param params tree of float64 arrays
 */
export function checkDerivatives<P>(
  loss: (params: TensorsOf<P>) => Tensor,
  params: P,
  tolerance = 1e-6,
): void {
  const step = 1e-7;
  const { leaves, def } = flatten<NdArray>(params, isNdArray);
  const rng = torchGenerator(1);
  const direction = leaves.map(({ shape }) => torchRandn(rng, shape, { dtype: "float64" }));
  const tree = (arrays: readonly NdArray[]) => unflatten(def, arrays) as P;
  const moved = (h: number) =>
    tree(
      leaves.map((x, k) =>
        float64(
          numbers(x).map((v, i) => v + h * Number(direction[k].data[i])),
          x.shape,
        ),
      ),
    );

  const derivatives = compiled(
    (p: Tensors, v: Tensors) => {
      const [value, gradient] = valueAndGrad(loss as (p: Tensors) => Tensor)(p);
      const product = hvp(loss as (p: Tensors) => Tensor)(p, v);
      return { value, slope: dot(gradient, v), gradient, product };
    },
    [params as NdArray, tree(direction) as NdArray],
  );
  const at = (h: number) => derivatives(moved(h) as NdArray, tree(direction) as NdArray);
  const [low, here, high] = [at(-step), at(0), at(step)];
  const quotient = (item(high.value) - item(low.value)) / (2 * step);
  expect(Math.abs(quotient), "the loss must depend on the parameters").toBeGreaterThan(1e-3);
  expectClose(here.slope, float64([quotient], []), tolerance);
  const gradients = [low, high].map(({ gradient }) =>
    flatten<NdArray>(gradient, isNdArray).leaves.map(numbers),
  );
  flatten<NdArray>(here.product, isNdArray).leaves.forEach((product, k) => {
    const expected = gradients[1][k].map((g, i) => (g - gradients[0][k][i]) / (2 * step));
    expectClose(product, float64(expected, product.shape), tolerance);
  });
}

/** Stands for a tree of tensors, which the derivatives take as they take one. */
type Tensors = Tensor;
