// A training loop of your own: one compiled step, mini-batches, and a teleport every 40 steps that transforms Adam's moments, too.
import {
  adam,
  array,
  createTeleporter,
  crossEntropy,
  digits,
  item,
  jit,
  mlp,
  positiveScaling,
  spec,
  takeRows,
  torchGenerator,
  valueAndGrad,
} from "isoloss";
import { batches } from "isoloss/data";
import { createTransport } from "isoloss/teleport";

const { images, labels } = digits();
const model = mlp({ sizes: [64, 32, 10] });
const loss = (p, { x, y }) => crossEntropy(model.apply(p, x).output, y);
const optimizer = adam();
const rate = array(3e-3);

let { params } = model.init(torchGenerator(0));
let state = optimizer.init(params);
const perEpoch = Math.floor(images.shape[0] / 64);
// Each epoch has another order: with one for all, the losses of the batches repeat as a sawtooth.
const batchAt = (t) => {
  const rows = batches(images.shape[0], 64, { seed: 0, epoch: Math.floor(t / perEpoch) })[t % perEpoch];
  return { x: takeRows(images, rows), y: takeRows(labels, rows) };
};

// Shapes are fixed when the step is compiled; values are given at every call.
const step = await jit(
  (p, s, batch, eta) => {
    const [value, g] = valueAndGrad(loss)(p, batch);
    return { loss: value, ...optimizer.update(g, s, p, eta) };
  },
  [params, state, batchAt(0), spec([])],
);

const common = { loss, params, batch: batchAt(0) };
// The guard rejects what changes the loss; in example 03 it also compares descents from both points.
const teleporter = await createTeleporter({ ...common, symmetry: positiveScaling(params) });
// Moments transform as gradients do.
const transport = await createTransport({ ...common, policy: "push", optimizer });

for (let t = 0; t < 120; t++) {
  if (t > 0 && t % 40 === 0) {
    const batch = batchAt(t);
    const moved = await teleporter.teleport(params, batch, { heldOut: batchAt(t + 1) });
    const { accepted, drift, gradNormSqBefore, gradNormSqAfter } = moved.report;
    const gain = (gradNormSqAfter / gradNormSqBefore).toFixed(2);
    console.log(
      `step ${t}: ${accepted ? "moved" : "stayed"}, ||grad L||^2 times ${gain}, drift below 1e-4: ${drift < 1e-4}`,
    );
    if (accepted) {
      ({ state } = await transport.transport({ from: params, state, batch, moved }));
      params = moved.params;
    }
  }
  const result = await step(params, state, batchAt(t), rate);
  ({ params, state } = result);
  if (t === 0 || t === 119) console.log(`step ${t}: loss ${item(result.loss).toFixed(3)}`);
}
for (const each of [step, teleporter, transport]) await each.dispose();
