// Methods that have no published numbers: each against its formula in plain loops, or by hand.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { OptionError } from "../../../src/errors.js";
import { createRng } from "../../../src/math/rng.js";
import type { MultiTaskMethod } from "../../../src/mtl/method.js";
import { caGrad } from "../../../src/mtl/methods/ca-grad.js";
import { cosmos } from "../../../src/mtl/methods/cosmos.js";
import { dibsMtl } from "../../../src/mtl/methods/dibs-mtl.js";
import { excessMtl } from "../../../src/mtl/methods/excess-mtl.js";
import { famo } from "../../../src/mtl/methods/famo.js";
import { clusterCenters, go4Align } from "../../../src/mtl/methods/go4-align.js";
import { gradDrop } from "../../../src/mtl/methods/grad-drop.js";
import { igb } from "../../../src/mtl/methods/igb.js";
import { imGrad } from "../../../src/mtl/methods/im-grad.js";
import { krum } from "../../../src/mtl/methods/krum.js";
import { ldcMtl } from "../../../src/mtl/methods/ldc-mtl.js";
import { linearScalarization } from "../../../src/mtl/methods/linear-scalarization.js";
import { mgda } from "../../../src/mtl/methods/mgda.js";
import { pbi } from "../../../src/mtl/methods/pbi.js";
import { stch } from "../../../src/mtl/methods/stch.js";
import { trimmedMean } from "../../../src/mtl/methods/trimmed-mean.js";
import { upGrad } from "../../../src/mtl/methods/up-grad.js";
import { uwSo } from "../../../src/mtl/methods/uw-so.js";
import { crMogm } from "../../../src/mtl/wrappers/cr-mogm.js";
import { everySteps } from "../../../src/mtl/wrappers/every-steps.js";
import { normalized } from "../../../src/mtl/wrappers/normalized.js";
import { firstStep, inner, norm, type Rows } from "./jacobians.js";
import { expectPermutationInvariant, jacobians } from "./properties.js";
import { expectNumbers, inputOf } from "./stateful-support.js";

const rows: Rows = [
  [1, 2, -1],
  [-2, 1, 0.5],
  [0.5, -1.5, 3],
];
const L = [2, 0.5, 1.25];

const as = <S>(method: MultiTaskMethod<S>) => method as unknown as MultiTaskMethod<never>;
/** Weights in the first state. */
const first = <S>(method: MultiTaskMethod<S>, losses: readonly number[] = L, given: Rows = rows) =>
  method.combine(inputOf(losses, given), method.init(losses.length)).weights as Float64Array;

