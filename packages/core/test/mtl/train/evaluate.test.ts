import { describe, expect, it } from "vitest";
import { ndarray } from "../../../src/array.js";
import { OptionError, ShapeError } from "../../../src/errors.js";
import { cast } from "../../../src/graph/ops/arithmetic.js";
import { mean, sum } from "../../../src/graph/ops/reduce.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { accuracy, multiTaskEvaluator, taskValues } from "../../../src/mtl/train/evaluate.js";
import { dropout } from "../../../src/nn/dropout.js";
import { linear } from "../../../src/nn/linear.js";
import { crossEntropy } from "../../../src/nn/losses/cross-entropy.js";
import { mseLoss } from "../../../src/nn/losses/mse.js";
import { randomArray } from "../gradients/networks.js";

const params = { shared: { weight: randomArray([3, 4], 1) } };
const n = 1203;
const x = randomArray([n, 4], 2);
const labels = ndarray(
  BigInt64Array.from({ length: n }, (_, i) => BigInt(i % 3)),
  [n],
);
const targets = randomArray([n, 3], 3);
const known = ndarray(
  Uint8Array.from({ length: n }, (_, i) => (i % 5 === 0 || i > 1000 ? 0 : 1)),
  [n, 1],
);

/** Logits by a plain loop. */
const logits = (i: number) =>
  [0, 1, 2].map((o) => {
    let y = 0;
    for (let k = 0; k < 4; k++) y += Number(params.shared.weight.data[4 * o + k]) * Number(x.data[4 * i + k]);
    return y;
  });

describe("evaluating several tasks", () => {
  const evaluator = multiTaskEvaluator<typeof params>({
    losses: ({ shared }, batch, { training, seed }) => {
      const y = dropout(linear(batch.x, shared), { rate: 0.5, stream: 0, training, seed });
      return [crossEntropy(y, batch.labels), mseLoss(y, batch.targets)];
    },
    metrics: ({ shared }, batch) => {
      const y = linear(batch.x, shared);
      const present = cast(batch.known, "float64");
      return {
        accuracy: accuracy(y, batch.labels),
        "known error": { mean: mseLoss(y, batch.targets, { mask: batch.known }), weight: sum(present) },
      };
    },
    params,
    dtype: "float64",
  });

  it("takes means over all examples, in evaluation mode, whatever the batches", async () => {
    let [entropy, error, hits, knownError, count] = [0, 0, 0, 0, 0];
    for (let i = 0; i < n; i++) {
      const y = logits(i);
      const label = i % 3;
      entropy += Math.log(y.reduce((s, v) => s + Math.exp(v), 0)) - y[label];
      const own = y.reduce((s, v, o) => s + (v - Number(targets.data[3 * i + o])) ** 2, 0) / 3;
      error += own;
      hits += y.indexOf(Math.max(...y)) === label ? 1 : 0;
      if (known.data[i]) {
        knownError += own;
        count++;
      }
    }
    const { losses, metrics } = await evaluator.evaluate(params, { x, labels, targets, known });
    expect([...losses]).toEqual([expect.closeTo(entropy / n, 10), expect.closeTo(error / n, 10)]);
    expect(metrics.accuracy).toBeCloseTo(hits / n, 12);
    expect(metrics["known error"]).toBeCloseTo(knownError / count, 10);
  });

  it("evaluates other data after that", async () => {
    const few = ndarray(x.data.slice(0, 8) as Float64Array, [2, 4]);
    const two = { x: few, labels: ndarray(BigInt64Array.of(0n, 1n), [2]), targets: randomArray([2, 3], 3) };
    const { losses } = await evaluator.evaluate(params, {
      ...two,
      known: ndarray(Uint8Array.of(1, 1), [2, 1]),
    });
    const want = [0, 1].map((i) => Math.log(logits(i).reduce((s, v) => s + Math.exp(v), 0)) - logits(i)[i]);
    expect(losses[0]).toBeCloseTo((want[0] + want[1]) / 2, 10);
  });

  it.each([
    [{ a: 5 }, ShapeError, /The metric "a" must be one number .* got 5\./],
    [{ a: null }, ShapeError, /The metric "a" must .* got null\./],
    [{ a: "x" }, ShapeError, /The metric "a" must .* got "x"\./],
    [undefined, OptionError, /The option metrics must return an object .* got undefined\./],
    ["rows", ShapeError, /The metric "a" must .* got a tensor float64\[1203, 4\]\. Reduce it with mean\./],
    ["weights", ShapeError, /The metric "a" must .* got an object with mean, weight\./],
  ])("refuses metrics that are no scalars: %j", async (given, type, message) => {
    const metrics = (_: unknown, batch: Readonly<Record<string, Tensor>>) => {
      if (given === "rows") return { a: batch.x };
      return given === "weights" ? { a: { mean: mean(batch.x), weight: batch.x } } : given;
    };
    const own = multiTaskEvaluator<typeof params>({
      losses: ({ shared }, batch) => [mean(linear(batch.x, shared))],
      metrics: metrics as never,
      params,
      dtype: "float64",
    });
    const attempt = own.evaluate(params, { x }, { batchSize: n });
    await expect(attempt).rejects.toThrow(type);
    await expect(attempt).rejects.toThrow(message);
  });
});

it.each(["loss", "left.loss", "left.f1"])("a metric of the trainer cannot be named %s", (name) => {
  const measured = (metrics: object) =>
    taskValues({ losses: Float64Array.of(1, 3), metrics: { ...metrics }, tasks: { left: { f1: 5 } } }, [
      "left",
      "right",
    ]);
  expect(measured({ own: 4 })).toEqual({ loss: 2, "left.loss": 1, "right.loss": 3, own: 4, "left.f1": 5 });
  expect(() => measured({ [name]: 4 })).toThrow(`"${name}" is measured anyway`);
});
