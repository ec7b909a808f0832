// Files and numbers of PyTorch: bench/torch/golden_onnx.py.

import type { BatchTensors, ImportedModel, NdArray, TensorsOf } from "isoloss";
import { createTeleporter, grad, jit, symmetriesOf } from "isoloss";
import { createRng } from "isoloss/data";
import { mseLoss } from "isoloss/nn";
import { mul, sum } from "isoloss/ops";
import { expectClose, fromGolden, type GoldenArray, readGolden } from "isoloss-test-support/nn/support";
import {
  describeFound,
  expectKept,
  listing,
  randomized,
  subject,
} from "isoloss-test-support/symmetry/discovery/support";
import { describe, expect, it } from "vitest";
import { fromOnnx } from "../../src/import/from-onnx.js";

interface GoldenFile {
  name: string;
  file: string;
  input: GoldenArray;
  output: GoldenArray;
  weights: GoldenArray;
  gradients: Record<string, GoldenArray>;
}

type Params = TensorsOf<ImportedModel["params"]>;

const { models } = readGolden<{ models: GoldenFile[] }>("onnx-models.json");
const golden = (name: string) => models.find((m) => m.name === name) as GoldenFile;
const read = (name: string) =>
  fromOnnx(Uint8Array.from(Buffer.from(golden(name).file, "base64")), { dtype: "float64" });

describe.each(models)("PyTorch's export of the $name", ({ name, input, output, weights, gradients }) => {
  const model = read(name);

  it("has the module's parameters under their names, and no statistics among them", () => {
    expect(Object.keys(model.params)).toEqual(Object.keys(gradients));
    expect(model.inputs.map(({ name, shape }) => [name, shape?.[0]])).toEqual([["x", "batch"]]);
    expect(model.outputs).toEqual(["y"]);
  });

  it("gives the module's output and gradients, on a batch of another size than that of the export", async () => {
    const batch = { x: fromGolden(input), w: fromGolden(weights) };
    const apply = (p: Params, { x }: BatchTensors) => model.apply(p, { x }).y;
    const weighted = (p: Params, b: BatchTensors) => sum(mul(apply(p, b), b.w));
    const run = await jit(
      (p: Params, b: BatchTensors) => ({ y: apply(p, b), g: grad((q: Params) => weighted(q, b))(p) }),
      [model.params, batch as Readonly<Record<string, NdArray>>],
    );
    const { y, g } = await run(model.params, batch);
    // Constants of the files, such as epsilon and the square root of 2, are rounded to float32.
    expectClose(y, output, 1e-7);
    for (const [path, value] of Object.entries(gradients)) expectClose(g[path], value, 1e-6);
  });
});

/** The mean squared error of an imported model at parameters without structure, as discovery's tests take it. */
function errorOf(name: string) {
  const model = read(name);
  const { input, weights } = golden(name);
  const loss = (p: Params, { x, y }: BatchTensors) => mseLoss(model.apply(p, { x }).y, y);
  const params = randomized(model.params, createRng(3));
  return { loss, params, batch: { x: fromGolden(input), y: fromGolden(weights) } };
}

describe("the symmetries of an imported model", () => {
  it("of a perceptron are a scaling, a flip and permutations, as of the same network written here", () => {
    const { loss, params, batch } = errorOf("perceptron");
    const s = subject(loss, params, batch);
    expect(listing(s.found)).toEqual([
      "scaling 6: p.0.weight[6,5]@0^1 p.0.bias[6]@0^1 p.2.weight[4,6]@1^-1",
      "sign 4: p.2.weight[4,6]@0 p.4.weight[3,4]@1",
      "permutation 6: p.0.weight[6,5]@0 p.0.bias[6]@0 p.2.weight[4,6]@1",
      "permutation 4: p.2.weight[4,6]@0 p.4.weight[3,4]@1",
    ]);
    expectKept(s);
    expect(s.found.bijections.map(({ activation, weight }) => [activation, weight.path])).toEqual([
      ["leakyRelu", "p.0.weight"],
      ["tanh", "p.2.weight"],
    ]);
  });

  it("of a convnet are scalings through batch normalization, pooling and the residual block", () => {
    const { loss, params, batch } = errorOf("convolutional");
    const s = subject(loss, params, batch);
    const block = "p.3.inner";
    const [reads, adds] = [
      `${block}.0.weight[4,4,3,3]@1^-1`,
      `${block}.3.weight[4,4,3,3]@0^1 ${block}.3.bias[4]@0^1`,
    ];
    expect(s.found.scalings.map(describeFound)).toEqual([
      `scaling 4: p.1.weight[4]@0^1 p.1.bias[4]@0^1 ${reads} ${adds} p.5.weight[6,4,2,2]@1^-1`,
      `scaling 4: ${block}.1.weight[4]@0^1 ${block}.1.bias[4]@0^1 ${block}.3.weight[4,4,3,3]@1^-1`,
      "scaling 6: p.5.weight[6,4,2,2]@0^1 p.5.bias[6]@0^1 p.10.weight[3,6]@1^-1",
    ]);
    expectKept(s);
  });

  it.each(["transformer", "transformer, decomposed"])("of a %s are GL of both pairs of each head", (name) => {
    const { loss, params, batch } = errorOf(name);
    const s = subject(loss, params, batch);
    const [q, k, v] = ["query", "key", "value"].map((part) => `p.0.inner.1.${part}`);
    expect(s.found.linear.map(describeFound)).toEqual([
      `linear 2 x2: ${q}.weight[2,2,4]@1/0+ ${q}.bias[2,2]@1/0+ ${k}.weight[2,2,4]@1/0- ${k}.bias[2,2]@1/0-`,
      `linear 2 x2: ${v}.weight[2,2,4]@1/0+ ${v}.bias[2,2]@1/0+ p.0.inner.1.out.weight[4,2,2]@2/1-`,
    ]);
    expectKept(s);
  });

  it("carry a teleport that keeps the loss", async () => {
    const { loss, params, batch } = errorOf("perceptron");
    const { scaling, hidden } = symmetriesOf(loss, params, batch);
    for (const symmetry of [scaling, hidden]) {
      if (symmetry === undefined) throw new Error("not found");
      const teleporter = await createTeleporter({ symmetry, loss, params, batch });
      const { report } = await teleporter.teleport(params, batch);
      await teleporter.dispose();
      expect(report.accepted, report.reason).toBe(true);
      expect(report.drift).toBeLessThan(1e-10);
      expect(report.gradNormSqAfter).toBeGreaterThan(report.gradNormSqBefore);
    }
  });
});
