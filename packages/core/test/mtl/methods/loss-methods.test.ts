import { describe, expect, it } from "vitest";
import { NumericalError, OptionError } from "../../../src/errors.js";
import { createRng } from "../../../src/math/rng.js";
import { softmax } from "../../../src/mtl/kernels/simplex.js";
import type { MultiTaskMethod } from "../../../src/mtl/method.js";
import { dwa } from "../../../src/mtl/methods/dwa.js";
import { famo } from "../../../src/mtl/methods/famo.js";
import { geometricLoss } from "../../../src/mtl/methods/geometric-loss.js";
import { gradNorm } from "../../../src/mtl/methods/grad-norm.js";
import { imtlHybrid } from "../../../src/mtl/methods/imtl-hybrid.js";
import { imtlL } from "../../../src/mtl/methods/imtl-l.js";
import { randomLossWeighting } from "../../../src/mtl/methods/random-loss-weighting.js";
import { scaleInvariant } from "../../../src/mtl/methods/scale-invariant.js";
import { stch } from "../../../src/mtl/methods/stch.js";
import { uncertaintyWeighting } from "../../../src/mtl/methods/uncertainty-weighting.js";
import { directionOf, expectNumbers, fakeRng, inputOf, type Rows } from "./stateful-support.js";

const rows: Rows = [
  [1, 2, -1],
  [-2, 1, 0.5],
  [0.5, -1.5, 3],
];

/** The weights of a method without a state, or in its first state. */
const weightsOf = <S>(method: MultiTaskMethod<S>, losses: readonly number[]) =>
  method.combine(inputOf(losses, rows.slice(0, losses.length)), method.init(losses.length));

describe("methods of the losses' logarithms", () => {
  it("give a loss of 0 the weight 0 and say so", () => {
    const { weights, note } = weightsOf(scaleInvariant(), [2, 0, 4]);
    expectNumbers(weights, [0.5, 0, 0.25]);
    expect(note).toBe("Loss 0, so weight 0: task 1.");
    expectNumbers(weightsOf(stch(), [2, 0, 4]).weights, [0.5, 0, 0.25]);
    expect(weightsOf(stch(), [2, 0, 4]).note).toBe(note);
    // The geometric mean of 2 and 8 is 4.
    expectNumbers(weightsOf(geometricLoss(), [2, 0, 8]).weights, [1, 0, 0.25]);
    expectNumbers(weightsOf(geometricLoss(), [0, 0, 0]).weights, [0, 0, 0]);
  });

  it("have as weights the derivatives of their objectives", () => {
    const L = [2, 0.5, 1.25];
    const n = [2.2, 0.6, 1.3];
    const mu = 0.3;
    const objectives: [MultiTaskMethod<unknown>, unknown, (losses: number[]) => number][] = [
      [scaleInvariant(), null, (l) => l.reduce((sum, x) => sum + Math.log(x), 0)],
      [geometricLoss(), null, (l) => l.reduce((product, x) => product * x, 1) ** (1 / 3)],
      [
        stch({ mu }) as MultiTaskMethod<unknown>,
        { epochs: 5, nadir: Float64Array.from(n) },
        (l) => 3 * mu * Math.log(l.reduce((sum, x, k) => sum + (x / n[k]) ** (1 / mu), 0)),
      ],
    ];
    for (const [method, state, f] of objectives) {
      const { weights } = method.combine(inputOf(L, rows), state);
      const h = 1e-6;
      const quotients = L.map((_, k) => {
        const at = (s: number) => f(L.map((x, j) => (j === k ? x + s : x)));
        return (at(h) - at(-h)) / (2 * h);
      });
      expectNumbers(weights, quotients, 1e-8);
    }
  });
});

