// Files of PyTorch: bench/torch/golden_onnx_networks.py.

import { type BatchTensors, type NdArray, trace } from "isoloss";
import { createRng } from "isoloss/data";
import { mseLoss } from "isoloss/nn";
import { fileBytes, type Network, networks } from "isoloss-test-support/nn/onnx/exported";
import { int64 } from "isoloss-test-support/nn/support";
import {
  describeFound,
  expectKept,
  normals,
  randomized,
  type Subject,
  subject,
} from "isoloss-test-support/symmetry/discovery/support";
import { describe, expect, it } from "vitest";
import { fromOnnx } from "../../src/import/from-onnx.js";
import { liftBounds } from "../../src/model-file/prepare/bounds.js";
import { foldBatchNorm } from "../../src/model-file/prepare/fold-batch-norm.js";

const image = (channels: number, size = 8) => normals(createRng(5), [2, channels, size, size]);
const tokens = int64([0, 5, 2, 1, 3, 3, 4, 0], [2, 4]);

function fileOf(name: string, mode: Network["mode"], opset: number): Uint8Array {
  const network = networks.find((row) => row.name === name && row.mode === mode);
  if (network === undefined) throw new Error(`no ${name}`);
  return fileBytes(network.files[opset] ?? network.folded[opset]);
}

/** The mean squared error of a file at parameters without structure, and what is found in it. */
function errorOf(bytes: Uint8Array, x: NdArray): Subject {
  const model = fromOnnx(bytes, { dtype: "float64" });
  const params = randomized(model.params, createRng(3));
  const { graph } = trace((p: BatchTensors, data: BatchTensors) => model.apply(p, data).y0, [params, { x }]);
  const y = normals(createRng(4), graph.outputs[0].tensor.shape);
  return subject((p: BatchTensors, d: BatchTensors) => mseLoss(model.apply(p, { x: d.x }).y0, d.y), params, {
    x,
    y,
  });
}

const sizes = ({ found }: Subject, exact = true): number[] =>
  found.scalings.filter((row) => row.exact === exact).map(({ size }) => size);

