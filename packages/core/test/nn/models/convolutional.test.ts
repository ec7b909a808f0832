import { type SegnetParams, segnet } from "isoloss-benchmarks";
import { checkDerivatives, int64 } from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { isNdArray, type NdArray } from "../../../src/array.js";
import { ShapeError } from "../../../src/errors.js";
import { add } from "../../../src/graph/ops/arithmetic.js";
import { constant } from "../../../src/graph/ops/leaf.js";
import { spec, type TensorsOf, trace } from "../../../src/graph/trace.js";
import { torchGenerator, torchRandn } from "../../../src/math/mt19937.js";
import { crossEntropy } from "../../../src/nn/losses/cross-entropy.js";
import { mseLoss } from "../../../src/nn/losses/mse.js";
import { type ConvnetParams, convnet } from "../../../src/nn/models/convnet.js";
import { type LenetParams, lenet } from "../../../src/nn/models/lenet.js";
import { vgg6 } from "../../../src/nn/models/vgg6.js";
import { flatten } from "../../../src/tree.js";

const images = (shape: readonly number[]) =>
  constant(torchRandn(torchGenerator(8), shape, { dtype: "float64" }));

const namesAndShapes = (params: unknown) => {
  const { leaves, paths } = flatten<NdArray>(params, isNdArray);
  return Object.fromEntries(paths.map((path, k) => [path, leaves[k].shape]));
};

describe("convnet", () => {
  it("is conv 1->16, pool, conv 16->32, pool, linear 1568->10 by default", () => {
    expect(namesAndShapes(convnet().init(torchGenerator(0)).params)).toEqual({
      "convs.0.weight": [16, 1, 3, 3],
      "convs.0.bias": [16],
      "convs.1.weight": [32, 16, 3, 3],
      "convs.1.bias": [32],
      "linear.weight": [10, 1568],
      "linear.bias": [10],
    });
  });

  it("has the gradient and curvature that differences have", () => {
    const model = convnet({ inputs: 2, imageSize: [6, 5], stages: [[2, 3], [2]], classes: 3 });
    const { params } = model.init(torchGenerator(1), { dtype: "float64" });
    const [x, y] = [images([3, 2, 6, 5]), constant(int64([0, 2, 1]))];
    checkDerivatives((p: TensorsOf<ConvnetParams>) => crossEntropy(model.apply(p, x).output, y), params);
  });

  it("says when the images are too small for the poolings", () => {
    expect(() => convnet({ imageSize: [2, 28], stages: [[4], [4]] })).toThrow(ShapeError);
  });
});

describe("vgg6", () => {
  it("has six convolutions of 64, 64, 128, 128, 256, 256 channels and a linear layer 4096->10", () => {
    const shapes = namesAndShapes(vgg6().init(torchGenerator(0)).params);
    const channels = [3, 64, 64, 128, 128, 256, 256];
    for (let k = 0; k < 6; k++)
      expect(shapes[`convs.${k}.weight`]).toEqual([channels[k + 1], channels[k], 3, 3]);
    expect(shapes["linear.weight"]).toEqual([10, 4096]);
    expect(Object.keys(shapes)).toHaveLength(14);
  });
});

describe("lenet", () => {
  it("is LeNet-5 on 28x28 images by default: 44426 parameters", () => {
    // 6 (25 + 1) + 16 (150 + 1) + 120 (256 + 1) + 84 (120 + 1) + 10 (84 + 1)
    const { leaves } = flatten<NdArray>(lenet().init(torchGenerator(0)).params, isNdArray);
    expect(leaves.reduce((n, { data }) => n + data.length, 0)).toBe(44426);
  });

  it("has the gradient and curvature that differences have", () => {
    const model = lenet({ imageSize: [16, 17], channels: [2, 3], hidden: [4], classes: 3 });
    const { params } = model.init(torchGenerator(1), { dtype: "float64" });
    const [x, y] = [images([2, 1, 16, 17]), constant(int64([2, 0]))];
    checkDerivatives((p: TensorsOf<LenetParams>) => crossEntropy(model.apply(p, x).output, y), params);
  });

  it("says when the images are too small", () => {
    expect(() => lenet({ imageSize: [15, 28] })).toThrow(ShapeError);
  });
});

describe("segnet", () => {
  it("has an encoder of 32, 64, 128, 128 channels, the mirrored decoder and two heads", () => {
    const shapes = namesAndShapes(segnet().init(torchGenerator(0)).params);
    const weights = Object.entries(shapes).filter(([path]) => path.endsWith("weight"));
    expect(weights.map(([path, [to, from]]) => [path.replace(".weight", ""), from, to])).toEqual([
      ["encoder.0", 3, 32],
      ["encoder.1", 32, 64],
      ["encoder.2", 64, 128],
      ["encoder.3", 128, 128],
      ["decoder.0", 128, 128],
      ["decoder.1", 128, 64],
      ["decoder.2", 64, 32],
      ["decoder.3", 32, 32],
      ["classes", 32, 7],
      ["depth", 32, 1],
    ]);
  });

  it("gives images of the size it takes, odd sides included", () => {
    const model = segnet({ channels: [2, 3], classes: 5 });
    const { params } = model.init(torchGenerator(0));
    const { graph } = trace((p, x) => model.apply(p, x).output, [params, spec([2, 3, 9, 6])] as const);
    expect(graph.outputs.map(({ name, tensor }) => [name, tensor.shape])).toEqual([
      ["classes", [2, 5, 9, 6]],
      ["depth", [2, 1, 9, 6]],
    ]);
  });

  it("has the gradient and curvature that differences have", () => {
    const model = segnet({ inputs: 2, channels: [2, 3], classes: 3 });
    const { params } = model.init(torchGenerator(1), { dtype: "float64" });
    const [x, depth] = [images([2, 2, 4, 8]), images([2, 1, 4, 8])];
    const y = constant(
      int64(
        Array.from({ length: 64 }, (_, i) => (i * 7) % 3),
        [2, 4, 8],
      ),
    );
    checkDerivatives((p: TensorsOf<SegnetParams>) => {
      const output = model.apply(p, x).output;
      return add(crossEntropy(output.classes, y, { axis: 1 }), mseLoss(output.depth, depth));
    }, params);
  });
});
