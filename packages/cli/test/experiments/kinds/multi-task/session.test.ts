import { expect, it } from "vitest";
import { sessionOf } from "../../../../src/experiments/kinds/multi-task/run.js";

it("gives a method that aligns heads the representation of the problem, unasked", async () => {
  const session = await sessionOf(
    {
      problem: { name: "digitQuestions" },
      method: { name: "consMtl" },
      optimizer: { name: "sgd" },
      learningRate: 0.01,
      batchSize: 16,
      steps: 1,
    } as never,
    0,
  );
  await session.trainer.run({ steps: 1 });
  expect(session.trainer.history.losses[0]).toHaveLength(1);
  await session.dispose();
});
