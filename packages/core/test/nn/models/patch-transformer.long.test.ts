import { describe, expect, it } from "vitest";
import { split, takeRows } from "../../../src/data/batches.js";
import { digits } from "../../../src/data/digits.js";
import { patchTransformer } from "../../../src/nn/models/patch-transformer.js";
import { adam } from "../../../src/optim/adam.js";
import { cosineSchedule } from "../../../src/optim/schedules.js";
import { createTrainer } from "../../../src/train/trainer.js";

describe("patchTransformer", () => {
  it.each(["relu", "gelu"] as const)(
    "learns the digits: more than 90 % of the validation images after 25 epochs, with %s",
    async (activation) => {
      const { images, labels } = digits();
      const [training, validation] = split(labels.data.length, [0.8, 0.2], 0).map((rows) => ({
        inputs: takeRows(images, rows),
        labels: takeRows(labels, rows),
      }));
      const [batchSize, epochs] = [64, 25];
      const steps = epochs * Math.floor(training.labels.data.length / batchSize);
      const trainer = await createTrainer({
        model: patchTransformer({
          patch: 2,
          width: 16,
          heads: 2,
          depth: 1,
          activation,
          imageSize: [8, 8],
        }),
        data: training,
        optimizer: adam(),
        learningRate: cosineSchedule(1e-2, { steps }),
        batchSize,
      });
      await trainer.run({ steps });
      const { accuracy } = await trainer.evaluate(validation);
      await trainer.dispose();
      expect(accuracy).toBeGreaterThan(0.9);
    },
  );
});