describe("random loss weighting", () => {
  it("takes its numbers from the step's generator alone", () => {
    const once = weightsOf(randomLossWeighting(), [1, 2, 3]).weights;
    expect(weightsOf(randomLossWeighting(), [5, 6, 7]).weights).toEqual(once);
    const other = inputOf([1, 2, 3], rows, { rng: createRng(2) });
    expect(randomLossWeighting().combine(other, null).weights).not.toEqual(once);
  });

  it("is uniform on the simplex as dirichlet", () => {
    // Exponential numbers 1, 2, 1: -log(1 - u).
    const next = [1, 2, 1].map((e) => 1 - Math.exp(-e));
    const method = randomLossWeighting({ distribution: "dirichlet" });
    const { weights } = method.combine(inputOf([1, 1, 1], rows, { rng: fakeRng({ next }) }), null);
    expectNumbers(weights, [0.25, 0.5, 0.25], 1e-12);
    const rng = fakeRng({ next: [0, 0, 0] });
    expectNumbers(method.combine(inputOf([1, 1, 1], rows, { rng }), null).weights, [1 / 3, 1 / 3, 1 / 3]);
  });
});

describe("dynamic weight average", () => {
  it("compares two windows of steps, the present step included", () => {
    const method = dwa({ window: 2, temperature: 1 });
    expect(method.endEpoch).toBeUndefined();
    let state = method.init(2);
    const losses = [
      [9, 9],
      [4, 1],
      [2, 1],
      [2, 1],
      [1, 1],
    ];
    const weights = losses.map((l) => {
      const combination = method.combine(inputOf(l, rows.slice(0, 2)), state);
      state = combination.state;
      return combination.weights;
    });
    for (const w of weights.slice(0, 3)) expectNumbers(w, [0.5, 0.5], 1e-15);
    // Means 2 and 1 after 6.5 and 5, then 1.5 and 1 after 3 and 1.
    expectNumbers(weights[3], softmax(Float64Array.of(2 / 6.5, 1 / 5)), 1e-12);
    expectNumbers(weights[4], softmax(Float64Array.of(0.5, 1)), 1e-12);
  });

  it("counts a loss that was 0 as unchanged", () => {
    const history = [Float64Array.of(0, 1, 1), Float64Array.of(5, 1, 1)];
    expectNumbers(dwa().combine(inputOf([1, 1, 1], rows), { history }).weights, [1, 1, 1], 1e-12);
  });
});

describe("trained weights", () => {
  it("of uncertainty weighting settle at variances equal to the losses", () => {
    const method = uncertaintyWeighting();
    let state = method.init(2);
    for (let t = 0; t < 2000; t++) {
      ({ state } = method.combine(inputOf([4, 0.25], rows.slice(0, 2)), state));
    }
    expectNumbers(state.s, [Math.log(4), Math.log(0.25)], 1e-3);
  });

  it("of IMTL-L settle where every scaled loss is 1, and IMTL's heads have them", () => {
    const method = imtlHybrid();
    let state = method.init(2);
    for (let t = 0; t < 2000; t++) {
      ({ state } = method.combine(inputOf([4, 0.25], rows.slice(0, 2)), state));
    }
    expectNumbers(state.s.map(Math.exp), [0.25, 4], 1e-3);
    const { headWeights } = method.combine(inputOf([4, 0.25], rows.slice(0, 2)), state);
    expectNumbers(headWeights, state.s.map(Math.exp));
    expectNumbers(imtlL().combine(inputOf([4, 0.25], rows), state).weights, state.s.map(Math.exp));
  });

  it("of IMTL project equally on all gradients", () => {
    const { weights } = weightsOf(imtlHybrid({ initial: 0.3 }), [1, 2, 3]);
    const d = directionOf(rows, { weights, state: null });
    const projections = rows.map((g) => g.reduce((sum, x, p) => sum + x * d[p], 0) / Math.hypot(...g));
    expectNumbers(projections, [projections[0], projections[0], projections[0]], 1e-10);
  });

  it("of GradNorm grow for the task with the smaller gradient and for the task that lags", () => {
    const two: Rows = [
      [3, 0],
      [0, 1],
    ];
    const method = gradNorm({ initialLosses: "step" });
    const bySize = method.combine(inputOf([1, 1], two), method.init(2)).state.logits;
    expect(bySize[1]).toBeGreaterThan(bySize[0]);
    const even: Rows = [
      [1, 0],
      [0, 1],
    ];
    const lagging = { ...method.init(2), initial: Float64Array.of(2, 2) };
    const byRate = method.combine(inputOf([2, 1], even), lagging).state.logits;
    expect(byRate[0]).toBeGreaterThan(byRate[1]);
  });

  it("of GradNorm are the plain sum until the first epoch has ended, and L(0) stays that of it", () => {
    const method = gradNorm();
    const first = method.combine(inputOf([2, 1, 1], rows), method.init(3));
    expectNumbers(first.weights, [1, 1, 1]);
    expect(first.state.adam.step).toBe(0);
    const after = method.endEpoch?.(Float64Array.of(2, 1, 1), first.state) ?? first.state;
    const later = method.endEpoch?.(Float64Array.of(9, 9, 9), after) ?? after;
    expect([...(later.initial ?? [])]).toEqual([2, 1, 1]);
    expect(gradNorm({ initialLosses: "step" }).endEpoch).toBeUndefined();
  });
});

