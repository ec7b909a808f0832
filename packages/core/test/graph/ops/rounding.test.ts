import { expect, it } from "vitest";
import { ndarray } from "../../../src/array.js";
import { OptionError } from "../../../src/errors.js";
import { grad } from "../../../src/graph/autodiff.js";
import { mul } from "../../../src/graph/ops/arithmetic.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import { type HalfFormat, roundTo } from "../../../src/graph/ops/rounding.js";
import { simplify } from "../../../src/graph/simplify.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { spec, trace } from "../../../src/graph/trace.js";
import { compileJavaScript } from "../../../src/runtime/javascript/executable.js";
import { compileOnnx } from "../../../src/runtime/onnx/executable.js";

/** Subnormal numbers, ties at the ends of the range, signs and values that are no numbers. */
const hard = Float32Array.of(
  ...[0, 2 ** -24, 2 ** -25, 3 * 2 ** -25, -(2 ** -26), 65504, 65519, 65520, -1e30, 3.38e38, 3.4e38],
  ...[1 + 2 ** -11, 1 + 3 * 2 ** -11, 1 + 2 ** -8, 1 + 3 * 2 ** -8, Infinity, -Infinity, Number.NaN],
);

it.each<HalfFormat>(["float16", "bfloat16"])(
  "roundTo %s treats hard numbers as ONNX Runtime",
  async (format) => {
    const { graph } = trace(({ x }) => roundTo(x, format), { x: spec([hard.length], "float32") });
    const simple = simplify(graph);
    const inputs = { x: ndarray(hard, [hard.length]) };
    const executable = await compileOnnx(simple);
    const expected = await executable.run(inputs);
    await executable.dispose();
    const actual = compileJavaScript(simple).runSync(inputs);
    const name = graph.outputs[0].name;
    expect([...actual[name].data].map(Number)).toEqual([...expected[name].data].map(Number));
  },
);

it("the gradient passes through roundTo", () => {
  const { graph } = trace(({ x }) => grad((y: Tensor) => sum(mul(roundTo(y, "float16"), 3)))(x), {
    x: spec([2], "float32"),
  });
  const { [graph.outputs[0].name]: g } = compileJavaScript(simplify(graph)).runSync({
    x: ndarray(Float32Array.of(0.1, 2), [2]),
  });
  expect([...g.data]).toEqual([3, 3]);
});

it("roundTo refuses other formats", () => {
  trace(
    ({ x }) => {
      expect(() => roundTo(x, "float8" as HalfFormat)).toThrow(OptionError);
      return x;
    },
    { x: spec([2], "float32") },
  );
});
