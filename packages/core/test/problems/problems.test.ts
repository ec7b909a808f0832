import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { array, dtypeOf, item } from "../../src/array.js";
import { OptionError } from "../../src/errors.js";
import { booth } from "../../src/problems/booth.js";
import { curveFit } from "../../src/problems/curve-fit.js";
import { imageClasses } from "../../src/problems/image-classes.js";
import { matrixFactorization } from "../../src/problems/matrix-factorization.js";
import { mlpRegression, mlpRegressionSeeds } from "../../src/problems/mlp-regression.js";
import { vector } from "../../src/problems/problem.js";
import { quadratic } from "../../src/problems/quadratic.js";
import { rosenbrock } from "../../src/problems/rosenbrock.js";
import { rosenbrock2n } from "../../src/problems/rosenbrock-2n.js";
import { jit } from "../../src/runtime/jit.js";
import { descend, measurer, numbers } from "./support.js";

const relative = (a: number, b: number) => Math.abs(a / b - 1);

describe("booth", () => {
  // Gradient descent at rate 0.08, float64.
  it("has the published losses under gradient descent from (5, -5)", async () => {
    const published = [
      144, 64.7424, 38.54536704, 25.815912873983994, 17.948211369895528, 12.612470571026286, 8.88933319977981,
      6.270372465362236, 4.423999026137693, 3.1215009607850766, 2.2025169931315807,
    ];
    const { losses, gradNormSqs } = await descend(booth(), 0.08, 10);
    expect(losses).toHaveLength(published.length);
    losses.forEach((loss, t) => {
      expect(relative(loss, published[t]), `L_${t}`).toBeLessThan(1e-13);
    });
    expect(relative(gradNormSqs[4], 75.02955620283186)).toBeLessThan(1e-13);
  });
});

describe("rosenbrock", () => {
  it("has the published losses under gradient descent from (-1, -1) at rate 0.001", async () => {
    const { losses, end } = await descend(rosenbrock(), 1e-3, 1000);
    expect(losses[0]).toBe(404);
    expect(losses[1]).toBeCloseTo(42.1879149056, 10);
    expect(relative(losses[99], 0.7645973444710297)).toBeLessThan(1e-12);
    expect(relative(losses[100], 0.761726059487506)).toBeLessThan(1e-12);
    expect(relative(losses[1000], 0.11134068265746125)).toBeLessThan(1e-12);
    expect(numbers(end)[0]).toBeCloseTo(0.666707, 6);
    expect(numbers(end)[1]).toBeCloseTo(0.442896, 6);
  });
});

describe("rosenbrock2n", () => {
  it("is the sum of Rosenbrock's function over the pairs, in 20 dimensions by default", async () => {
    expect(rosenbrock2n().start.w.shape).toEqual([20]);
    const two = await measurer(rosenbrock2n({ pairs: 3 }));
    const one = await measurer(rosenbrock());
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: 6, maxLength: 6 }),
        async (w) => {
          let sum = 0;
          for (let i = 0; i < 6; i += 2) sum += (await one(vector([w[i], w[i + 1]]))).loss;
          expect(Math.abs((await two(vector(w))).loss - sum)).toBeLessThanOrEqual(1e-13 * sum);
        },
      ),
    );
  });

  it("takes two numbers a pair", () => {
    expect(() => rosenbrock2n({ pairs: 2, start: [1, 2, 3] })).toThrow(/4 numbers, two a pair; got 3/);
    expect(() => rosenbrock2n({ pairs: 0 })).toThrow(OptionError);
  });
});

describe("quadratic", () => {
  it("is 1/2 w'Aw, with the published loss and gradient of diag(1, 10) at (3, 0.5)", async () => {
    const { loss, gradient, gradNormSq } = await (await measurer(quadratic()))(quadratic().start);
    expect(loss).toBe(5.75);
    expect(numbers(gradient)).toEqual([3, 5]);
    expect(gradNormSq).toBe(34);
    const { losses } = await descend(quadratic(), 0.05, 10);
    expect(losses[10]).toBeCloseTo(1.6131878429, 10);
  });

  it("takes a positive definite matrix and a start of its size", () => {
    expect(() => quadratic({ start: [1, 2, 3] })).toThrow(/start needs 2 numbers/);
    const matrix = array(
      [
        [1, 2],
        [2, 1],
      ],
      "float64",
    );
    expect(() => quadratic({ matrix })).toThrow(/positive definite; its eigenvalues lie between -(1|0.99)/);
  });
});