describe("weights that are derivatives of an objective", () => {
  const r = [0.2, 0.5, 0.3];
  const along = (u: readonly number[], z: readonly number[], l: readonly number[]) =>
    l.reduce((sum, x, k) => sum + (x - z[k]) * u[k], 0);
  const cases: [string, MultiTaskMethod<unknown>, (l: number[]) => number][] = [
    [
      "cosmos",
      cosmos({ preference: r, lambda: 0.7 }),
      (l) => inner(r, l) - (0.7 * inner(r, l)) / (norm(r) * norm(l)),
    ],
    [
      "pbi",
      pbi({ preference: r, reference: [0.1, -0.2, 0], penalty: 2 }),
      (l) => {
        const [u, z] = [r.map((x) => x / norm(r)), [0.1, -0.2, 0]];
        const d = along(u, z, l);
        return d + 2 * Math.sqrt(l.reduce((sum, x, k) => sum + (x - z[k] - d * u[k]) ** 2, 0) + 1e-12);
      },
    ],
    [
      "stch as published",
      stch({ variant: "published", mu: 0.4, preference: r, reference: 0.1 }) as MultiTaskMethod<unknown>,
      (l) => 0.4 * Math.log(l.reduce((sum, x, k) => sum + Math.exp((r[k] * (x - 0.1)) / 0.4), 0)),
    ],
  ];

  it.each(cases)("%s", (_, method, f) => {
    const h = 1e-6;
    const quotients = L.map((_x, k) => {
      const at = (s: number) => f(L.map((x, j) => (j === k ? x + s : x)));
      return (at(h) - at(-h)) / (2 * h);
    });
    expectNumbers(first(method), quotients, 1e-8);
  });

  it.each(["none", "ratio", "log"] as const)(
    "ldcMtl, and its own weights, normalization %s",
    (normalization) => {
      const [lambda, start, h] = [0.3, [1, 2, 0.5], 1e-6];
      const of = { none: (x: number) => x, ratio: (x: number, k: number) => (x * 0.5) / start[k] };
      const u = (l: readonly number[]) =>
        l.map((x, k) => (normalization === "log" ? Math.log(x / start[k]) : of[normalization](x, k)));
      const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
      const f = (l: readonly number[], a: readonly number[], total: number) => {
        const weighted = u(l).map((x, k) => x * sigmoid(a[k]));
        const gaps = weighted.slice(1).map((x, k) => Math.abs(weighted[k] - x));
        const sum = (list: readonly number[]) => list.reduce((p, q) => p + q, 0);
        return sum(weighted) / total + lambda * sum(gaps);
      };
      const method = ldcMtl({ lambda, normalization, initial: 0.4, learningRate: 0.01 });
      const { state } = method.combine(inputOf(start, rows), method.init(3));
      const a = [...state.a];
      const total = a.map(sigmoid).reduce((p, q) => p + q);
      const quotients = (
        g: (moved: (s: number) => number[]) => (s: number) => number,
        at: readonly number[],
      ) =>
        at.map((_x, k) => {
          const value = g((s) => at.map((x, j) => (j === k ? x + s : x)));
          return (value(h) - value(-h)) / (2 * h);
        });
      const step = method.combine(inputOf(L, rows), state);
      const slopes = quotients((moved) => (s) => f(moved(s), a, total), L);
      expectNumbers(step.weights, slopes, 1e-8);
      // Adam's second moment holds the squares of the derivatives in a.
      const own = quotients((moved) => (s) => f(L, moved(s), total), a);
      const squares = step.state.adam.v.map((v, k) => (v - 0.999 * state.adam.v[k]) / 0.001);
      expectNumbers(
        squares,
        own.map((g) => g * g),
        1e-6,
      );
      expect(step.state.a.map((x, k) => Math.sign(a[k] - x))).toEqual(
        step.state.adam.m.map((m) => Math.sign(m)),
      );
    },
  );

  it("ldcMtl with ratio: a first loss of 0 leaves the others their weights", () => {
    const method = ldcMtl({ normalization: "ratio" });
    const { weights } = method.combine(inputOf([0, 1, 2], rows), method.init(3));
    // u = [0, 1, 1]: the slopes are 1, 1 and 1 / 2, the signs of differences -1 and 0.
    const s = 1 / (1 + Math.exp(-1));
    expectNumbers(weights, [1 / 3 - 0.05 * s, 1 / 3 + 0.05 * s, 1 / 6], 1e-12);
    const zeros = method.combine(inputOf([0, 0, 0], rows), method.init(3));
    expectNumbers(zeros.weights, [1 / 3, 1 / 3, 1 / 3], 1e-12);
  });

  it("say by name which preference has the wrong length", () => {
    for (const make of [cosmos, pbi]) expect(() => make({ preference: r }).init(2)).toThrow(OptionError);
    expect(() => stch({ variant: "published", preference: r }).init(2)).toThrow(
      "stch: preference must have one value for each of the 2 tasks; got",
    );
  });
});

