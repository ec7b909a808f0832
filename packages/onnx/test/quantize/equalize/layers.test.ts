// Weighted layers of graphs: their shapes by hand, and their channels' factors against moved weights.

import { type NdArray, spec, type Tensor, zeros } from "isoloss";
import { decodeModel } from "isoloss/onnx";
import { conv2d, flattenFrom, matmul, max, mean, minimum, relu, sum } from "isoloss/ops";
import { convolutional, dense } from "isoloss-test-support/moves/quantization-noise/networks";
import { moved, prepared, randomPoint } from "isoloss-test-support/moves/quantization-noise/prepared";
import { randomCases, sampledRows } from "isoloss-test-support/random-cases";
import { expect, it } from "vitest";
import { valuesOf } from "../../../../core/src/moves/quantization-noise/linear-forms.js";
import { quantizedGraph } from "../../../../core/src/moves/quantization-noise/quantized-graph.js";
import { readWeight } from "../../../../core/src/moves/quantization-noise/weighted-layers.js";
import { namedGraph } from "../../../../core/src/symmetry/symmetries-of.js";
import { fromOnnx } from "../../../src/import/from-onnx.js";
import { foldBatchNorm } from "../../../src/model-file/prepare/fold-batch-norm.js";
import { randomFile } from "../../model-file/random-file.js";

it("convolutions, their transposes and products are found with their channels", async () => {
  const { quantized } = await prepared(convolutional(0));
  const rows = quantized.layers.map(({ weight, xAxis, yAxis, shape }) => {
    const { groups, outputs, inputs, window, terms } = shape;
    return [weight.path, xAxis, yAxis, groups, outputs, inputs, window, terms];
  });
  expect(rows).toEqual([
    ["first.weight", 1, 1, 1, 6, 2, 9, 9],
    ["depthwise.weight", 1, 1, 6, 1, 1, 9, 9],
    ["narrow.weight", 1, 1, 1, 4, 6, 1, 1],
    ["wide.weight", 1, 1, 1, 8, 4, 1, 1],
    ["back.weight", 1, 1, 1, 4, 8, 9, 9],
    ["up.weight", 1, 1, 1, 6, 4, 4, 1],
    ["hidden.weight", 1, 1, 1, 10, 6, 1, 1],
    ["last.weight", 1, 1, 1, 3, 10, 1, 1],
  ]);
  expect(quantized.left).toEqual([]);
});

const movedNetworks = [
  ["convolutional", convolutional(1)],
  ["convolutional with ReLU6", convolutional(2, { bound: 6 })],
  ["convolutional without pooling", convolutional(3, { pooled: false })],
  ["dense", dense(1)],
] as const;
it.each(sampledRows(movedNetworks))(
  "weights of a %s network move by the factors of their channels",
  async (_, network) => {
    const { quantized } = await prepared(network);
    const T = randomPoint(quantized.size, 1);
    const after = await moved(network.params, quantized, T);
    expect(quantized.generators.length).toBeGreaterThan(1);
    for (const layer of quantized.layers) {
      const { weight, shape, inputForms, outputForms } = layer;
      const { groups, outputs, inputs, window, strides } = shape;
      const [a, o] = [valuesOf(inputForms, T), valuesOf(outputForms, T)];
      const [from, to] = [network.params, after].map((params) =>
        readWeight(params[weight.path] as never, weight),
      );
      for (let g = 0; g < groups; g++) {
        for (let i = 0; i < outputs; i++) {
          for (let j = 0; j < inputs; j++) {
            const log = (o[g * outputs + i] as number) - (a[g * inputs + j] as number);
            for (let k = 0; k < window; k++) {
              const at = g * strides.group + i * strides.output + j * strides.input + k;
              expect(to?.[at]).toBeCloseTo((from?.[at] as number) * Math.exp(log), 10);
            }
          }
        }
      }
    }
  },
);

it.each(Array.from({ length: randomCases(12) }, (_, seed) => seed))(
  "all weighted nodes of random file %i are found",
  (seed) => {
    const bytes = foldBatchNorm(randomFile(seed)).bytes;
    const model = fromOnnx(bytes);
    const graph = namedGraph((p, b) => model.apply(p, b), model.params, { x: spec([2, 4, 8, 8]) });
    const { layers, left } = quantizedGraph(graph, Object.keys(model.params), true);
    const weighted = decodeModel(bytes)
      .graph.nodes.filter(({ opType }) => ["Conv", "ConvTranspose", "Gemm", "MatMul"].includes(opType))
      .map(({ inputs }) => inputs[1]);
    expect(layers.map(({ weight }) => weight.path).sort()).toEqual(weighted.sort());
    expect(left).toEqual([]);
  },
);

it("inputs of layers are traced to the clip whose values or means they are, and to none if they are sums", () => {
  const shapes = { x: spec([2, 3, 4, 4]), v: spec([4, 3, 1, 1]), w: spec([4, 2]), u: spec([64, 2]) };
  const clipOf = (pool: (h: Tensor) => Tensor, weight: "w" | "u") => {
    const graph = namedGraph(
      (p, b) => matmul(pool(minimum(relu(conv2d(b.x as Tensor, p.v as Tensor)), 2)), p[weight] as Tensor),
      { v: zeros([4, 3, 1, 1]), [weight]: zeros(shapes[weight].shape) } as Readonly<Record<string, NdArray>>,
      { x: shapes.x },
    );
    const { layers, rounded } = quantizedGraph(graph, ["v", weight], true);
    return rounded[layers.at(-1)?.rounded as number]?.source;
  };
  const flat = clipOf((h) => flattenFrom(h, 1), "u");
  expect(flat).toMatchObject({ clip: 0, isWhole: true });
  expect([...(flat?.channels ?? [])]).toEqual(Array.from({ length: 64 }, (_, k) => Math.floor(k / 16)));
  const channels = Int32Array.of(0, 1, 2, 3);
  expect(clipOf((h) => mean(h, { axes: [2, 3] }), "w")).toMatchObject({ clip: 0, isWhole: false, channels });
  expect(clipOf((h) => max(h, { axes: [2, 3] }), "w")).toMatchObject({ clip: 0, isWhole: true, channels });
  expect(clipOf((h) => sum(h, { axes: [2, 3] }), "w")).toBeUndefined();
});