describe("the symmetries of PyTorch's export", () => {
  it("of a residual network are scalings of each stage's widths and inside each block", () => {
    const s = errorOf(fileOf("ResNet", "eval", 11), image(3, 16));
    // The stem and the first block write into one sum; so do the second block and its projection.
    expect(s.found.scalings.map(describeFound)).toEqual([
      "scaling 4: p.0.1.weight[4]@0^1 p.0.1.bias[4]@0^1 p.2.body.0.0.weight[4,4,3,3]@1^-1 " +
        "p.2.body.1.1.weight[4]@0^1 p.2.body.1.1.bias[4]@0^1 p.3.body.0.0.weight[6,4,3,3]@1^-1 " +
        "p.3.skip.0.weight[6,4,1,1]@1^-1",
      "scaling 4: p.2.body.0.1.weight[4]@0^1 p.2.body.0.1.bias[4]@0^1 p.2.body.1.0.weight[4,4,3,3]@1^-1",
      "scaling 6: p.3.body.0.1.weight[6]@0^1 p.3.body.0.1.bias[6]@0^1 p.3.body.1.0.weight[6,6,3,3]@1^-1",
      "scaling 6: p.3.body.1.1.weight[6]@0^1 p.3.body.1.1.bias[6]@0^1 p.3.skip.1.weight[6]@0^1 " +
        "p.3.skip.1.bias[6]@0^1 p.6.weight[3,6]@1^-1",
    ]);
    expectKept(s);
  });

  it("of a residual network in training are scalings before each norm, too", () => {
    const s = errorOf(fileOf("ResNet", "train", 12), image(3, 16));
    expect(sizes(s)).toEqual([4, 4, 6, 6]);
    // The stem, two convolutions a block, the projection: statistics of the batch undo their scale, but for epsilon.
    expect(sizes(s, false)).toEqual([4, 4, 4, 6, 6, 6]);
    expectKept(s);
  });

  it("of a MobileNet are one scaling, and one for each ReLU6 once its bounds are parameters", () => {
    const file = fileOf("MobileNet", "eval", 11);
    // The second block ends without ReLU6 and adds nothing, so that the layer after it can undo its scale.
    expect(sizes(errorOf(file, image(3)))).toEqual([6]);
    const s = errorOf(liftBounds(foldBatchNorm(file).bytes).bytes, image(3));
    // The first layer, two in each block, the last layer.
    expect(sizes(s)).toEqual([4, ...[8, 8], ...[8, 8], 6, 8]);
    expect(s.found.linear.map(({ size }) => size)).toEqual([6]);
    expectKept(s);
  });

  it("of a MobileNet in training are those with its norms in place, and one before each norm", () => {
    const s = errorOf(liftBounds(fileOf("MobileNet", "train", 14)).bytes, image(3));
    expect(sizes(s)).toEqual([4, ...[8, 8], ...[8, 8], 6, 8]);
    expect(sizes(s, false)).toEqual([4, ...[8, 8, 4], ...[8, 8, 6], 8]);
    expectKept(s);
  });

  it("of a DenseNet are scalings of each norm's parts, one for each tensor that was concatenated", () => {
    const s = errorOf(fileOf("DenseNet", "eval", 12), image(3, 6));
    // A norm and a ReLU read what all layers before them wrote; the convolution after them undoes the norm's scale.
    expect(sizes(s)).toEqual([4, ...[4, 3], ...[4, 3, 3], 5, ...[5, 3]]);
    expectKept(s);
  });

  it("of a U-Net are scalings of all layers, those of a skip connection through a part of the layer that joins it", () => {
    const s = errorOf(fileOf("U-Net", "eval", 18), image(1));
    // Two layers with ReLU at each of seven places, and the transposed convolution, which has none.
    expect(sizes(s)).toEqual([...[2, 2, 3, 3, 3, 3, 4, 4], 3, ...[3, 3, 3, 3, 2, 2]]);
    const skips = s.found.scalings.filter(({ axes }) => axes.filter(({ power }) => power < 0).length === 2);
    expect(skips.map(describeFound)).toEqual([
      "scaling 2: p.down1.1.weight[2,2,3,3]@0^1 p.down1.1.bias[2]@0^1 " +
        "p.down2.0.0.weight[3,2,3,3]@1^-1 p.join1.0.0.weight<1:0+2>[2,2,3,3]@1^-1",
      "scaling 3: p.down2.1.weight[3,3,3,3]@0^1 p.down2.1.bias[3]@0^1 " +
        "p.down3.0.0.weight[3,3,3,3]@1^-1 p.join2.0.0.weight<1:0+3>[3,3,3,3]@1^-1",
      "scaling 3: p.down3.1.weight[3,3,3,3]@0^1 p.down3.1.bias[3]@0^1 " +
        "p.bottom.0.0.weight[4,3,3,3]@1^-1 p.join3.0.0.weight<1:0+3>[3,3,3,3]@1^-1",
    ]);
    expect(s.found.linear.map(describeFound)).toEqual([
      "linear 3: p.up3.weight[4,3,2,2]@1+ p.up3.bias[3]@0+ p.join3.0.0.weight<1:3+3>[3,3,3,3]@1-",
    ]);
    expectKept(s);
  });

  it("of recurrent taggers are GL of the embedding", () => {
    for (const [name, gates] of [["LSTM tagger", 16] as const, ["RNN tagger", 4] as const]) {
      const s = errorOf(fileOf(name, "eval", name === "LSTM tagger" ? 14 : 17), tokens);
      const reads = (end: string) => `p.recurrent.weight_ih_l0${end}[${gates},3]@1-`;
      expect(s.found.linear.map(describeFound)).toEqual([
        `linear 3: p.embedding.weight[7,3]@1+ ${reads("")} ${reads("_reverse")}`,
      ]);
      expectKept(s);
    }
  });

  it.each([14, 17, 20, 18])(
    "of a pre-norm transformer are GL of both pairs of each head, set %i",
    (opset) => {
      const s = errorOf(fileOf("pre-norm transformer", "eval", opset), tokens);
      expect(s.found.linear.map(({ size, copies }) => [size, copies])).toEqual([
        [2, 2],
        [2, 2],
      ]);
      expectKept(s);
    },
  );

  it.each([14, 20])("of a transformer with RMSNorm and SwiGLU are those, and scalings, set %i", (opset) => {
    const s = errorOf(fileOf("RMSNorm transformer", "eval", opset), tokens);
    expect(s.found.linear.map(({ size, copies }) => [size, copies])).toEqual([
      [2, 2],
      [2, 2],
    ]);
    // Three norms and what reads them; the linear half of SwiGLU; on the heads: for heads and for their axes.
    expect(sizes(s).sort()).toEqual([...[2, 2, 2, 2], ...[4, 4, 4], 6]);
    expectKept(s);
  });

  it("of a post-norm transformer are GL in the parts of the matrix of queries, keys and values", () => {
    const s = errorOf(fileOf("post-norm transformer", "eval", 14), normals(createRng(6), [2, 5, 4]));
    const part = (start: number, sign: string) =>
      `p.layer.self_attn.in_proj_weight<0:${start}+4>[2,2,4]@1/0${sign}`;
    const bias = (start: number, sign: string) =>
      `p.layer.self_attn.in_proj_bias<0:${start}+4>[2,2]@1/0${sign}`;
    expect(s.found.linear.map(describeFound)).toEqual([
      `linear 2 x2: ${part(0, "+")} ${part(4, "-")} ${bias(0, "+")} ${bias(4, "-")}`,
      `linear 2 x2: ${part(8, "+")} ${bias(8, "+")} p.layer.self_attn.out_proj.weight[4,2,2]@2/1-`,
    ]);
    expectKept(s);
  });
});
