import { describe, expect, it } from "vitest";
import { type NdArray, ndarray } from "../../src/array.js";
import { createRng } from "../../src/math/rng.js";
import { fairGrad } from "../../src/mtl/methods/fair-grad.js";
import { linearScalarization } from "../../src/mtl/methods/linear-scalarization.js";
import { createMultiTaskTrainer } from "../../src/mtl/train/trainer.js";
import { adam } from "../../src/optim/adam.js";
import {
  digitQuestions,
  fashionAttributes,
  fashionDigits,
  multiFashion,
} from "../../src/problems/image-tasks.js";

const numbers = ({ data }: NdArray): number[] => Array.from(data as ArrayLike<number | bigint>, Number);

/** Images that can be told apart: each class lights a row of its own. */
const images = (count: number, seed: number) => {
  const rng = createRng(seed);
  const labels = BigInt64Array.from({ length: count }, (_, i) => BigInt(i % 10));
  const data = new Float32Array(count * 784);
  for (let n = 0; n < count; n++) {
    for (let j = 0; j < 28; j++)
      data[784 * n + 28 * (2 * Number(labels[n]) + 4) + j] = 0.8 + 0.2 * rng.next();
  }
  return { images: ndarray(data, [count, 784]), labels: ndarray(labels, [count]) };
};
const clothes = { train: images(200, 1), test: images(50, 2) };

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
