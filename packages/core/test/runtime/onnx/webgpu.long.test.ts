import { describe, expect, it } from "vitest";
import { zeros } from "../../../src/array.js";
import type { BatchTensors } from "../../../src/batch.js";
import { grad, valueAndGrad } from "../../../src/graph/autodiff.js";
import { add } from "../../../src/graph/ops/arithmetic.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { spec, trace } from "../../../src/graph/trace.js";
import { torchGenerator, torchRand } from "../../../src/math/mt19937.js";
import { crossEntropy } from "../../../src/nn/losses/cross-entropy.js";
import { convnet } from "../../../src/nn/models/convnet.js";
import { mlp } from "../../../src/nn/models/mlp.js";
import { compile } from "../../../src/runtime/compile.js";
import { gradNormSq } from "../../../src/teleport/objective/objective.js";
import { namedArrays } from "../../../src/tree.js";
import { relativeError } from "../relative-error.js";

const models = {
  mlp: { model: mlp({ sizes: [20, 16, 10], activation: "leakyRelu", slope: 0.1 }), shape: [7, 20] },
  convnet: { model: convnet({ imageSize: [12, 12] }), shape: [4, 1, 12, 12] },
} as const;

/** Loss, gradient and gradient of the squared gradient norm of a model, with its start values as inputs. */
function problem(name: keyof typeof models) {
  const { model, shape } = models[name];
  const rng = torchGenerator(0);
  const { params } = model.init(rng);
  const x = torchRand(rng, shape);
  const y = { shape: [shape[0]], data: BigInt64Array.from({ length: shape[0] }, (_, i) => BigInt(i % 10)) };
  const apply = model.apply as (p: unknown, v: Tensor) => { output: Tensor };
  const loss = (p: unknown, { v, labels }: BatchTensors) => crossEntropy(apply(p, v).output, labels);
  const f = (p: unknown, batch: BatchTensors) => {
    const [value, first] = valueAndGrad(loss)(p, batch);
    return { value, first, second: grad(gradNormSq(loss))(p, batch) };
  };
  const { graph } = trace(({ p, batch }) => f(p, batch), { p: params, batch: { v: x, labels: y } });
  return { graph, inputs: namedArrays({ p: params, batch: { v: x, labels: y } }) };
}

/** Whether one addition runs: a fault in anything larger then fails a test instead of skipping it. */
async function hasWebGpu(): Promise<boolean> {
  try {
    const { graph } = trace(({ v }) => ({ sum: add(v, v) }), { v: spec([4]) });
    const executable = await compile(graph, { provider: "webgpu" });
    await executable.run({ v: zeros([4]) });
    await executable.dispose();
    return true;
  } catch {
    return false;
  }
}

// Needs a GPU or a software Vulkan driver (Debian: mesa-vulkan-drivers).
describe.skipIf(!(await hasWebGpu()))("the WebGPU provider in Node", () => {
  it.each(Object.keys(models) as (keyof typeof models)[])(
    "gives the derivatives of the JavaScript runtime: %s",
    async (name) => {
      const { graph, inputs } = problem(name);
      const expected = await (await compile(graph, { runtime: "javascript" })).run(inputs);
      const executable = await compile(graph, { provider: "webgpu" });
      const actual = await executable.run(inputs);
      await executable.dispose();
      for (const key of Object.keys(expected)) {
        expect(relativeError(expected[key], actual[key]), key).toBeLessThan(5e-6);
      }
    },
  );
});