describe.each([booth(), rosenbrock(), rosenbrock2n(), quadratic()].map((p) => [p.name, p] as const))(
  "%s",
  (_, problem) => {
    it("has its value and no gradient at the optimum", async () => {
      if (problem.optimum === undefined) throw new Error("no optimum");
      const { loss, gradNormSq } = await (await measurer(problem))(problem.optimum.params);
      expect(loss).toBe(problem.optimum.value);
      expect(gradNormSq).toBe(0);
    });

    it("has the gradient of difference quotients", async () => {
      const measure = await measurer(problem);
      const w = numbers(problem.start).map((v, i) => v + 0.1 * i);
      const { gradient } = await measure(vector(w));
      for (const [i, g] of numbers(gradient).entries()) {
        const at = async (h: number) => (await measure(vector(w.map((v, k) => (k === i ? v + h : v))))).loss;
        expect(Math.abs(((await at(1e-5)) - (await at(-1e-5))) / 2e-5 - g)).toBeLessThan(
          1e-5 * (1 + Math.abs(g)),
        );
      }
    });
  },
);

describe("residuals", () => {
  it.each([booth(), rosenbrock(), rosenbrock2n()].map((p) => [p.name, p] as const))(
    "of %s invert and have the loss as their sum of squares",
    async (_, { residuals, loss, start }) => {
      if (residuals === undefined) throw new Error("no residuals");
      const run = (await jit(
        ((p: never) => {
          const u = residuals.residuals(p, {});
          return { u, loss: loss(p, {}), back: residuals.inverse(u, {}) };
        }) as never,
        [start],
      )) as (p: unknown) => Promise<{ u: never; loss: never; back: never }>;
      const w = vector(numbers(start).map((v, i) => v * 0.7 + Math.sin(i)));
      const result = await run(w);
      const squares = Array.from((result.u as { data: Float64Array }).data).reduce((a, v) => a + v * v, 0);
      expect(relative(squares, item(result.loss))).toBeLessThan(1e-14);
      numbers(result.back).forEach((v, i) => {
        expect(v).toBeCloseTo(numbers(w)[i], 12);
      });
    },
  );
});

describe("mlpRegression", () => {
  it("has the paper's five seeds", () => {
    expect(mlpRegressionSeeds).toEqual([0, 12345, 49380, 111105, 197520]);
  });

  it("starts at the published loss of seed 0, with weights drawn as torch.rand draws them", async () => {
    const problem = mlpRegression();
    expect((await (await measurer(problem))(problem.start)).loss).toBeCloseTo(2306.84, 3);
    const { layers } = mlpRegression({ seed: 12345 }).start;
    expect(Array.from(layers[0].weight.data as Float64Array).slice(0, 4)).toEqual([
      0.9817181825637817, 0.8796065449714661, 0.992143452167511, 0.461067259311676,
    ]);
  });

  it("has the shapes of the paper by default, and others on request", () => {
    const shapes = ({ start, batch }: ReturnType<typeof mlpRegression>) => [
      ...start.layers.map(({ weight }) => weight.shape),
      batch.x.shape,
      batch.y.shape,
    ];
    expect(shapes(mlpRegression())).toEqual([
      [6, 5],
      [7, 6],
      [8, 7],
      [4, 5],
      [4, 8],
    ]);
    expect(shapes(mlpRegression({ sizes: [2, 3, 1], samples: 2 }))).toEqual([
      [3, 2],
      [1, 3],
      [2, 2],
      [2, 1],
    ]);
    expect(dtypeOf(mlpRegression({ dtype: "float32" }).batch.y)).toBe("float32");
    expect(() => mlpRegression({ samples: 0 })).toThrow(OptionError);
  });

  it("has a symmetry that acts on its start", async () => {
    const { start, batch, symmetry } = mlpRegression();
    const group = symmetry();
    const T = group.algebra.map((shape) => ({
      shape,
      data: new Float64Array(shape[0] * shape[1]).fill(0.01),
    }));
    const moved = await group.act(start, T, batch);
    expect(moved).not.toHaveProperty("refused");
    expect(moved).not.toEqual(start);
  });
});

describe("starts that are drawn", () => {
  it("lie within the spread about the start, and differ by the seed", () => {
    const start = (seed: number) => numbers(rosenbrock({ spread: 0.5, seed }).start);
    expect(start(1)).not.toEqual(start(2));
    expect(start(1)).toEqual(start(1));
    for (const x of [...start(1), ...start(2)]) expect(Math.abs(x + 1)).toBeLessThanOrEqual(0.5);
    expect(numbers(rosenbrock({ seed: 3 }).start)).toEqual([-1, -1]);
  });
});

