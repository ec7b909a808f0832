import { float64 } from "isoloss-test-support/nn/support";
import { randomProblem } from "isoloss-test-support/symmetry/support";
import { describe, expect, it } from "vitest";
import type { NdArray } from "../../../src/array.js";
import type { BatchLoss } from "../../../src/batch.js";
import { NumericalError, OptionError } from "../../../src/errors.js";
import { add, mul, neg, sub } from "../../../src/graph/ops/arithmetic.js";
import { cos, log, sin, square } from "../../../src/graph/ops/elementary.js";
import { constant } from "../../../src/graph/ops/leaf.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import { concat, slice } from "../../../src/graph/ops/slice.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { dotOf } from "../../../src/math/dense.js";
import type { LinearParams } from "../../../src/nn/linear.js";
import { booth as boothProblem } from "../../../src/problems/booth.js";
import { defineSymmetry } from "../../../src/symmetry/define-symmetry.js";
import { positiveScaling } from "../../../src/symmetry/positive-scaling.js";

import { createHessian } from "../../../src/teleport/curvature/hessian.js";
import { diagnose } from "../../../src/teleport/diagnosis/diagnose.js";
import { isMissing, type Quantity } from "../../../src/teleport/diagnosis/diagnosis.js";
import { createGainPredictor } from "../../../src/teleport/diagnosis/predicted-gain.js";
import { bowl } from "../objective/support.js";
import { batchOf, productLoss, toy, toyScaling } from "../toy.js";

const split = (w: Tensor): [Tensor, Tensor] => [slice(w, { ends: [1] }), slice(w, { starts: [1] })];

/** (x + 2y - 7)^2 + (2x + y - 5)^2. */
const booth: BatchLoss<NdArray> = (w) => {
  const [x, y] = split(w);
  return sum(add(square(sub(add(x, mul(2, y)), 7)), square(sub(add(mul(2, x), y), 5))));
};

/** 100 (x^2 - y)^2 + (x - 1)^2. */
const rosenbrock: BatchLoss<NdArray> = (w) => {
  const [x, y] = split(w);
  return sum(add(mul(100, square(sub(square(x), y))), square(sub(x, 1))));
};

const numberOf = (quantity: Quantity | boolean): number => {
  if (typeof quantity !== "number") throw new Error(`not a number: ${JSON.stringify(quantity)}`);
  return quantity;
};

const reasonOf = (quantity: Quantity | boolean): string => {
  if (!isMissing(quantity)) throw new Error(`not missing: ${quantity}`);
  return quantity.missing;
};

