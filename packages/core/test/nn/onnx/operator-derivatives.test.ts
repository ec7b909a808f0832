// Gradients through operators that are made of several operations, against difference quotients.
import { describe, expect, it } from "vitest";
import { dtypeOf, item, type NdArray, ndarray } from "../../../src/array.js";
import { grad } from "../../../src/graph/autodiff.js";
import { mul } from "../../../src/graph/ops/arithmetic.js";
import { constant } from "../../../src/graph/ops/leaf.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import { simplify } from "../../../src/graph/simplify.js";
import { isFloat, type Tensor } from "../../../src/graph/tensor.js";
import { spec, trace } from "../../../src/graph/trace.js";
import { createRng } from "../../../src/math/rng.js";
import { fromOnnx } from "../../../src/nn/onnx/from-onnx.js";
import { compileJavaScript } from "../../../src/runtime/javascript/executable.js";
import { uniform } from "../../graph/ops/op-case.js";
import { attentionCases } from "./attention-cases.js";
import { indexCases } from "./index-cases.js";
import type { Case } from "./operator-case.js";
import { fileOf } from "./support.js";

const cases = { ...attentionCases, ...indexCases };
const differentiable = [
  "Attention",
  "Compress",
  "DFT",
  "Einsum",
  "GatherElements",
  "GatherND",
  "NegativeLogLikelihoodLoss",
  "ReduceProd",
  "ReverseSequence",
  "RotaryEmbedding",
  "ScatterElements",
  "ScatterND",
  "STFT",
  "SoftmaxCrossEntropyLoss",
  "TopK",
  "Trilu",
];

const isFloatArray = (x: NdArray) => isFloat(dtypeOf(x));

/** In float64, with equal elements set apart: at a tie there is no derivative. */
function untied({ shape, data }: NdArray): NdArray {
  const rng = createRng(2);
  return ndarray(
    Float64Array.from<number | bigint>(data, (v) => Number(v) + 0.1 * rng.next()),
    shape,
  );
}

const rows = differentiable.flatMap((name) =>
  cases[name]
    .filter(({ inputs = {} }) => Object.values(inputs).some(isFloatArray))
    .map((c, k) => [name, k + 1, c] as const),
);

/** <y, w> of the first result, and its gradient, as functions of the float inputs. */
function derivativeOf({ node, inputs = {}, initializers = {}, opset }: Case) {
  const bytes = fileOf({
    inputs,
    initializers,
    nodes: [node],
    outputs: ["y"],
    ...(opset === undefined ? {} : { opset }),
  });
  const model = fromOnnx(bytes, { dtype: "float64" });
  const entries = Object.entries(inputs);
  const floats = entries.filter(([, x]) => isFloatArray(x)).map(([k, x]) => [k, untied(x)] as const);
  const others = Object.fromEntries(entries.filter(([, x]) => !isFloatArray(x)));
  const value = (x: Readonly<Record<string, Tensor>>) => {
    const p = Object.fromEntries(Object.entries(model.params).map(([k, w]) => [k, constant(w)]));
    const { y } = model.apply(p, { ...x, ...others });
    return sum(mul(y, constant(uniform(9, y.shape))));
  };
  const specs = Object.fromEntries(floats.map(([k, x]) => [k, spec(x.shape, "float64")]));
  const { graph } = trace(({ x }) => ({ value: value(x), gradient: grad(value)(x) }), { x: specs });
  const executable = compileJavaScript(simplify(graph));
  const run = (x: Readonly<Record<string, NdArray>>) =>
    executable.runSync(Object.fromEntries(Object.entries(x).map(([k, a]) => [`x.${k}`, a])));
  return { run, at: Object.fromEntries(floats) };
}

describe("the gradient is that of difference quotients of", () => {
  it.each(rows)("%s, case %i", (_, __, c) => {
    const { run, at } = derivativeOf(c);
    const rng = createRng(1);
    const direction = Object.fromEntries(
      Object.entries(at).map(([k, { data }]) => [
        k,
        Float64Array.from({ length: data.length }, () => rng.next() - 0.5),
      ]),
    );
    const moved = (by: number) =>
      Object.fromEntries(
        Object.entries(at).map(([k, { data, shape }]) => [
          k,
          ndarray(
            Float64Array.from<number | bigint>(data, (v, i) => Number(v) + by * direction[k][i]),
            shape,
          ),
        ]),
      );
    const h = 1e-4;
    const quotient = (item(run(moved(h)).value) - item(run(moved(-h)).value)) / (2 * h);
    const here = run(at);
    const slope = Object.keys(at).reduce(
      (total, k) => direction[k].reduce((a, d, i) => a + d * Number(here[`gradient.${k}`].data[i]), total),
      0,
    );
    expect(slope).toBeCloseTo(quotient, 6);
  });
});
