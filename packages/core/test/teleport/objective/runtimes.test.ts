import { describe, expect, it } from "vitest";
import { astype, isNdArray, item, type NdArray } from "../../../src/array.js";
import type { Batch, BatchLoss } from "../../../src/batch.js";
import { valueAndGrad } from "../../../src/graph/autodiff.js";
import { type TensorsOf, trace } from "../../../src/graph/trace.js";
import { adam } from "../../../src/optim/adam.js";
import { compile } from "../../../src/runtime/compile.js";
import { decrease } from "../../../src/teleport/objective/decrease.js";
import { gradNormSqOf } from "../../../src/teleport/objective/grad-norm-sq-of.js";
import { modelDecrease } from "../../../src/teleport/objective/model-decrease.js";
import { gradNormSq, type Objective } from "../../../src/teleport/objective/objective.js";
import { orbitCurvature } from "../../../src/teleport/objective/orbit-curvature.js";
import { sharpness } from "../../../src/teleport/objective/sharpness.js";
import { flatten, namedArrays, unflatten } from "../../../src/tree.js";
import { batchOf, productLoss, toy, toyScaling } from "../toy.js";
import { net, netBatch, netLoss } from "./support.js";

const rows: [string, Objective][] = [
  ["gradNormSq", gradNormSq],
  ["gradNormSqOf", gradNormSqOf(["first"])],
  ["modelDecrease", modelDecrease],
  ["decrease", decrease({ learningRate: 0.01, steps: 2 })],
  ["decrease with Adam", decrease({ learningRate: 0.01, optimizer: adam() })],
  ["sharpness", sharpness({ samples: 2 })],
  ["sharpness by tensor", sharpness({ samples: 2, scale: "tensor" })],
];

const single = <P>(tree: P): P => {
  const { leaves, def } = flatten<NdArray>(tree, isNdArray);
  return unflatten(
    def,
    leaves.map((leaf) => astype(leaf, "float32")),
  ) as P;
};

/** Value and gradient in one vector. */
async function numbersIn<P, B extends Batch>(
  runtime: "javascript" | "onnx",
  objective: Objective,
  loss: BatchLoss<P, B>,
  params: P,
  batch: B,
): Promise<number[]> {
  const value = objective(loss);
  const { graph } = trace(
    ({ params: p, batch: b }) => {
      const [result, gradient] = valueAndGrad((q: TensorsOf<P>) => value(q, b))(p);
      return { result, gradient };
    },
    { params, batch },
  );
  const executable = await compile(graph, { runtime });
  const { result, ...gradient } = await executable.run(namedArrays({ params, batch }));
  await executable.dispose();
  return [item(result), ...Object.values(gradient).flatMap(({ data }) => Array.from(data, Number))];
}

const farthest = (a: readonly number[], b: readonly number[]): number => {
  const scale = Math.max(...b.map(Math.abs));
  return Math.max(...a.map((x, i) => Math.abs(x - b[i]) / scale));
};

describe("an objective", () => {
  it.each(rows)(
    "has one value and gradient in both runtimes and both precisions: %s",
    async (_, objective) => {
      const exact = await numbersIn("javascript", objective, netLoss, net, netBatch);
      expect(exact.every(Number.isFinite)).toBe(true);
      const onnx = await numbersIn("onnx", objective, netLoss, net, netBatch);
      expect(farthest(onnx, exact)).toBeLessThan(1e-11);
      for (const runtime of ["javascript", "onnx"] as const) {
        const rounded = await numbersIn(runtime, objective, netLoss, single(net), single(netBatch));
        expect(farthest(rounded, exact)).toBeLessThan(1e-3);
      }
    },
  );

  it("has one value and gradient in both runtimes and both precisions: orbitCurvature", async () => {
    const [objective, params, batch] = [orbitCurvature(toyScaling()), toy(3, 0.5), batchOf(1, 2)];
    const exact = await numbersIn("javascript", objective, productLoss, params, batch);
    expect(farthest(await numbersIn("onnx", objective, productLoss, params, batch), exact)).toBeLessThan(
      1e-12,
    );
    const rounded = await numbersIn("onnx", objective, productLoss, single(params), single(batch));
    expect(farthest(rounded, exact)).toBeLessThan(1e-5);
  });
});