describe("diagnose, of a quadratic", () => {
  // diag(1, 10) at (3, .5): L 5.75, g = (3, 5), Hg = (3, 50), H^-1 g = w. The optimal teleport leads to
  // (0, 1.0723805295) with ||g||^2 115 = 2 * 10 * L.
  const [w, moved] = [float64([3, 0.5]), float64([0, 1.0723805294763609])];
  const options = { loss: bowl(1, 10), params: w, moved, quadratic: true, learningRate: 0.05 };

  it("gives the quantities by hand", async () => {
    const d = await diagnose(options);
    expect(d.loss).toBeCloseTo(5.75, 14);
    expect(d.gradNormSq).toBeCloseTo(34, 13);
    expect(d.lambdaMin).toBeCloseTo(1, 11);
    expect(d.lambdaMax).toBeCloseTo(10, 11);
    expect(d.curvature).toBeCloseTo(259 / 34, 12);
    expect(d.cosHessian).toBeCloseTo(259 / Math.sqrt(34 * 2509), 13);
    expect(d.stationarity).toBeCloseTo(1 - 259 ** 2 / (34 * 2509), 13);
    expect(d.cosNewton).toBeCloseTo(11.5 / Math.sqrt(34 * 9.25), 12);
    expect(d.levelSetFraction).toBeCloseTo(34 / 115, 12);
    expect(d.oneTeleportSuffices).toBe(true);
    expect(d.moved?.gradNormSq).toBeCloseTo(115, 10);
    expect(d.speedUp).toBeCloseTo(115 / 34, 11);
    // eta Lc = .5: log sqrt(115 / 34) / log 3
    expect(d.lastingSteps).toBeCloseTo(Math.log(115 / 34) / 2 / Math.log(3), 11);
    expect(d.reading).toHaveLength(11);
  });

  it("says so in plain words", async () => {
    const { reading } = await diagnose(options);
    const text = reading.join("\n");
    expect(text).toContain("squared gradient norm ||g||^2 is 34");
    // .05 * 34 * (1 - .05 * 259 / 34 / 2)
    expect(text).toContain("at the learning rate 0.05 lowers the loss by 1.38");
    expect(text).toContain(
      "between 1 and 10: gradient descent is stable at learning rates below 2 / 10 = 0.2.",
    );
    expect(text).toContain("The learning rate 0.05 is below that.");
    expect(text).toContain("cos(g, Hg) is 0.887, not 1: points nearby have the same loss");
    expect(text).toContain("||g||^2 is 29.6 % of the largest on this level set");
    expect(text).toContain("made ||g||^2 3.38 times as large and the largest curvature 1 times");
    expect(text).toContain(
      "after one teleport to the largest gradient, gradient descent stays at the largest",
    );
    expect(text).toContain("larger one for at least 0 steps");
    for (const sentence of reading) {
      expect(sentence).toMatch(/\.$/);
      expect(sentence).not.toMatch(/undefined|NaN|\[object|\n/);
    }
  });

  it("finds nothing to gain at the optimal point, where g, Hg and Newton's direction are parallel", async () => {
    const d = await diagnose({ loss: bowl(1, 10), params: moved, quadratic: true });
    expect(d.levelSetFraction).toBeCloseTo(1, 12);
    expect(numberOf(d.stationarity)).toBeLessThan(1e-14);
    expect(d.cosHessian).toBeCloseTo(1, 14);
    expect(d.cosNewton).toBeCloseTo(1, 14);
    expect(d.reading.join("\n")).toContain("no point nearby has the same loss and a larger gradient");
    expect(d.reading.join("\n")).toContain("gradient descent and Newton's method take the same direction");
  });

  it("tells the level set's smallest gradient from its largest: both are stationary", async () => {
    const d = await diagnose({ loss: bowl(1, 10), params: float64([3, 0]), quadratic: true });
    expect(numberOf(d.stationarity)).toBeLessThan(1e-14);
    expect(d.levelSetFraction).toBeCloseTo(0.1, 12);
    expect(d.reading.join("\n")).toContain("but not of its largest eigenvalue");
  });

  // Booth at (3.91226624, -.06219008), L 17.948211: ||g||^2 75.02955620; optimal 2 * 18 * L = 646.1356093.
  it("gives the share of Booth's function at step 4 of its experiment, with or without L*", async () => {
    const params = float64([3.91226624, -0.06219008]);
    const teleported = float64([0.0014396093, 2.0014396093]);
    const found = await diagnose({ loss: booth, params, moved: teleported, quadratic: true });
    const known = await diagnose({ loss: booth, params, quadratic: true, minimum: 0 });
    expect(found.lambdaMin).toBeCloseTo(2, 10);
    expect(found.lambdaMax).toBeCloseTo(18, 10);
    expect(found.gradNormSq).toBeCloseTo(75.02955620283186, 7);
    expect(numberOf(found.levelSetFraction) / (75.0295562028 / 646.1356093162)).toBeCloseTo(1, 7);
    expect(known.levelSetFraction).toBeCloseTo(numberOf(found.levelSetFraction), 10);
    expect(numberOf(found.speedUp) * numberOf(found.levelSetFraction)).toBeCloseTo(1, 7);
    expect(found.moved?.loss).toBeCloseTo(found.loss, 6);
  });

  it("says what is missing of a quadratic that is not convex, or none", async () => {
    const saddle = await diagnose({ loss: bowl(1, -2), params: float64([1, 1]), quadratic: true });
    expect(reasonOf(saddle.levelSetFraction)).toMatch(/negative eigenvalue, -2.00/);
    expect(reasonOf(saddle.oneTeleportSuffices)).toMatch(/not convex/);
    expect(reasonOf(saddle.cosNewton)).toMatch(/not positive definite/);
    // x^4: at L* = 0 a quadratic of curvature 12 x^2 would have at most 24 x^6 for ||g||^2 = 16 x^6: fine; at L* = .5, not.
    const quartic: BatchLoss<NdArray> = (x) => sum(square(square(x)));
    const wrong = await diagnose({ loss: quartic, params: float64([1]), quadratic: true, minimum: 0.5 });
    expect(reasonOf(wrong.levelSetFraction)).toMatch(
      /1.33 times the largest value for a quadratic with this loss/,
    );
    expect(wrong.reading.join("\n")).toMatch(/level set is not known: .*1\.33 times the largest value/);
    expect(wrong.reading.join("\n")).not.toContain("is a convex quadratic");
    const silent = await diagnose({ loss: bowl(1, 10), params: w });
    expect(reasonOf(silent.levelSetFraction)).toMatch(/not declared a quadratic/);
    expect(reasonOf(silent.oneTeleportSuffices)).toMatch(/not declared a quadratic/);
  });
});

describe("diagnose, of how long a gain lasts", () => {
  it.each([0.001, 0.01, 0.03])(
    "is a lower bound of what gradient descent shows, at the rate %d",
    async (learningRate) => {
      const [from, to] = [float64([3.91226624, -0.06219008]), float64([0.0014396093, 2.0014396093])];
      const { lastingSteps } = await diagnose({ loss: booth, params: from, moved: to, learningRate });
      const steps = Math.floor(numberOf(lastingSteps));
      if (learningRate === 0.001) expect(steps).toBe(29);
      const hessian = await createHessian(booth, from, {});
      let [a, b] = [from, to];
      for (let t = 0; t <= steps; t++) {
        const [{ g: ga }, { g: gb }] = [
          await hessian.times(a, {}, hessian.vectorOf(a)),
          await hessian.times(b, {}, hessian.vectorOf(b)),
        ];
        expect(dotOf(gb, gb)).toBeGreaterThanOrEqual(dotOf(ga, ga));
        const stepped = (p: NdArray, g: Float64Array) =>
          float64([0, 1].map((i) => Number(p.data[i]) - learningRate * g[i]));
        [a, b] = [stepped(a, ga), stepped(b, gb)];
      }
      await hessian.dispose();
    },
  );

  it("is missing, with the reason, where eta Lc is not below 1 or something is not given", async () => {
    const [params, moved] = [float64([3, 0.5]), float64([0, 1.07])];
    const reason = async (options: { moved?: NdArray; learningRate?: number }) =>
      reasonOf((await diagnose({ loss: bowl(1, 10), params, ...options })).lastingSteps);
    expect(await reason({ moved, learningRate: 0.15 })).toMatch(/needs eta Lc < 1; here it is 1.50/);
    expect(await reason({ moved })).toMatch(/no `learningRate`/);
    expect(await reason({ learningRate: 0.1 })).toMatch(/no point `moved`/);
  });
});

describe("diagnose, of Rosenbrock's function", () => {
  // From the optimal teleport at step 99 (spec): ||g||^2 2.8751 -> 2208.31293 at the same loss .76459734.
  it("gives the speed-up of its experiment, and finite quantities", async () => {
    const [params, moved] = [float64([0.1258119654, 0.0138471748]), float64([1.4048359479, 1.8960588666])];
    const d = await diagnose({ loss: rosenbrock, params, moved, learningRate: 1e-4 });
    expect(d.loss).toBeCloseTo(0.7645973444710297, 7);
    expect(d.moved?.loss).toBeCloseTo(d.loss, 6);
    expect(Math.abs(d.gradNormSq - 2.8751)).toBeLessThan(1e-3);
    expect(numberOf(d.speedUp) / (2208.31293 / d.gradNormSq)).toBeCloseTo(1, 5);
    expect(numberOf(d.lastingSteps)).toBeGreaterThan(0);
    expect(d.reading.every((sentence) => !/undefined|NaN/.test(sentence))).toBe(true);
  });

  // At (-1, 2): H = [[1200 x^2 - 400 y + 2, -400 x], [., 200]] = [[402, 400], [400, 200]], determinant < 0.
  it("reports negative curvature", async () => {
    const d = await diagnose({ loss: rosenbrock, params: float64([-1, 2]) });
    const root = Math.sqrt(101 ** 2 + 400 ** 2);
    expect(d.lambdaMax).toBeCloseTo(301 + root, 8);
    expect(d.lambdaMin).toBeCloseTo(301 - root, 8);
    expect(reasonOf(d.cosNewton)).toMatch(/not positive definite/);
  });

  it("says why there is no Newton direction as it was found, not by the sign of an eigenvalue", async () => {
    const d = await diagnose({ loss: rosenbrock, params: float64([-1, 2]), newtonSteps: 1 });
    expect(d.lambdaMin).toBeLessThan(0);
    expect(d.reading.join("\n")).toContain(
      `There is no Newton direction to compare with: ${reasonOf(d.cosNewton)}.`,
    );
  });
});

/** An orthogonal action on the plane, with J^-T g of it. */
const rotations = defineSymmetry<NdArray>({
  name: "rotation",
  paths: [""],
  exact: "everywhere",
  algebra: [[1]],
  bound: { kind: "norm", value: 3 },
  derivative: (w, [t]) => {
    const [x, y] = split(w);
    return concat([neg(mul(y, t)), mul(x, t)]);
  },
  trace: (w, [t]) => rotatedBy(t, w),
  tracePushForward: (w, [t]) => rotatedBy(t, w),
});

function rotatedBy(t: Tensor, w: Tensor): Tensor {
  const [x, y] = split(w);
  return concat([sub(mul(cos(t), x), mul(sin(t), y)), add(mul(sin(t), x), mul(cos(t), y))]);
}

describe("proposition 5.1: a teleport helps iff ||J^-T g|| > ||g||", () => {
  // log(1 + x^2 + y^2) is kept by rotations.
  it("a rotation never helps: the speed-up is 1, and nothing is predicted", async () => {
    const loss: BatchLoss<NdArray> = (w) => log(add(1, sum(square(w))));
    const params = float64([1.5, -0.7]);
    for (const angle of [0.1, 1, 2.5]) {
      const moved = (await rotations.act(params, [float64([angle])], {})) as NdArray;
      const d = await diagnose({ loss, params, moved, symmetry: rotations, learningRate: 0.01 });
      expect(d.speedUp).toBeCloseTo(1, 12);
      expect(numberOf(d.predictedGain)).toBeLessThan(1e-12);
      expect(numberOf(d.lastingSteps)).toBeLessThan(1e-9);
      expect(d.reading.join("\n")).toContain("did not raise ||g||^2: it does not help here");
      expect(d.reading.join("\n")).toContain("an orthogonal action never does");
    }
  });

  it("a permutation of hidden units never helps", async () => {
    const { params, batch, loss } = randomProblem(2003, { activations: ["tanh"] });
    const [first, second, ...rest] = params.layers;
    const order = Array.from({ length: first.weight.shape[0] }, (_, i) => i).reverse();
    const moved = { layers: [reversedRows(first, order), reversedColumns(second, order), ...rest] };
    const d = await diagnose({ loss, params, batch, moved });
    expect(moved.layers[0].weight.data).not.toEqual(first.weight.data);
    expect(d.moved?.loss).toBeCloseTo(d.loss, 13);
    expect(d.speedUp).toBeCloseTo(1, 11);
  });

  it("||J^-T g||^2, as the symmetry carries gradients along, is ||g||^2 at the moved point", async () => {
    const { params, batch, loss } = randomProblem(2004, { activations: ["relu"] });
    const symmetry = positiveScaling(params);
    const T = symmetry.algebra.map(([n]) =>
      float64(Array.from({ length: n }, (_, i) => 0.3 * Math.sin(1 + i))),
    );
    const moved = (await symmetry.act(params, T, batch)) as typeof params;
    const d = await diagnose({ loss, params, batch, moved });
    const hessian = await createHessian(loss, params, batch);
    const { g } = await hessian.times(params, batch, hessian.vectorOf(params));
    let at = 0;
    const arrayOf = ({ shape, data }: NdArray): NdArray => {
      at += data.length;
      return { shape, data: g.slice(at - data.length, at) };
    };
    const gradients = {
      layers: params.layers.map(({ weight, bias }) =>
        bias ? { weight: arrayOf(weight), bias: arrayOf(bias) } : { weight: arrayOf(weight) },
      ),
    };
    const pushed = (await symmetry.pushForward?.(gradients, T, 1, params, batch)) as typeof params;
    const v = hessian.vectorOf(pushed);
    await hessian.dispose();
    expect(numberOf(d.speedUp)).toBeCloseTo(dotOf(v, v) / d.gradNormSq, 10);
    expect(Math.abs(numberOf(d.speedUp) - 1)).toBeGreaterThan(1e-3);
  });
});

const reversedRows = ({ weight, bias }: LinearParams, order: readonly number[]): LinearParams => {
  const [rows, columns] = weight.shape;
  const at = (k: number) => Number(weight.data[order[Math.floor(k / columns)] * columns + (k % columns)]);
  const moved = float64(
    Array.from({ length: rows * columns }, (_, k) => at(k)),
    weight.shape,
  );
  return bias ? { weight: moved, bias: float64(order.map((i) => Number(bias.data[i]))) } : { weight: moved };
};

const reversedColumns = ({ weight, bias }: LinearParams, order: readonly number[]): LinearParams => {
  const [rows, columns] = weight.shape;
  const at = (k: number) => Number(weight.data[Math.floor(k / columns) * columns + order[k % columns]]);
  const moved = float64(
    Array.from({ length: rows * columns }, (_, k) => at(k)),
    weight.shape,
  );
  return bias ? { weight: moved, bias } : { weight: moved };
};

describe("the predicted gain", () => {
  // L = (a b x - y)^2, r = a b x - y: ||g||^2 = 4 r^2 x^2 (a^2 + b^2), and along the orbit r stays:
  // d/dt = 4 r^2 x^2 * 2 (a^2 - b^2), relative 2 (a^2 - b^2) / (a^2 + b^2), times the bound .5.
  it("is bound |d/dt ||g||^2| / ||g||^2 of a group with one parameter", async () => {
    const batch = batchOf(1, 5);
    const options = { loss: productLoss, params: toy(3, 0.5), batch, symmetry: toyScaling() };
    const { predictedGain } = await diagnose(options);
    expect(predictedGain).toBeCloseTo((0.5 * 2 * 8.75) / 9.25, 12);
    const predictor = await createGainPredictor({ ...options, bound: 0.1 });
    expect(await predictor.predict(toy(3, 0.5), batch)).toBeCloseTo((0.1 * 2 * 8.75) / 9.25, 12);
    expect(await predictor.predict(toy(2, 2), batch)).toBe(0);
    await predictor.dispose();
  });

  it("is what a small bound gains, in every element at once", async () => {
    const { params, batch, loss } = randomProblem(2003, { activations: ["relu"] });
    const problem = { params, batch, loss };
    const symmetry = positiveScaling(problem.params);
    const predictor = await createGainPredictor({ ...problem, symmetry, bound: 1e-4 });
    const gain = numberOf((await predictor.predict(problem.params, problem.batch)) as number);
    await predictor.dispose();
    const ratios: number[] = [];
    // The best corner of the cube, element by element.
    const T = symmetry.algebra.map(([n]) => float64(new Array(n).fill(0)));
    for (const block of T) {
      for (let i = 0; i < block.data.length; i++) {
        const single = T.map((b) => float64([...b.data].map((_, k) => (b === block && k === i ? 1e-4 : 0))));
        const moved = (await symmetry.act(problem.params, single, problem.batch)) as typeof problem.params;
        const { speedUp } = await diagnose({ ...problem, moved, lanczosSteps: 1, newtonSteps: 1 });
        ratios.push(Math.abs(numberOf(speedUp) - 1));
      }
    }
    expect(gain / ratios.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 2);
  });

  it("is read as an estimate, and beside the bound of the level set where it exceeds that", async () => {
    const { loss, start, symmetry } = boothProblem();
    const read = async (options: { quadratic?: boolean }) => {
      const d = await diagnose({ loss, params: start, symmetry: symmetry(), ...options });
      return { d, sentence: d.reading.find((line) => line.includes("along the symmetry")) };
    };
    const plain = await read({});
    expect(plain.sentence).toMatch(
      /raises \|\|g\|\|\^2 by [\d.]+ % within its bound: an estimate, not a limit\.$/,
    );
    const { d, sentence } = await read({ quadratic: true });
    const limit = 1 / numberOf(d.levelSetFraction) - 1;
    expect(numberOf(d.predictedGain)).toBeGreaterThan(limit);
    expect(sentence).toContain(
      `more than the ${Number((100 * limit).toPrecision(3))} % that the level set allows`,
    );
  });

  it("is missing, with the group's reason, where the group cannot act", async () => {
    const symmetry = toyScaling({
      context: async () => ({ refused: "the moon is full" }),
      traceContext: () => ({ context: [], isCertain: constant(0, "float64") }),
    });
    const d = await diagnose({ loss: productLoss, params: toy(1, 2), batch: batchOf(1, 5), symmetry });
    expect(reasonOf(d.predictedGain)).toBe("the moon is full");
  });
});

describe("diagnose, at the edges", () => {
  it("says that the gradient is zero at a minimum", async () => {
    const d = await diagnose({
      loss: bowl(1, 10),
      params: float64([0, 0]),
      moved: float64([0, 0]),
      quadratic: true,
    });
    for (const quantity of [
      d.curvature,
      d.cosHessian,
      d.stationarity,
      d.cosNewton,
      d.speedUp,
      d.lastingSteps,
    ]) {
      expect(reasonOf(quantity)).toMatch(/the gradient is zero/);
    }
    expect(d.lambdaMax).toBeCloseTo(10, 10);
    expect(d.reading.every((sentence) => !/undefined|NaN/.test(sentence))).toBe(true);
  });

  it("takes a loss without curvature", async () => {
    const d = await diagnose({ loss: (w: Tensor) => sum(mul(3, w)), params: float64([1, 2]) });
    expect(d).toMatchObject({ gradNormSq: 18, lambdaMax: 0, lambdaMin: 0, curvature: 0 });
    expect(reasonOf(d.stationarity)).toMatch(/no curvature/);
    expect(d.reading.join("\n")).toContain("no learning rate is too large");
  });

  it("warns of a moved point with another loss", async () => {
    const { reading } = await diagnose({ loss: bowl(1, 1), params: float64([1, 0]), moved: float64([2, 0]) });
    expect(reading.join("\n")).toContain("The teleport changed the loss by 300 %");
    expect(reading.join("\n")).toContain("||g||^2 is 4 times as large");
  });

  it("works in float32", async () => {
    const curvatures = { shape: [2], data: Float32Array.of(1, 10) };
    const loss: BatchLoss<NdArray> = (w) => mul(0.5, sum(mul(curvatures, square(w))));
    const params = { shape: [2], data: Float32Array.of(3, 0.5) };
    const d = await diagnose({ loss, params, quadratic: true, runtime: "onnx" });
    expect(d.levelSetFraction).toBeCloseTo(34 / 115, 5);
    expect(d.cosNewton).toBeCloseTo(11.5 / Math.sqrt(34 * 9.25), 5);
  });

  it("gives the same numbers again", async () => {
    const { params, batch, loss } = randomProblem(2003, { activations: ["tanh"] });
    const problem = { params, batch, loss };
    expect(await diagnose(problem)).toEqual(await diagnose(problem));
  });

  it("refuses what is no number, and options that are none", async () => {
    const broken: BatchLoss<NdArray> = (w) => sum(log(w));
    await expect(diagnose({ loss: broken, params: float64([-1]) })).rejects.toThrow(NumericalError);
    const away = { loss: broken, params: float64([2]), moved: float64([-1]) };
    await expect(diagnose(away)).rejects.toThrow(/got loss NaN .* at moved\.$/);
    const options = { loss: bowl(1, 1), params: float64([1, 1]) };
    await expect(diagnose({ ...options, symmetry: null as never })).rejects.toThrow(
      /^diagnose takes a symmetry; got null/,
    );
    await expect(diagnose({ ...options, learningRate: 0 })).rejects.toThrow(OptionError);
    await expect(diagnose({ ...options, eta: 1 } as never)).rejects.toThrow(
      /no option "eta"; it has loss, params/,
    );
  });
});
