// A run with teleports that is interrupted and resumes from its checkpoint: the numbers are those of an uninterrupted run.
import { adam, createTrainer, digits, every, mlp, positiveScaling } from "isoloss";
import { loadCheckpoint, saveCheckpoint } from "isoloss/node";

const { images, labels } = digits();
const create = () =>
  createTrainer({
    model: mlp({ sizes: [64, 16, 10] }),
    data: { inputs: images, labels },
    optimizer: adam(),
    learningRate: 3e-3,
    batchSize: 64,
    teleport: { when: every(20), symmetry: positiveScaling, state: "push" },
  });

const whole = await create();
await whole.run({ steps: 60 });

const first = await create();
await first.run({ steps: 30 });
await saveCheckpoint("out/run.safetensors", first);
console.log(`saved after ${first.current.step} steps and ${first.history.teleports.length} teleport`);

// Another process, another day: the same options, then the file.
const second = await create();
await loadCheckpoint("out/run.safetensors", second);
await second.run({ steps: 30 });
const same = whole.history.loss.every((value, t) => value === second.history.loss[t]);
console.log(`went on to step ${second.current.step}; losses equal bit for bit: ${same}`);
for (const trainer of [whole, first, second]) await trainer.dispose();
