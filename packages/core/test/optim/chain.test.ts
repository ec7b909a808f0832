// Optimizers put together from transformations, against plain loops.

import { expectClose, float64, numbers } from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { OptionError } from "../../src/errors.js";
import { mapTree } from "../../src/graph/autodiff.js";
import { sign } from "../../src/graph/ops/elementary.js";
import { adagrad, scaleBySquares } from "../../src/optim/adagrad.js";
import { scaleByAdam } from "../../src/optim/adam.js";
import { chain, type GradientTransform } from "../../src/optim/chain.js";
import { clip } from "../../src/optim/clip.js";
import { penalty, shrink } from "../../src/optim/decay.js";
import { scaleByTrust } from "../../src/optim/lars.js";
import { lion } from "../../src/optim/lion.js";
import type { Optimizer } from "../../src/optim/optimizer.js";
import { scaleByRms } from "../../src/optim/rmsprop.js";
import { sgd, velocity } from "../../src/optim/sgd.js";
import { givenGradients, runSteps, startOf } from "./support.js";

const start = { w: float64([3, -1, 2, 0.5], [2, 2]) };
const given = [0, 1, 2].map((t) => ({ w: float64([1 - t, 0.5, -0.25 * t, 2], [2, 2]) }));
const rates = [0.3, 0.2, 0.1];

const run = (optimizer: Optimizer) =>
  (runSteps(optimizer, givenGradients, startOf(optimizer, start), { given, rates }).params as typeof start).w;

/** w after steps against what a function makes of each gradient, with the parameters at hand. */
const stepped = (direction: (g: number[], w: number[], t: number) => number[]) => {
  let w = numbers(start.w);
  given.forEach((g, t) => {
    const d = direction(numbers(g.w), w, t);
    w = w.map((x, i) => x - rates[t] * d[i]);
  });
  return float64(w, [2, 2]);
};

const signs: GradientTransform = {
  name: "signs",
  keepsGradients: false,
  apply: (gradients) => ({ direction: mapTree(sign, gradients) }),
};

describe("chain", () => {
  it("descends along gradients without transformations", () => {
    expect(run(chain("plain", []))).toEqual(run(sgd()));
  });

  it("applies its transformations in order", () => {
    const bounded = (g: number[]) => g.map((x) => x * Math.min(1, 0.5 / (Math.hypot(...g) + 1e-6)));
    const clippedFirst = chain("clipped", [clip({ norm: 0.5 }), penalty({ weightDecay: 0.1 })]);
    expectClose(
      run(clippedFirst),
      stepped((g, w) => bounded(g).map((x, i) => x + 0.1 * w[i])),
      1e-14,
    );
    const decayedFirst = chain("decayed", [penalty({ weightDecay: 0.1 }), clip({ norm: 0.5 })]);
    expectClose(
      run(decayedFirst),
      stepped((g, w) => bounded(g.map((x, i) => x + 0.1 * w[i]))),
      1e-14,
    );
  });

  it("takes transformations of one's own", () => {
    expectClose(
      run(chain("signed", [signs])),
      stepped((g) => g.map(Math.sign)),
      1e-15,
    );
  });

  it("gives the next transformation the whole of what the last one made, its factor included", () => {
    // The direction of AdaGrad with a falling rate, cut to a norm of 0.1.
    const sums = [0, 0, 0, 0];
    const expected = stepped((g, _, t) => {
      g.forEach((x, i) => {
        sums[i] += x * x;
      });
      const d = g.map((x, i) => x / (1 + 0.5 * t) / (Math.sqrt(sums[i]) + 1e-10));
      return d.map((x) => x * Math.min(1, 0.1 / (Math.hypot(...d) + 1e-6)));
    });
    const cut = chain("cut", [scaleBySquares({ rateDecay: 0.5 }), clip({ norm: 0.1 })]);
    expectClose(run(cut), expected, 1e-14);
  });

  it("shrinks parameters by all that its transformations ask for", () => {
    const both = chain("both", [shrink({ weightDecay: 0.1 }), shrink({ weightDecay: 0.2 })]);
    expectClose(
      run(both),
      stepped((g, w) => g.map((x, i) => x + 0.3 * w[i])),
      1e-14,
    );
  });

  it("makes LAMB of Adam and trust in a layer's norm", () => {
    const [m, v] = [
      [0, 0, 0, 0],
      [0, 0, 0, 0],
    ];
    const expected = stepped((g, w, t) => {
      const d = g.map((x, i) => {
        m[i] = 0.9 * m[i] + 0.1 * x;
        v[i] = 0.999 * v[i] + 0.001 * x * x;
        return m[i] / (1 - 0.9 ** (t + 1)) / (Math.sqrt(v[i] / (1 - 0.999 ** (t + 1))) + 1e-8);
      });
      const size = Math.hypot(...w);
      const trust = size / (Math.hypot(...d) + 0.01 * size + 1e-8);
      return d.map((x, i) => trust * (x + 0.01 * w[i]));
    });
    const lamb = chain("LAMB", [scaleByAdam(), scaleByTrust({ trust: 1, weightDecay: 0.01 })]);
    expectClose(run(lamb), expected, 1e-12);
  });

  it("knows which of its entries follow a symmetry: those before what is no gradient any more", () => {
    const sum = { power: 1, kind: "sum" };
    const square = { power: 2, kind: "average" };
    const moments = (...transforms: GradientTransform[]) => chain("moments", transforms).moments;
    expect(moments(clip({ norm: 1 }), velocity())).toEqual({ velocity: sum });
    expect(moments(velocity(), scaleByRms())).toEqual({ velocity: sum, square });
    expect(moments(scaleByRms(), velocity())).toEqual({ square });
    expect(moments(signs, velocity())).toEqual({});
    expect(lion().moments).toEqual({ m: { power: 1, kind: "average" } });
    expect(adagrad().moments).toEqual({ sum: { power: 2, kind: "sum" } });
  });

  it("refuses what is no list of transformations, and two with the same entry", () => {
    expect(() => chain("twice", [velocity(), velocity()])).toThrow(OptionError);
    expect(() => chain("twice", [velocity(), velocity()])).toThrow(
      'chain "twice": two of its transformations keep "velocity" in the state.',
    );
    expect(() => chain([velocity()] as never, [])).toThrow(
      "chain takes a name and a list of transformations",
    );
    expect(() => chain("momentum", [sgd()] as never)).toThrow(/takes transformations such as velocity\(\)/);
  });
});
