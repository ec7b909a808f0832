import { describe, expect, it } from "vitest";
import { add, mul, sub } from "../../../../src/graph/ops/arithmetic.js";
import { exp, log, square } from "../../../../src/graph/ops/elementary.js";
import { sum } from "../../../../src/graph/ops/reduce.js";
import type { Tensor } from "../../../../src/graph/tensor.js";
import type { Objective } from "../../../../src/teleport/objective/objective.js";
import { gradientAscent } from "../../../../src/teleport/search/gradient-ascent.js";
import { batchOf, numbersOf, productLoss, type Toy, toy, toyScaling } from "../../toy.js";
import { everyProposal, problemOf, teleportBy } from "../support.js";

const start = toy(1, 2);
const batch = batchOf(1, 3);

/** f(a): a function of the first weight, which an element t multiplies by e^t. */
const ofA = (f: (a: Tensor) => Tensor): Objective =>
  (() => (p: { readonly a: Tensor }) => sum(f(p.a))) as unknown as Objective;

const walked = (options: Parameters<typeof gradientAscent<Toy>>[1], objective: Objective, steps: number) =>
  everyProposal(
    gradientAscent(toyScaling(), { bound: 10, ...options }),
    problemOf(productLoss, start, batch, objective),
    steps,
  );

describe("gradientAscent", () => {
  // f = a: df/dt = a, so that a step of size s leads from a to a exp(s a).
  it("steps along the gradient in T as it is, by hand", async () => {
    const { points } = await walked(
      { normalized: false, stepSize: 0.1 },
      ofA((a) => a),
      4,
    );
    let a = 1;
    for (const p of points.slice(1)) {
      a *= Math.exp(0.1 * a);
      expect(numbersOf(p)[0]).toBeCloseTo(a, 12);
      expect(numbersOf(p)[1]).toBeCloseTo(2 / a, 12);
    }
  });

  it("steps by the length of a step along the normalized gradient, by hand", async () => {
    const { points } = await walked(
      { stepSize: 0.1 },
      ofA((a) => mul(-7, a)),
      4,
    );
    points.forEach((p, k) => {
      expect(Math.log(numbersOf(p)[0])).toBeCloseTo(-0.1 * k, 12);
    });
  });

  it("sums the past directions up with their weight, by hand", async () => {
    const plain = await walked(
      { normalized: false, stepSize: 0.1, momentum: 0.5 },
      ofA((a) => a),
      4,
    );
    let [a, v] = [1, 0];
    for (const p of plain.points.slice(1)) {
      v = a + 0.5 * v;
      a *= Math.exp(0.1 * v);
      expect(numbersOf(p)[0]).toBeCloseTo(a, 12);
    }
    // Directions of length 1: steps of 1, 1.5, 1.75, ... times 0.1.
    const even = await walked(
      { stepSize: 0.1, momentum: 0.5 },
      ofA((x) => x),
      4,
    );
    [0, 0.1, 0.25, 0.425, 0.6125].forEach((t, k) => {
      expect(Math.log(numbersOf(even.points[k])[0])).toBeCloseTo(t, 12);
    });
  });

  it("finds from several starts what is out of reach from one: the higher of two hills", async () => {
    const hill = (a: Tensor, at: number) => exp(mul(-50, square(sub(log(a), at))));
    const hills = ofA((a) => add(hill(a, -0.2), mul(2, hill(a, 0.8))));
    const highest = async (starts: number) => {
      const search = gradientAscent(toyScaling(), { bound: 1, stepSize: 0.02, steps: 60, starts });
      const { report } = await teleportBy(search, { loss: productLoss, params: start, batch }, hills);
      expect(report.drift).toBeLessThan(1e-12);
      return report.objectiveAfter;
    };
    const [one, many] = [await highest(1), await highest(8)];
    expect(one).toBeGreaterThan(0.99);
    expect(one).toBeLessThan(1.01);
    expect(many).toBeGreaterThan(1.98);
  });
});