describe("matrixFactorization", () => {
  it("has the loss of a plain loop, and GL(r) keeps it", async () => {
    const problem = matrixFactorization({ rows: 5, columns: 4, rank: 2, imbalance: 3 });
    const { u, v } = problem.start;
    let sum = 0;
    for (let i = 0; i < 5; i++) {
      for (let j = 0; j < 4; j++) {
        let product = 0;
        for (let k = 0; k < 2; k++) product += Number(u.data[2 * i + k]) * Number(v.data[4 * k + j]);
        sum += (Number(problem.batch.y.data[4 * i + j]) - product) ** 2;
      }
    }
    const loss = await measurer(problem);
    expect(relative((await loss(problem.start)).loss, sum / 2 / Math.sqrt(20))).toBeLessThan(1e-14);
    const symmetry = problem.symmetry();
    expect(symmetry.algebra).toEqual([[1, 2, 2]]);
    const moved = await symmetry.act(
      problem.start,
      [
        array(
          [
            [
              [0.3, 0.2],
              [-0.1, 0.4],
            ],
          ],
          "float64",
        ),
      ],
      problem.batch,
    );
    if ("refused" in moved) throw new Error("refused");
    expect(relative((await loss(moved as typeof problem.start)).loss, sum / 2 / Math.sqrt(20))).toBeLessThan(
      1e-13,
    );
  });

  it("has a matrix of the stated rank and variance", () => {
    const { y } = matrixFactorization({ noise: 0, seed: 7 }).batch;
    const values = Array.from(y.data as Float64Array);
    const variance = values.reduce((s, x) => s + x * x, 0) / values.length;
    // 2 r (m + n) normal numbers: a tenth is twice its deviation.
    expect(variance).toBeGreaterThan(0.8);
    expect(variance).toBeLessThan(1.2);
  });
});

describe("curveFit", () => {
  it("has half the mean squared error of its network as loss, drawn by the seed", async () => {
    const problem = curveFit({ points: 3, hidden: [2], seed: 4, noise: 0 });
    const [{ weight: a, bias: b }, { weight: c, bias: d }] = problem.start.layers;
    const at = (x: { readonly data: ArrayLike<unknown> } | undefined, i: number) => Number(x?.data[i]);
    const errors = [-1, 0, 1].map((x, i) => {
      const hidden = [0, 1].map((k) => Math.tanh(at(a, k) * x + at(b, k)));
      return at(c, 0) * hidden[0] + at(c, 1) * hidden[1] + at(d, 0) - at(problem.batch.y, i);
    });
    const expected = errors.reduce((s, e) => s + e * e, 0) / 6;
    const loss = await measurer(problem);
    expect(relative((await loss(problem.start)).loss, expected)).toBeLessThan(1e-13);
    expect(curveFit({ points: 3, seed: 5 }).batch.y.data).not.toEqual(problem.batch.y.data);
  });

  it("is the same in float32, rounded", () => {
    const [double, single] = (["float64", "float32"] as const).map((dtype) => curveFit({ points: 9, dtype }));
    expect([single.batch.x, single.batch.y, single.start.layers[0].weight].map(dtypeOf)).toEqual(
      Array(3).fill("float32"),
    );
    expect(single.batch.y.data).toEqual(Float32Array.from(double.batch.y.data, Number));
  });
});

describe("imageClasses", () => {
  const given = {
    images: { shape: [3, 2], data: Float32Array.of(0, 0.5, 1, 0.25, 0.75, 0.5) },
    labels: { shape: [3], data: BigInt64Array.of(1n, 0n, 2n) },
  };

  it("has the mean cross entropy of its network on all images as loss", async () => {
    const problem = imageClasses(given, { images: 3, hidden: [2], seed: 7 });
    const [{ weight: a, bias: b }, { weight: c, bias: d }] = problem.start.layers;
    const at = (x: { readonly data: ArrayLike<unknown> } | undefined, i: number) => Number(x?.data[i]);
    let expected = 0;
    for (let i = 0; i < 3; i++) {
      const x = [0, 1].map((k) => given.images.data[2 * i + k]);
      const hidden = [0, 1].map((k) => Math.tanh(at(a, 2 * k) * x[0] + at(a, 2 * k + 1) * x[1] + at(b, k)));
      const scores = [0, 1, 2].map((k) => at(c, 2 * k) * hidden[0] + at(c, 2 * k + 1) * hidden[1] + at(d, k));
      const total = scores.reduce((sum, score) => sum + Math.exp(score), 0);
      expected += (Math.log(total) - scores[Number(given.labels.data[i])]) / 3;
    }
    const loss = await measurer(problem);
    expect(relative((await loss(problem.start)).loss, expected)).toBeLessThan(1e-13);
  });

  it("draws images without repetition by the seed, and refuses more than there are", () => {
    const drawn = [0, 1, 2, 3, 4].map((seed) => imageClasses(given, { images: 2, seed }).batch);
    for (const { x, y } of drawn) {
      const rows = [0, 1].map((i) => given.labels.data.indexOf((y.data as BigInt64Array)[i]));
      expect(rows[0]).not.toBe(rows[1]);
      expect(Array.from(x.data as Float64Array)).toEqual(
        rows.flatMap((r) => [...given.images.data.slice(2 * r, 2 * r + 2)]),
      );
    }
    expect(new Set(drawn.map(({ y }) => String(y.data))).size).toBeGreaterThan(1);
    expect(() => imageClasses(given)).toThrow(/images must be at most 3, as many as there are; got 2000/);
  });
});