describe("weights from losses", () => {
  it("uwSo: by hand, for temperatures from small to large", () => {
    const powers = [1 / 2, 1 / 0.5, 1 / 1.25].map((x) => Math.exp(x / 0.5));
    const sum = powers.reduce((a, b) => a + b);
    expectNumbers(
      first(uwSo({ temperature: 0.5 })),
      powers.map((x) => x / sum),
      1e-12,
    );
    expectNumbers(first(uwSo({ temperature: 1e9 })), [1 / 3, 1 / 3, 1 / 3], 1e-8);
    expectNumbers(first(uwSo(), [0, 1, 0]), [0.5, 0, 0.5]);
  });

  it("igb: by hand, after the first epoch, which is kept", () => {
    const method = igb();
    expectNumbers(first(method), [0.5, 2, 0.8]);
    let state = method.init(3);
    for (const means of [
      [4, 0.5, 2.5],
      [9, 9, 9],
    ]) {
      state = method.endEpoch?.(Float64Array.from(means), state) ?? state;
    }
    const powers = [2 / 4, 0.5 / 0.5, 1.25 / 2.5].map(Math.exp);
    const sum = powers.reduce((a, b) => a + b);
    const expected = powers.map((x, k) => (3 * x) / sum / L[k]);
    expectNumbers(method.combine(inputOf(L, rows), state).weights, expected, 1e-12);
  });

  it("go4Align: two steps by hand", () => {
    const method = go4Align({ rate: 0.1, groups: 2 });
    let q = [1 / 3, 1 / 3, 1 / 3];
    let state = method.init(3);
    for (const losses of [L, [1, 0.9, 0.1]]) {
      const step = method.combine(inputOf(losses, rows), state);
      state = step.state;
      const scaled = q.map((x, k) => x * Math.exp(-0.1 * losses[k]));
      const sum = scaled.reduce((a, b) => a + b);
      q = scaled.map((x) => x / sum);
      const total = losses.reduce((a, b) => a + b);
      const v = q.map((x, k) => (x * total) / losses[k]);
      expectNumbers(step.weights, clusterCenters(Float64Array.from(v), 2), 1e-12);
    }
  });

  it("clusters have the least sum of squares of all partitions", () => {
    const value = fc.integer({ min: -20, max: 20 });
    fc.assert(
      fc.property(
        fc.array(value, { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 4 }),
        (x, count) => {
          const squares = (centers: ArrayLike<number>) =>
            x.reduce((sum, v, k) => sum + (v - centers[k]) ** 2, 0);
          const got = clusterCenters(Float64Array.from(x), count);
          expect(new Set(got).size).toBeLessThanOrEqual(count);
          let least = Infinity;
          for (let code = 0; code < count ** x.length; code++) {
            const label = x.map((_, k) => Math.floor(code / count ** k) % count);
            const mean = (l: number) => {
              const own = x.filter((_, k) => label[k] === l);
              return own.reduce((a, b) => a + b, 0) / own.length;
            };
            least = Math.min(least, squares(label.map(mean)));
          }
          expect(squares(got)).toBeCloseTo(least, 9);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe("methods that arbitrary gradients do not move", () => {
  const some = (test: (rows: Rows) => void, numRuns = 60) =>
    fc.assert(
      fc.property(jacobians({ spread: 1, size: 3 }), (given) => {
        if (given.length >= 5) test(given);
      }),
      { numRuns },
    );

  it("krum: the scores of plain loops, squared or not", () => {
    some((given) => {
      for (const [distance, power] of [
        ["squared", 2],
        ["euclidean", 1],
      ] as const) {
        const K = given.length;
        const scores = given.map((g, i) =>
          given
            .flatMap((h, j) => (i === j ? [] : [norm(g.map((x, p) => x - h[p])) ** power]))
            .sort((a, b) => a - b)
            .slice(0, K - 2 - 2)
            .reduce((a, b) => a + b, 0),
        );
        const { w } = firstStep(as(krum({ byzantine: 2, selected: 3, distance })), given);
        expect(w.filter((x) => x > 0)).toEqual([1 / 3, 1 / 3, 1 / 3]);
        const kept = scores.filter((_, k) => w[k] > 0);
        const left = scores.filter((_, k) => w[k] === 0);
        // Equal up to rounding counts as equal.
        expect(Math.max(...kept)).toBeLessThanOrEqual(
          Math.min(...left) * (1 + 1e-6) + 1e-9 * Math.max(...scores),
        );
      }
    });
  });

  it("trimmedMean: the numbers of plain loops, whatever the order of the tasks", () => {
    some((given) => {
      const { d } = firstStep(as(trimmedMean({ trim: 2 })), given);
      const expected = given[0].map((_, p) => {
        const column = given
          .map((g) => g[p])
          .sort((a, b) => a - b)
          .slice(2, -2);
        return column.reduce((a, b) => a + b, 0) / column.length;
      });
      expectNumbers(d, expected, 1e-9);
      expectPermutationInvariant(as(trimmedMean({ trim: 2 })), given);
    });
  });

  it("stay near the others, however large one gradient is", () => {
    const good: Rows = [
      [1, 1],
      [1.1, 0.9],
      [0.9, 1.1],
      [1, 1.2],
    ];
    for (const size of [1e3, 1e100]) {
      for (const method of [as(krum()), as(krum({ selected: 2 })), as(trimmedMean())]) {
        const { d } = firstStep(method, [...good, [-size, size]]);
        expect(norm([d[0] - 1, d[1] - 1])).toBeLessThan(0.3);
      }
    }
  });

  it("say how many tasks they need", () => {
    expect(() => krum().init(3)).toThrow("needs 4 tasks or more; got 3");
    expect(() => krum({ selected: 9 }).init(5)).toThrow("needs 9 tasks or more; got 5");
    expect(() => trimmedMean({ trim: 2 }).init(4)).toThrow("needs 5 tasks or more; got 4");
  });
});

describe("imGrad", () => {
  const settings = { c: 0.5, rescale: 0, scale: "mean" } as const;

  it("minimizes its dual over the simplex", () => {
    const rng = createRng(3);
    for (let trial = 0; trial < 20; trial++) {
      const g = Array.from({ length: 3 }, () => Array.from({ length: 4 }, () => rng.normal() + 0.3));
      const mean = g[0].map((_, p) => (g[0][p] + g[1][p] + g[2][p]) / 3);
      const combined = (w: readonly number[]) =>
        g[0].map((_, p) => w.reduce((sum, x, k) => sum + x * g[k][p], 0));
      const least = firstStep(as(mgda()), g).d;
      const s = norm(least) < 1e-9 ? 0 : inner(mean, least) / norm(mean) / norm(least);
      const dual = (w: readonly number[]) => {
        const v = combined(w);
        return (1.5 - s) * inner(v, mean) + s * 0.5 * norm(mean) * norm(v);
      };
      const { d } = firstStep(as(imGrad(settings)), g);
      // The step around the mean gives back g_w's direction.
      const around = d.map((x, p) => x - mean[p]);
      let best = { value: Infinity, w: [0, 0, 0] };
      for (let i = 0; i <= 200; i++) {
        for (let j = 0; j <= 200 - i; j++) {
          const w = [i / 200, j / 200, (200 - i - j) / 200];
          const value = dual(w);
          if (value < best.value) best = { value, w };
        }
      }
      const v = combined(best.w);
      expect(norm(around)).toBeCloseTo(0.5 * norm(mean), 9);
      if (norm(v) > 0.1) expect(inner(around, v) / norm(around) / norm(v)).toBeGreaterThan(0.995);
    }
  });

  it("is CAGrad where all gradients are equal, whatever its ball", () => {
    const equal: Rows = [
      [1, 2],
      [1, 2],
    ];
    expectNumbers(
      firstStep(as(imGrad(settings)), equal).d,
      Float64Array.from(firstStep(as(caGrad(settings)), equal).d),
    );
  });
});

describe("wrappers", () => {
  it("crMogm averages the weights of the steps", () => {
    const method = crMogm(mgda(), { alpha: 0.75 });
    const steps = [
      rows,
      [
        [3, 0, 0],
        [0, 1, 0],
        [0, 0, 2],
      ],
      rows,
    ];
    let state = method.init(3);
    let expected: number[] | undefined;
    for (const given of steps) {
      const w = [...first(mgda(), L, given)];
      expected = expected ? w.map((x, k) => 0.75 * (expected as number[])[k] + 0.25 * x) : w;
      const step = method.combine(inputOf(L, given), state);
      state = step.state;
      expectNumbers(step.weights, Float64Array.from(expected), 1e-12);
    }
  });

  it("everySteps keeps weights, and then takes those of the step", () => {
    const method = everySteps(upGrad(), { steps: 3 });
    let state = method.init(3);
    const seen = [0, 1, 2, 3, 4, 5, 6].map((t) => {
      const step = method.combine(
        inputOf(
          L,
          rows.map((row) => row.map((x, p) => x + t * p)),
        ),
        state,
      );
      state = step.state;
      return [...(step.weights as Float64Array)];
    });
    const own = (t: number) => [
      ...first(
        upGrad(),
        L,
        rows.map((row) => row.map((x, p) => x + t * p)),
      ),
    ];
    expect(seen).toEqual([own(0), own(0), own(0), own(3), own(3), own(3), own(6)]);
    expect(() => everySteps(mgda(), { steps: 0 })).toThrow(OptionError);
  });

  it("everySteps shows the method inside the results of its own steps alone", () => {
    const method = everySteps(famo(), { steps: 3 });
    let state = method.init(3);
    const trained = [0, 1, 2, 3].map(() => {
      state = method.combine(inputOf(L, rows), state).state;
      state =
        method.afterStep?.(
          Float64Array.from(L, (loss) => loss / 2),
          inputOf(L, rows),
          state,
        ) ?? state;
      return state.inner.adam.step;
    });
    expect(trained).toEqual([1, 1, 1, 2]);
  });

  it("refuse methods without weights, by name", () => {
    for (const method of [crMogm(gradDrop()), everySteps(gradDrop(), { steps: 2 })]) {
      expect(() => first(method as MultiTaskMethod<unknown>)).toThrow("gives a direction only");
    }
  });

  it("dibsMtl with several steps moves towards each task's preferred state by its distance", () => {
    const [rho, N] = [0.15, 5];
    const unit = rows.map((g) => g.map((x) => x / norm(g)));
    let x = [0, 0, 0];
    const weights = [0, 0, 0];
    for (let step = 0; step < N; step++) {
      const distances = unit.map((u) => norm(x.map((v, p) => v + rho * (u[p] as number))));
      x = x.map((v, p) => v - (rho / N) * unit.reduce((sum, u, k) => sum + distances[k] * u[p], 0));
      distances.forEach((d, k) => {
        weights[k] += ((rho / N) * d) / norm(rows[k]);
      });
    }
    const method = dibsMtl({ steps: N, radius: rho });
    expectNumbers([...first(method)], Float64Array.from(weights), 1e-12);
    expectNumbers([...firstStep(as(method), rows).d], Float64Array.from(x.map((v) => -v)), 1e-12);
    expect(norm(x)).toBeLessThan(rho);
    expect(method.clipNorm).toBe(1);
    expect(() => dibsMtl({ steps: 2, radius: 0.2 }).init(3)).toThrow("at most 1 / (2 K)");
  });

  it("normalized gives the method unit gradients, and the sum of these is dibsMtl's", () => {
    const unit = rows.map((g) => g.map((x) => x / norm(g)));
    for (const method of [as(upGrad()), as(mgda()), as(gradDrop()), as(linearScalarization())]) {
      expectNumbers(
        firstStep(as(normalized(method)), rows).d,
        Float64Array.from(firstStep(method, unit).d),
        1e-9,
      );
    }
    const sum = firstStep(as(normalized(linearScalarization())), rows).d;
    expectNumbers(firstStep(as(dibsMtl()), rows).d, Float64Array.from(sum), 1e-12);
    // Whatever the scales of the losses.
    const scaled = rows.map((g, k) => g.map((x) => x * 10 ** (3 * k)));
    expectNumbers(
      firstStep(as(normalized(upGrad())), scaled).d,
      Float64Array.from(firstStep(as(normalized(upGrad())), rows).d),
      1e-9,
    );
  });
});

describe("excessMtl with a warm-up", () => {
  it("takes the mean of its first steps as the base, with equal weights", () => {
    const method = excessMtl({ warmupSteps: 2, stepSize: 0.5 });
    const given: Rows[] = [
      [
        [3, 0],
        [0, 1],
      ],
      [
        [1, 1],
        [2, 0],
      ],
      [
        [2, 2],
        [1, 1],
      ],
    ];
    const squares = [
      [0, 0],
      [0, 0],
    ];
    const excess = given.map((step) =>
      step.map((g, k) =>
        g.reduce((sum, x, p) => {
          squares[k][p] += x * x;
          return sum + (x * x) / Math.sqrt(squares[k][p] + 1e-7);
        }, 0),
      ),
    );
    let state = method.init(2);
    const seen = given.map((step) => {
      const combination = method.combine(inputOf([1, 1], step), state);
      state = combination.state;
      return combination.weights;
    });
    expectNumbers(seen[0], [1, 1]);
    expectNumbers(seen[1], [1, 1]);
    const powers = [0, 1].map((k) => Math.exp((0.5 * excess[2][k]) / ((excess[0][k] + excess[1][k]) / 2)));
    const sum = powers[0] + powers[1];
    expectNumbers(
      seen[2],
      powers.map((x) => (2 * x) / sum),
      1e-12,
    );
  });
});
