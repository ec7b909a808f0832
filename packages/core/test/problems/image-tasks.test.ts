import { describe, expect, it } from "vitest";
import { linearScalarization } from "../../src/mtl/methods/linear-scalarization.js";
import { createMultiTaskTrainer } from "../../src/mtl/train/trainer.js";
import { adam } from "../../src/optim/adam.js";
import { fashionAttributes, fashionDigits, multiFashion } from "../../src/problems/image-tasks.js";
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
