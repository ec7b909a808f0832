import { fromOnnx } from "isoloss-onnx";
import { expectClose } from "isoloss-test-support/nn/support";
import { afterAll, describe, expect, it } from "vitest";
import { array, type NdArray, zeros } from "../../src/array.js";
import { takeRows } from "../../src/data/batches.js";
import { OptionError, RuntimeError, ShapeError } from "../../src/errors.js";
import { cast } from "../../src/graph/ops/arithmetic.js";
import { mean } from "../../src/graph/ops/reduce.js";
import type { Tensor } from "../../src/graph/tensor.js";
import { spec, trace } from "../../src/graph/trace.js";
import { torchGenerator } from "../../src/math/mt19937.js";
import type { StatelessModel } from "../../src/nn/model.js";
import { mlp } from "../../src/nn/models/mlp.js";
import { multiMlp } from "../../src/nn/models/multi-mlp.js";
import { sgd } from "../../src/optim/sgd.js";
import { toOnnx } from "../../src/runtime/onnx/export.js";
import { createPredictor } from "../../src/train/predictor.js";
import { createTrainer } from "../../src/train/trainer.js";
import { namedArrays } from "../../src/tree.js";
import { batchNormNet, numbers, row, someDigits } from "./support.js";

const data = someDigits(0, 40);
const firstRows = (n: number) =>
  takeRows(
    data.inputs,
    Array.from({ length: n }, (_, i) => i),
  );

describe("a trainer's predictions", async () => {
  const trainer = await createTrainer({
    model: batchNormNet(),
    data,
    optimizer: sgd(),
    learningRate: 0.1,
    batchSize: 20,
    evaluationBatchSize: 8,
    runtime: "javascript",
  });
  await trainer.run({ steps: 4 });
  afterAll(() => trainer.dispose());

  it("are those of the examples one by one, for any number of them", async () => {
    const each = await Promise.all(
      Array.from({ length: 21 }, (_, i) => trainer.predict(takeRows(data.inputs, [i]))),
    );
    for (const n of [1, 2, 3, 7, 8, 9, 16, 21]) {
      const { shape, data: logits } = await trainer.predict(firstRows(n));
      expect(shape).toEqual([n, 10]);
      expect([...logits]).toEqual(each.slice(0, n).flatMap(numbers));
    }
  });

  it("agree with the evaluation, and use the running statistics", async () => {
    const logits = await trainer.predict(data.inputs);
    const right = Array.from({ length: 40 }, (_, i) => {
      const scores = row(logits, i);
      return scores.indexOf(Math.max(...scores)) === Number(data.labels.data[i]);
    });
    const { accuracy } = await trainer.evaluate(data);
    expect(right.filter(Boolean).length / 40).toBe(accuracy);
  });

  it("are none for no examples", async () => {
    expect(await trainer.predict(zeros([0, 64]))).toEqual(zeros([0, 10]));
  });

  it("refuse what does not fit", async () => {
    await expect(trainer.predict(zeros([2, 3]))).rejects.toThrow(ShapeError);
    await expect(trainer.predict(zeros([]))).rejects.toThrow("equally many examples along their first axis");
    await expect(trainer.predict([1, 2] as never)).rejects.toThrow(ShapeError);
  });
});

describe("a predictor", () => {
  const model = mlp({ sizes: [64, 6, 10] });
  const trained = model.init(torchGenerator(0));
  /** The model as a file for batches of 5. */
  const bytes = (() => {
    const { graph } = trace(({ p, input }) => ({ logits: model.apply(p, input).output }), {
      p: trained.params,
      input: spec([5, 64]),
    });
    return toOnnx(graph, { constants: namedArrays({ p: trained.params }) });
  })();

  it("of an imported model computes batches of the size that the file fixes", async () => {
    const imported = fromOnnx(bytes);
    expect(imported.inputs[0].shape?.[0]).toBe(5);
    const own = await createPredictor(model, trained, { runtime: "javascript" });
    for (const runtime of ["javascript", "onnx"] as const) {
      const predictor = await createPredictor(imported, undefined, { runtime });
      for (const n of [1, 5, 12]) {
        const { logits } = await predictor.predict({ input: firstRows(n) });
        const expected = await own.predict(firstRows(n));
        expect(logits.shape).toEqual([n, 10]);
        expectClose(logits, expected, 1e-5);
      }
      await predictor.dispose();
    }
  });

  it("of a model with several outputs returns their tree", async () => {
    const heads = multiMlp({ sizes: [64, 4], heads: { left: 2, right: 3 } });
    const params = heads.init(torchGenerator(0));
    const asModel = {
      init: () => ({ params, state: {} }),
      apply: (p: never, x: never) => ({
        output: heads.apply(p, x, { training: false }),
        state: {},
      }),
    };
    const predictor = await createPredictor(
      asModel as never,
      { params, state: {} },
      { runtime: "javascript" },
    );
    const { left, right } = (await predictor.predict(firstRows(3))) as unknown as Record<string, NdArray>;
    expect([left.shape, right.shape]).toEqual([[3, 2], [3, 3]]); // biome-ignore format: shapes
  });

  it("refuses inputs under other names, outputs that are no examples', and calls after its end", async () => {
    const predictor = await createPredictor(fromOnnx(bytes));
    await expect(predictor.predict(firstRows(2) as never)).rejects.toThrow(OptionError);
    await expect(predictor.predict({ x: firstRows(2) })).rejects.toThrow(
      "the model's inputs by name, { input }",
    );
    await predictor.dispose();
    await expect(predictor.predict({ input: firstRows(2) })).rejects.toThrow(RuntimeError);
    const pooled: StatelessModel<{ w: NdArray }> = {
      init: () => ({ params: { w: array([1]) }, state: {} }),
      apply: (_, x) => ({ output: mean(x), state: {} }),
    };
    const summary = await createPredictor(pooled, { params: { w: array([1]) }, state: {} });
    await expect(summary.predict(firstRows(2))).rejects.toThrow("must have them along its first axis");
    const masks = await createPredictor<{ w: NdArray }, Record<string, never>, Tensor>(
      { ...pooled, apply: (_, x) => ({ output: cast(x, "bool"), state: {} }) },
      { params: { w: array([1]) }, state: {} },
    );
    await expect(masks.predict(firstRows(2))).rejects.toThrow(
      "predict: the outputs of a model are floats; this one gives bool",
    );
    await expect(createPredictor(model, undefined as never)).rejects.toThrow(
      "createPredictor(model, trainer.current)",
    );
    await expect(createPredictor(model, trained, { batchSize: 0 })).rejects.toThrow(
      "batchSize must be an integer >= 1",
    );
  });
});
