import { expect, it } from "vitest";
import { minimaKind } from "../../../../src/experiments/kinds/minima/minima.js";

it("takes no training or test examples for validation examples", async () => {
  const settings = {
    data: { name: "digits", validation: 0, test: 0.2 },
    model: { name: "mlp", sizes: [64, 10] },
    optimizer: { name: "sgd" },
    learningRate: 0.1,
    batchSize: 50,
    epochs: 1,
    models: 2,
  };
  const context = { seed: 0, progress() {}, shouldStop: () => false, checkpointSeconds: 1e9 };
  await expect(minimaKind.run(settings, context)).rejects.toThrow("needs data.validation above 0");
});
