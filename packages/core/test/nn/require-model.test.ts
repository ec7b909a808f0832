import { segnet } from "isoloss-benchmarks";
import { fromOnnx, trainable } from "isoloss-onnx";
import { describe, expect, it } from "vitest";
import { array } from "../../src/array.js";
import { OptionError } from "../../src/errors.js";
import { matmul } from "../../src/graph/ops/matmul.js";
import { trace } from "../../src/graph/trace.js";
import { type Mt19937, torchRand, torchRandn } from "../../src/math/mt19937.js";
import { createRng } from "../../src/math/rng.js";
import { initMultiHeadAttention } from "../../src/nn/attention.js";
import { initConv2d } from "../../src/nn/conv.js";
import { initEmbedding } from "../../src/nn/embedding.js";
import { kaimingNormal, kaimingUniform, normal, uniform, xavierNormal } from "../../src/nn/initializers.js";
import { initLinear } from "../../src/nn/linear.js";
import type { ImportedModel } from "../../src/nn/model.js";
import { convnet } from "../../src/nn/models/convnet.js";
import { lenet } from "../../src/nn/models/lenet.js";
import { mlp } from "../../src/nn/models/mlp.js";
import { multiLenet } from "../../src/nn/models/multi-lenet.js";
import { multiMlp } from "../../src/nn/models/multi-mlp.js";
import { patchTransformer } from "../../src/nn/models/patch-transformer.js";
import { resnet18 } from "../../src/nn/models/resnet18.js";
import { vgg6 } from "../../src/nn/models/vgg6.js";
import { sgd } from "../../src/optim/sgd.js";
import { toOnnx } from "../../src/runtime/onnx/export.js";
import { createTrainer } from "../../src/train/trainer.js";
import { someDigits } from "../train/support.js";

const data = someDigits(0, 20);
const made = (model: unknown) =>
  createTrainer({ model: model as never, data, optimizer: sgd(), learningRate: 0.1, runtime: "javascript" });

function imported(): ImportedModel {
  const w = array(Array.from({ length: 64 }, (_, i) => Array.from({ length: 10 }, (__, j) => (i - j) / 100)));
  const { graph } = trace(({ image, weight }) => ({ logits: matmul(image, weight) }), {
    image: data.inputs,
    weight: w,
  });
  return fromOnnx(toOnnx(graph, { constants: { weight: w } }));
}

describe("what is no model", () => {
  it.each<[string, unknown, string]>([
    ["a function", mlp, "got a function. Call it."],
    ["a promise", Promise.resolve(mlp({ sizes: [64, 10] })), "got a promise. Write await before it."],
    ["a name", "mlp", "got string."],
    [
      "a model without init",
      { apply: () => 0 },
      "got an object with apply. A model has init(rng, { dtype }) and apply(params, x, context).",
    ],
    ["an imported model", imported(), "got an imported model. Write trainable(imported)."],
  ])("is refused with what to write: %s", async (_, model, message) => {
    await expect(made(model)).rejects.toThrow(OptionError);
    await expect(made(model)).rejects.toThrow(
      `createTrainer: model must be one such as mlp({ sizes }); ${message}`,
    );
  });

  it("becomes one as the message says, of an imported model", async () => {
    const from = imported();
    const trainer = await made(trainable(from));
    await trainer.run({ steps: 2 });
    expect(trainer.history.loss[1]).toBeLessThan(trainer.history.loss[0]);
  });
});

describe("a number in the place of a generator", () => {
  const heads = { a: 2, b: 2 };
  it.each<[string, (rng: Mt19937) => unknown]>([
    ...Object.entries({
      mlp: mlp({ sizes: [4, 2] }),
      lenet: lenet(),
      convnet: convnet(),
      vgg6: vgg6(),
      resnet18: resnet18(),
      patchTransformer: patchTransformer(),
      multiMlp: multiMlp({ sizes: [4, 3], heads }),
      multiLenet: multiLenet({ heads }),
      segnet: segnet(),
    }).map(([name, model]): [string, (rng: Mt19937) => unknown] => [name, (rng) => model.init(rng)]),
    ["initLinear", (rng) => initLinear(rng, 2, 2)],
    ["initConv2d", (rng) => initConv2d(rng, 1, 1, 3)],
    ["initEmbedding", (rng) => initEmbedding(rng, 3, 2)],
    ["initMultiHeadAttention", (rng) => initMultiHeadAttention(rng, 4)],
    ["uniform", (rng) => uniform(rng, [2])],
    ["normal", (rng) => normal(rng, [2])],
    ["kaimingUniform", (rng) => kaimingUniform(rng, [2, 2])],
    ["kaimingNormal", (rng) => kaimingNormal(rng, [2, 2])],
    ["xavierNormal", (rng) => xavierNormal(rng, [2, 2])],
    ["torchRand", (rng) => torchRand(rng, [2])],
    ["torchRandn", (rng) => torchRandn(rng, [2])],
  ])("is answered by %s with how to make one", (_, draw) => {
    expect(() => draw(0 as never)).toThrow(OptionError);
    expect(() => draw(0 as never)).toThrow("init takes a generator: model.init(torchGenerator(0)); got 0.");
    expect(() => draw(7 as never)).toThrow("init takes a generator: model.init(torchGenerator(7)); got 7.");
    expect(() => draw(undefined as never)).toThrow("torchGenerator(0)); got undefined.");
    expect(() => draw(createRng(0) as never)).toThrow("got another object.");
  });
});
