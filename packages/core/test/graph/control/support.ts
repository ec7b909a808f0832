import { relativeError } from "isoloss-test-support/graph/ops/op-derivatives";
import { expect } from "vitest";
import type { NdArray } from "../../../src/array.js";
import { grad } from "../../../src/graph/autodiff.js";
import type { Graph } from "../../../src/graph/graph.js";
import { add } from "../../../src/graph/ops/arithmetic.js";
import { square } from "../../../src/graph/ops/elementary.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import { simplify } from "../../../src/graph/simplify.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { trace } from "../../../src/graph/trace.js";
import { compileJavaScript } from "../../../src/runtime/javascript/executable.js";
import { compileOnnx } from "../../../src/runtime/onnx/executable.js";
import { namedArrays } from "../../../src/tree.js";

type Tensors = Readonly<Record<string, Tensor>>;
type Arrays = Readonly<Record<string, NdArray>>;

/**
 * Expects equal results, gradients of a loss, and gradients of the squared norm of these, in JavaScript, as traced
 * and simplified, and in ONNX Runtime.
 */
export async function expectSame<A extends { readonly [K in keyof A]: Tensor }, R extends Tensors>(
  actual: (args: A) => R,
  expected: (args: A) => R,
  lossOf: (results: R) => Tensor,
  values: { readonly [K in keyof A]: NdArray },
): Promise<void> {
  const inputs = namedArrays({ at: values });
  const graphOf = (f: (args: A) => R): Graph =>
    trace(({ at }: { at: A }) => derivatives(f, lossOf, at), { at: values } as never).graph;
  const reference = compileJavaScript(simplify(graphOf(expected))).runSync(inputs);
  const graph = graphOf(actual);
  expectEqual(compileJavaScript(graph).runSync(inputs), reference, 1e-12);
  const simple = simplify(graph);
  expectEqual(compileJavaScript(simple).runSync(inputs), reference, 1e-12);
  const onnx = await compileOnnx(simple);
  expectEqual(await onnx.run(inputs), reference, 1e-10);
  await onnx.dispose();
}

function derivatives<A extends { readonly [K in keyof A]: Tensor }, R>(
  f: (args: A) => R,
  lossOf: (results: R) => Tensor,
  at: A,
) {
  const loss = (args: A) => lossOf(f(args));
  const normSq = (args: A) =>
    Object.values<Tensor>(grad(loss)(args))
      .map((g) => sum(square(g)))
      .reduce(add);
  return { results: f(at), first: grad(loss)(at), second: grad(normSq)(at) };
}

function expectEqual(actual: Arrays, expected: Arrays, tolerance: number): void {
  expect(Object.keys(actual)).toEqual(Object.keys(expected));
  for (const [name, x] of Object.entries(expected)) {
    expect(actual[name].shape, name).toEqual(x.shape);
    expect(relativeError(actual[name], x), name).toBeLessThan(tolerance);
  }
}
