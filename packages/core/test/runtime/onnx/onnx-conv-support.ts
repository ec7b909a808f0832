import { type OpCase, uniform } from "isoloss-test-support/graph/ops/op-case";
import {
  derivativeGraph,
  norm,
  relativeError,
  roundedValues,
} from "isoloss-test-support/graph/ops/op-derivatives";
import { expect, it } from "vitest";
import { add } from "../../../src/graph/ops/arithmetic.js";
import { conv2d } from "../../../src/graph/ops/conv.js";
import { reshape } from "../../../src/graph/ops/reshape.js";
import { simplify } from "../../../src/graph/simplify.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { compileJavaScript } from "../../../src/runtime/javascript/executable.js";
import { compileOnnx } from "../../../src/runtime/onnx/executable.js";

type Geometry = Parameters<typeof conv2d>[2];

/** Images and kernels of the size of a real network's, which the emitter computes in other ways than the table's. */
export const cases: readonly [string, number[], number[], Geometry][] = [
  ["3 x 3, padded", [2, 16, 32, 33], [16, 16, 3, 3], { padding: 1 }],
  ["3 x 3, padded on one side", [1, 16, 48, 47], [16, 16, 3, 2], { padding: [0, 2, 1, 0] }],
  ["3 x 2, dilated", [1, 16, 48, 50], [16, 16, 3, 2], { dilation: [1, 3], padding: [2, 0] }],
  ["1 x 1", [3, 32, 26, 27], [16, 32, 1, 1], {}],
  ["3 x 2 of stride 2", [1, 16, 90, 91], [16, 16, 3, 2], { stride: 2, padding: 1 }],
  ["3 x 3 in two groups", [1, 32, 20, 19], [32, 16, 3, 3], { groups: 2, padding: 1 }],
  ["2 x 2 of 24 channels", [1, 24, 46, 45], [24, 24, 2, 2], {}],
  ["3 x 3 of 3 and 20 channels", [1, 3, 34, 34], [20, 3, 3, 3], { padding: 1 }],
  ["3 x 3 on a small image", [2, 64, 4, 4], [48, 64, 3, 3], { padding: 1 }],
];

export const layer = (x: Tensor, w: Tensor, b: Tensor, geometry: Geometry): Tensor =>
  add(conv2d(x, w, geometry), reshape(b, [-1, 1, 1]));

export async function expectSame(label: string, c: Omit<OpCase, "reference">): Promise<void> {
  const { graph, values } = derivativeGraph(
    { ...c, reference: () => ({ shape: [], data: new Float64Array(1) }) },
    "float32",
  );
  const form = simplify(graph);
  const rounded = roundedValues(values);
  const expected = compileJavaScript(form).runSync(rounded);
  const executable = await compileOnnx(form, { provider: "cpu" });
  const actual = await executable.run(rounded);
  await executable.dispose();
  const largest = Math.max(...Object.values(expected).map(norm));
  for (const { name } of form.outputs) {
    expect(actual[name].shape, `${label}: ${name}`).toEqual(expected[name].shape);
    // A number is a sum of thousands of terms that cancel.
    const floor = expected[name].shape.length === 0 ? largest : largest / 100;
    expect(relativeError(actual[name], expected[name], floor), `${label}: ${name}`).toBeLessThan(1e-5);
  }
}

export function expectSameDerivatives(rows: typeof cases): void {
  it.each(rows)(
    "a convolution %s has in ONNX Runtime the derivatives of JavaScript",
    async (label, x, w, geometry) => {
      await expectSame(label, {
        label,
        inputs: [uniform(1, x, -1, 1), uniform(2, w, -1, 1), uniform(3, [w[0]], -1, 1)],
        apply: (image, kernel, bias) => layer(image, kernel, bias, geometry),
      });
    },
  );
}
