// Teleports in the middle of a training run: to another point of the same loss and a larger gradient.
import {
  createTeleporter,
  createTrainer,
  crossEntropy,
  digits,
  mlp,
  positiveScaling,
  sgd,
  takeRows,
} from "isoloss";

const { images, labels } = digits();
const data = { inputs: images, labels };
const model = mlp({ sizes: [64, 32, 10] });
const learningRate = 0.1;
const trainer = await createTrainer({ model, data, optimizer: sgd(), learningRate, batchSize: 64 });
const batchAt = (step) => {
  const rows = trainer.batchOf(step);
  return { x: takeRows(images, rows), y: takeRows(labels, rows) };
};

const { params } = trainer.current;
const teleporter = await createTeleporter({
  symmetry: positiveScaling(params),
  loss: (p, { x, y }) => crossEntropy(model.apply(p, x).output, y),
  params,
  batch: batchAt(0),
  // A larger gradient comes with a larger curvature: keep the new point only if descent gets further from it.
  guard: { race: { learningRate } },
});

for (let k = 0; k < 3; k++) {
  await trainer.run({ steps: 50 });
  const { step } = trainer.current;
  const { params, report } = await teleporter.teleport(trainer.current.params, batchAt(step), {
    heldOut: batchAt(step + 1),
  });
  // The same object when nothing was moved. SGD has no state that would have to move along.
  trainer.restore({ ...trainer.current, params });
  const { lossBefore, drift, gradNormSqBefore, gradNormSqAfter, accepted, reason } = report;
  console.log(`step ${step}: loss ${lossBefore.toFixed(4)}, relative drift ${drift.toExponential(1)}`);
  console.log(`  ||grad L||^2 ${gradNormSqBefore.toPrecision(4)} -> ${gradNormSqAfter.toPrecision(4)}`);
  console.log(`  ${accepted ? "moved" : "not moved"}: ${reason}`);
}
await teleporter.dispose();
await trainer.dispose();
