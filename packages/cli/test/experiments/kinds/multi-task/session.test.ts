import { expect, it } from "vitest";
import { multiTaskKind } from "../../../../src/experiments/kinds/multi-task/multi-task.js";
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

it.each([
  ["lgZero", "random"],
  ["lgZero", { search: "nullSpace" }],
  ["random", { search: "levelSet" }],
])("is none where the control %s of COST has a move of its own: %j", (control, move) => {
  const settings = {
    problem: { name: "toy" },
    method: { name: "upGrad" },
    steps: 1,
    cost: { control, move },
  };
  expect(() => multiTaskKind.run(settings, {} as never)).toThrow(
    `cost: the control ${control} is for the adapter alone: leave out move.`,
  );
});
