// Eight questions about each digit, one model: the conflicts between their gradients, and COST on top of FairGrad.
import { adam, createMultiTaskTrainer } from "isoloss";
import { cost, fairGrad } from "isoloss/mtl";
import { digitQuestions } from "isoloss/problems";

const { losses, params, metrics, tasks, train, test } = digitQuestions();
// Looks for conflicts from the second epoch on, and teleports once an epoch at most.
const teleports = cost({ trigger: "weak", schedule: { start: { epoch: 1 }, perEpoch: 1 } });
const trainer = await createMultiTaskTrainer({
  losses,
  params,
  metrics,
  tasks,
  data: train,
  method: fairGrad({ alpha: 2 }),
  optimizer: adam(),
  learningRate: 3e-3,
  batchSize: 128,
  beforeStep: teleports.beforeStep,
});
console.log(`tasks: ${tasks.join(", ")}`);
await trainer.run({ steps: 36 });

const { conflicts, events, losses: curves } = trainer.history;
const percent = (flags) => Math.round((100 * flags.filter(Boolean).length) / flags.length);
console.log(
  `steps with a weak conflict: ${percent(conflicts.weak)} %, a dominated one: ${percent(conflicts.dominated)} %`,
);
for (const { event } of events) {
  const { step, outcome, displacement, drift } = event;
  const moved = `${(100 * displacement).toFixed(1)} % of the parameters, largest drift of a task ${(100 * (drift?.worstRelative ?? 0)).toFixed(1)} %`;
  console.log(`step ${step}: ${outcome}, ${moved}`);
}
console.log(`all losses fell: ${curves.every((curve) => curve.at(-1) < curve[0])}`);
const { metrics: accuracies } = await trainer.evaluate(test);
console.log(`least accuracy on test data: ${(100 * Math.min(...Object.values(accuracies))).toFixed(0)} %`);
await teleports.dispose();
await trainer.dispose();
