// Two tasks of one network: which digit an image shows, and how much ink it has. FairGrad weighs their gradients.
import { adam, array, createMultiTaskTrainer, crossEntropy, digits, takeRows, torchGenerator } from "isoloss";
import { split } from "isoloss/data";
import { mae, topK } from "isoloss/metrics";
import { fairGrad } from "isoloss/mtl";
import { mseLoss, multiMlp } from "isoloss/nn";

const { images, labels } = digits();
const ink = Array.from({ length: labels.data.length }, (_, i) => [
  images.data.slice(64 * i, 64 * i + 64).reduce((a, b) => a + b) / 64,
]);
const whole = { x: images, digit: labels, ink: array(ink) };
const [train, validation, test] = split(ink.length, [0.7, 0.15, 0.15], 0).map((rows) =>
  Object.fromEntries(Object.entries(whole).map(([name, values]) => [name, takeRows(values, rows)])),
);

const model = multiMlp({ sizes: [64, 32], heads: { digit: 10, ink: 1 } });
const outputs = (p, batch, context) => {
  const y = model.apply(p, batch.x, context);
  return {
    digit: { output: y.digit, labels: batch.digit },
    ink: { output: y.ink, labels: batch.ink },
  };
};
const trainer = await createMultiTaskTrainer({
  losses: (p, batch, context) => {
    const { digit, ink: mass } = outputs(p, batch, context);
    return [crossEntropy(digit.output, digit.labels), mseLoss(mass.output, mass.labels)];
  },
  outputs,
  params: model.init(torchGenerator(0)),
  data: train,
  method: fairGrad(),
  optimizer: adam(),
  learningRate: 5e-3,
  batchSize: 64,
});
const metrics = { digit: { top1: topK({ k: 1 }) }, ink: { error: mae() } };
await trainer.run({ epochs: 12, validation, metrics, earlyStopping: { metric: "loss", patience: 4 } });
const { tasks } = await trainer.evaluate(test, { metrics });
console.log(`digits: ${(100 * tasks.digit.top1).toFixed(0)} % right`);
const spread = Math.max(...ink.flat()) - Math.min(...ink.flat());
console.log(`ink: off by ${((100 * tasks.ink.error) / spread).toFixed(1)} % of its range`);
await trainer.dispose();
