import { describe, expect, it } from "vitest";
import { fairGrad } from "../../src/mtl/methods/fair-grad.js";
import { linearScalarization } from "../../src/mtl/methods/linear-scalarization.js";
import { createMultiTaskTrainer } from "../../src/mtl/train/trainer.js";
import { adam } from "../../src/optim/adam.js";
import { digitQuestions, multiFashion } from "../../src/problems/image-tasks.js";
import { clothes, numbers } from "./image-tasks-support.js";

describe("Multi-Fashion", () => {
  it("is learned by two heads of one trunk", async () => {
    const problem = multiFashion(clothes, { dropout: 0, trainCount: 400 });
    const trainer = await createMultiTaskTrainer({
      ...problem,
      data: problem.train,
      method: fairGrad(),
      optimizer: adam(),
      learningRate: 3e-3,
      batchSize: 50,
    });
    expect(trainer.setup.tasks).toEqual(["left", "right"]);
    await trainer.run({ steps: 40 });
    const { losses, metrics } = await trainer.evaluate(problem.test);
    expect(losses[0]).toBeLessThan(Math.log(10) / 2);
    expect(metrics.left).toBeGreaterThan(0.7);
    expect(trainer.current.params.shared.conv1.weight.data).toBeInstanceOf(Float32Array);
    await trainer.dispose();
  });

  it("has ten times the loss on the left and a question on the right when imbalanced", async () => {
    const [plain, imbalanced] = [multiFashion(clothes), multiFashion(clothes, { imbalanced: true })];
    expect(imbalanced.train.x).toEqual(plain.train.x);
    const classes = numbers(plain.train.right);
    expect(numbers(imbalanced.train.right)).toEqual(classes.map((l) => ([5, 7, 9].includes(l) ? 1 : 0)));
    const run = (problem: typeof plain) =>
      createMultiTaskTrainer({
        ...problem,
        data: problem.test,
        method: linearScalarization(),
        optimizer: adam(),
        learningRate: 0,
      });
    const [a, b] = [await run(plain), await run(imbalanced)];
    const [lossA, lossB] = [await a.evaluate(plain.test), await b.evaluate(imbalanced.test)];
    expect(lossB.losses[0] / lossA.losses[0]).toBeCloseTo(10, 0);
    expect(lossB.losses[1]).toBeCloseTo(Math.log(2), 0);
  });
});

describe("questions about digits", () => {
  it("are eight, learned together", async () => {
    const problem = digitQuestions();
    expect(problem.tasks.length).toBe(8);
    expect([problem.train.x.shape[0], problem.test.x.shape[0]]).toEqual([1438, 359]);
    const trainer = await createMultiTaskTrainer({
      ...problem,
      data: problem.train,
      method: linearScalarization(),
      optimizer: adam(),
      learningRate: 3e-3,
      batchSize: 64,
    });
    await trainer.run({ steps: 300 });
    const { metrics } = await trainer.evaluate(problem.test);
    for (const task of problem.tasks) expect(metrics[task], task).toBeGreaterThan(0.93);
    await trainer.dispose();
  });
});