describe("FAMO", () => {
  it("takes weight from the task that fell more", () => {
    const method = famo({ gamma: 0 });
    const input = inputOf([2, 2], rows.slice(0, 2));
    const { logits } = method.afterStep?.(Float64Array.of(1, 1.9), input, method.init(2)) ?? method.init(2);
    expect(logits[0]).toBeLessThan(logits[1]);
  });

  it("measures losses from their bounds, one for all or one a task", () => {
    const { weights } = weightsOf(famo({ minLosses: [-21, -2.1] }), [-20, -2]);
    expectNumbers(weights, [1 / 11, 10 / 11], 1e-6);
    expectNumbers(weightsOf(famo({ minLosses: -1 }), [0, 1]).weights, [2 / 3, 1 / 3], 1e-6);
  });

  it("names the task whose loss is below its bound, before and after the step", () => {
    const method = famo({ minLosses: [0, 1, 0] });
    expect(() => weightsOf(method, [1, 0.5, 1])).toThrow(NumericalError);
    expect(() => weightsOf(method, [1, 0.5, 1])).toThrow("task 1 has loss 0.5 and bound 1");
    const input = inputOf([2, 2, 2], rows);
    expect(() => method.afterStep?.(Float64Array.of(1, 0, 1), input, method.init(3))).toThrow("task 1");
  });

  it("rejects bounds for another number of tasks", () => {
    expect(() => famo({ minLosses: [0, 0] }).init(3)).toThrow(OptionError);
    expect(() => famo({ minLosses: [0, 0] }).init(3)).toThrow("one value for each of the 3 tasks; got 2");
  });
});

describe("STCH", () => {
  it("takes the mean losses of the epoch warmupEpoch as nadir", () => {
    const method = stch({ warmupEpoch: 1 });
    let state = method.init(2);
    for (const means of [
      [9, 9],
      [2, 1],
      [7, 7],
    ]) {
      state = method.endEpoch?.(Float64Array.from(means), state) ?? state;
      if (state.epochs === 1) expect(state.nadir).toBeNull();
      else expect([...(state.nadir ?? [])]).toEqual([2, 1]);
    }
  });

  it("looks at the worst task alone as mu goes to 0, and at all alike as it grows", () => {
    const state = { epochs: 5, nadir: Float64Array.of(1, 1, 1) };
    expectNumbers(stch({ mu: 1e-3 }).combine(inputOf([2, 1, 1], rows), state).weights, [1.5, 0, 0]);
    expectNumbers(stch({ mu: 1e6 }).combine(inputOf([2, 1, 1], rows), state).weights, [0.5, 1, 1], 1e-5);
  });
});
