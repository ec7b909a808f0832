// A classifier of handwritten digits: 1797 images of 8 x 8 pixels come with the library.
import { adam, createTrainer, digits, mlp, takeRows } from "isoloss";
import { split } from "isoloss/data";
import { cosineSchedule } from "isoloss/optim";

const { images, labels } = digits();
const part = (rows) => ({ inputs: takeRows(images, rows), labels: takeRows(labels, rows) });
const [train, test] = split(images.shape[0], [0.8, 0.2], 0).map(part);

const trainer = await createTrainer({
  model: mlp({ sizes: [64, 32, 10] }),
  data: train,
  optimizer: adam(),
  learningRate: cosineSchedule(0.01, { steps: 600 }),
  batchSize: 32,
  seed: 0,
});
await trainer.run({
  steps: 600,
  reportEvery: 200,
  onProgress: ({ step, loss }) => console.log(`step ${step}: training loss ${loss.toFixed(3)}`),
});
const { loss, accuracy } = await trainer.evaluate(test);
console.log(`test loss ${loss.toFixed(3)}, accuracy ${(100 * accuracy).toFixed(1)} %`);
await trainer.dispose();
