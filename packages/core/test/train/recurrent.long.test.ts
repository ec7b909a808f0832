// Training and teleports of a model with a loop inside.
import { expect, it } from "vitest";
import { astype } from "../../src/array.js";
import { scan } from "../../src/graph/control/scan.js";
import { relu } from "../../src/graph/ops/activation.js";
import { add, mul } from "../../src/graph/ops/arithmetic.js";
import { tanh } from "../../src/graph/ops/elementary.js";
import { constant } from "../../src/graph/ops/leaf.js";
import { sum } from "../../src/graph/ops/reduce.js";
import { reshape, transpose } from "../../src/graph/ops/reshape.js";
import type { Tensor } from "../../src/graph/tensor.js";
import type { TensorsOf } from "../../src/graph/trace.js";
import { dropout } from "../../src/nn/dropout.js";
import { initLinear, type LinearParams, linear } from "../../src/nn/linear.js";
import { crossEntropy } from "../../src/nn/losses/cross-entropy.js";
import type { Model } from "../../src/nn/model.js";
import { adam } from "../../src/optim/adam.js";
import { symmetriesOf } from "../../src/symmetry/symmetries-of.js";
import type { Symmetry } from "../../src/symmetry/symmetry.js";
import { every } from "../../src/teleport/when.js";
import { decodeCheckpoint, encodeCheckpoint, resume } from "../../src/train/checkpoint.js";
import { createTrainer } from "../../src/train/trainer.js";
import { distance, elements, someDigits } from "./support.js";

const data = someDigits(0, 60);

interface Params {
  readonly input: LinearParams;
  readonly hidden: LinearParams;
  readonly wide: LinearParams;
  readonly last: LinearParams;
}

/** Reads the rows of an image one after the other, each step with dropout of its own; then a perceptron. */
const recurrentNet: Model<Params> = {
  init(rng, { dtype = "float32" } = {}) {
    const layer = (inputs: number, outputs: number) =>
      initLinear(rng, inputs, outputs, { bias: true, dtype });
    const params = { input: layer(8, 6), hidden: layer(6, 6), wide: layer(6, 9), last: layer(9, 10) };
    return { params, state: {} };
  },
  apply({ input, hidden, wide, last }, x, { training = false, seed = constant(0, "int64"), state }) {
    const rows = transpose(reshape(x, [x.shape[0], 8, 8]), [1, 0, 2]);
    const parts = linear(rows, input);
    const start = { h: mul(0, sum(parts, { axes: [0] })), seed };
    const [{ h }] = scan(
      ({ h: before, seed: now }: typeof start, part: Tensor): [typeof start, Tensor[]] => {
        const after = tanh(add(part, linear(before, hidden)));
        const h = dropout(after, { rate: 0.2, stream: 0, training, seed: now });
        return [{ h, seed: add(now, 1000) }, []];
      },
      start,
      parts,
    );
    return { output: linear(relu(linear(h, wide)), last), state };
  },
};

function scalingOf(params: Params): Symmetry<Params> {
  const { inputs, labels } = data;
  const loss = (p: TensorsOf<Params>, { x, y }: { x: Tensor; y: Tensor }) =>
    crossEntropy(recurrentNet.apply(p, x, { state: {} }).output, y);
  const { scaling } = symmetriesOf(loss, params, { x: astype(inputs, "float64"), y: labels });
  if (!scaling) throw new Error("no scaling found");
  return scaling;
}

const trainer = (runtime: "javascript" | "onnx") =>
  createTrainer({
    model: recurrentNet,
    data,
    optimizer: adam(),
    learningRate: 0.03,
    batchSize: 10,
    dtype: "float64",
    runtime,
    gradNorm: true,
    teleport: { when: every(7), symmetry: scalingOf, state: "push" },
  });

it("gives the same bits after a checkpoint, and equal numbers on both runtimes", async () => {
  const whole = await trainer("javascript");
  await whole.run({ steps: 16, reportEvery: 16 });
  const { loss, teleports } = whole.history;
  expect(loss[15]).toBeLessThan(loss[0]);
  expect(teleports.map(({ step }) => step)).toEqual([7, 14]);
  for (const event of teleports) {
    expect(event).toMatchObject({ accepted: true });
    expect(loss[event.step]).toBeCloseTo(event.lossAfter, 12);
  }
  const cut = await trainer("javascript");
  await cut.run({ steps: 9 });
  const resumed = await trainer("javascript");
  resume(resumed, decodeCheckpoint(encodeCheckpoint(cut)));
  await resumed.run({ steps: 7, reportEvery: 4 });
  expect(elements(resumed.current)).toEqual(elements(whole.current));
  const other = await trainer("onnx");
  await other.run({ steps: 16 });
  expect(distance(other.current, whole.current)).toBeLessThan(1e-8);
  for (const each of [whole, cut, resumed, other]) await each.dispose();
});
