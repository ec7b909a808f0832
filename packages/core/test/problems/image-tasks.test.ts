import { describe, expect, it } from "vitest";
import { linearScalarization } from "../../src/mtl/methods/linear-scalarization.js";
import { createMultiTaskTrainer } from "../../src/mtl/train/trainer.js";
import { multiLenet } from "../../src/nn/models/multi-lenet.js";
import { adam } from "../../src/optim/adam.js";
import { fashionAttributes, fashionDigits, multiFashion } from "../../src/problems/image-tasks.js";
import { classification, type TaskKind } from "../../src/problems/multi-task.js";
import { clothes, numbers } from "./image-tasks-support.js";

describe("questions about clothing", () => {
  it("are answered by the classes of the items, none asked twice, the same for all seeds", async () => {
    const [problem, other] = [
      fashionAttributes(clothes),
      fashionAttributes(clothes, { seed: 1, dropout: 0 }),
    ];
    expect(problem.tasks).toHaveLength(40);
    expect(new Set(problem.tasks).size).toBe(40);
    expect(other.tasks).toEqual(problem.tasks);
    const overlaid = multiFashion(clothes);
    for (const task of problem.tasks) {
      const [item, ...classes] = task.split("-");
      const labels = numbers(overlaid.train[item]);
      expect(numbers(problem.train[task])).toEqual(labels.map((l) => Number(classes.includes(String(l)))));
    }
    expect(() => fashionAttributes(clothes, { questions: 2000 })).toThrow(/questions <= 1254/);
  });
});

describe("tasks of a problem", () => {
  const { train, test } = multiFashion(clothes);
  const problem = (tasks: Readonly<Record<string, TaskKind>>) =>
    classification("toy", { tasks, train, test, make: (heads) => multiLenet({ heads }) });

  it("are named where the batch has no labels of them", async () => {
    const trainer = createMultiTaskTrainer({
      ...problem({ left: { outputs: 10 }, odd: { outputs: 1 } }),
      data: train,
      method: linearScalarization(),
      optimizer: adam(),
      learningRate: 0.001,
    });
    await expect(trainer).rejects.toThrow(
      'classification: the task "odd" takes traced tensors; got undefined: does the batch',
    );
  });

  it("have no other options than those of their kind", () => {
    expect(() => problem({ left: { outputs: 10, scales: 3 } as never })).toThrow(
      'classification: the task "left" has no option "scales"; it has outputs, scale.',
    );
  });
});

describe("Multi-Fashion", () => {
  it("with one task alone has that head only", async () => {
    const problem = multiFashion(clothes).only("right");
    expect(problem.tasks).toEqual(["right"]);
    const { history } = await createMultiTaskTrainer({
      ...problem,
      data: problem.train,
      method: linearScalarization(),
      optimizer: adam(),
      learningRate: 0.001,
    });
    expect(history.tasks).toEqual(["right"]);
  });
});

describe("Fashion+digits", () => {
  it("shows no digit of the training in the test", () => {
    const problem = fashionDigits(clothes);
    expect(problem.train.x.shape).toEqual([200, 1, 28, 28]);
    expect(problem.test.x.shape).toEqual([50, 1, 28, 28]);
    // The lower right corner is the digit's alone.
    const corner = (x: { data: ArrayLike<number | bigint> }, n: number) => {
      const rows: number[] = [];
      for (let i = 22; i < 27; i++)
        for (let j = 6; j < 26; j++) rows.push(Number(x.data[784 * n + 28 * i + j]));
      return String(rows);
    };
    const seen = new Set(Array.from({ length: 200 }, (_, n) => corner(problem.train.x, n)));
    const common = Array.from({ length: 50 }, (_, n) => corner(problem.test.x, n)).filter((c) => seen.has(c));
    expect(common).toEqual([]);
    expect(new Set(numbers(problem.train.right)).size).toBe(10);
  });
});
