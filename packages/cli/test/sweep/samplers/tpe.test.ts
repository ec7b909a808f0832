import { createRng } from "isoloss/data";
import { describe, expect, it } from "vitest";
import { axisOf } from "../../../src/sweep/axis.js";
import { samplerOf } from "../../../src/sweep/samplers/sampler.js";
import { mixtureOf } from "../../../src/sweep/samplers/tpe.js";
import type { Assignment, Parameter, Trial } from "../../../src/sweep/types.js";

const unit: Parameter = { min: 0, max: 1, scale: "linear" };

const sampler = (parameters: Readonly<Record<string, Parameter>>, seed = 0) =>
  samplerOf({ method: "tpe", parameters, seed, order: "shuffled" });

/** Trials with the values of a function, one after the other. */
function run(
  parameters: Readonly<Record<string, Parameter>>,
  f: (p: Assignment) => number,
  { trials = 30, seed = 0 } = {},
): Trial[] {
  const tpe = sampler(parameters, seed);
  const history: Trial[] = [];
  for (let trial = 0; trial < trials; trial++) {
    const assignment = tpe.ask(history, trial);
    history.push({ trial, parameters: assignment, status: "completed", value: f(assignment) });
  }
  return history;
}

const bowl = (p: Assignment) => ((p.x as number) - 0.3) ** 2 + ((p.y as number) - 0.3) ** 2;

describe("tpe", () => {
  it("begins with Sobol's points", () => {
    const asked = run({ x: unit, y: unit }, bowl, { trials: 10 });
    const sobol = samplerOf({
      method: "sobol",
      parameters: { x: unit, y: unit },
      seed: 0,
      order: "shuffled",
    });
    expect(asked.map(({ parameters }) => parameters)).toEqual(asked.map((_, trial) => sobol.ask([], trial)));
  });

  it("asks the same of the same seed and history, in any order", () => {
    const history = run({ x: unit, y: unit }, bowl);
    expect(run({ x: unit, y: unit }, bowl)).toEqual(history);
    const tpe = sampler({ x: unit, y: unit });
    expect(tpe.ask([...history].reverse(), 30)).toEqual(tpe.ask(history, 30));
    expect(run({ x: unit, y: unit }, bowl, { seed: 1 })).not.toEqual(history);
  });

  it("asks near good trials more often than elsewhere", () => {
    const later = run({ x: unit, y: unit }, bowl, { trials: 50 }).slice(20);
    const near = later.filter(({ parameters }) => bowl(parameters) < 0.1 ** 2 * 4);
    // A circle of radius 0.2 has 13 % of the square.
    expect(near.length).toBeGreaterThan(later.length / 2);
  });

  it("asks eight different trials at once, as those under way count as bad", () => {
    const kinds: Readonly<Record<string, Parameter>> = {
      a: { min: 1, max: 5 },
      b: { values: ["p", "q", "r", "s"] },
    };
    const history = run(kinds, ({ a }) => a as number, { trials: 10 });
    const tpe = sampler(kinds);
    for (let trial = 10; trial < 18; trial++) {
      history.push({ trial, parameters: tpe.ask(history, trial), status: "running" });
    }
    const asked = history.slice(10).map(({ parameters }) => JSON.stringify(parameters));
    expect(new Set(asked).size).toBe(8);
    // Continuous ones are apart, too.
    const smooth = run({ x: unit, y: unit }, bowl, { trials: 20 });
    const other = sampler({ x: unit, y: unit });
    for (let trial = 20; trial < 28; trial++) {
      smooth.push({ trial, parameters: other.ask(smooth, trial), status: "running" });
    }
    const xs = smooth.slice(20).map(({ parameters }) => parameters.x as number);
    expect(Math.max(...xs) - Math.min(...xs)).toBeGreaterThan(0.02);
  });

  it("asks for all points of a small space before one comes again", () => {
    const history = run({ a: { min: 1, max: 4 }, b: { min: 1, max: 3 } }, ({ a }) => a as number, {
      trials: 11,
    });
    expect(
      new Set(history.slice(0, 11).map(({ parameters }) => JSON.stringify(parameters))).size,
    ).toBeGreaterThan(8);
  });

  it("leaves out parameters that are off, and learns of those that are on", () => {
    const parameters: Readonly<Record<string, Parameter>> = {
      kind: { values: ["plain", "moved"] },
      depth: { ...unit, when: { kind: "moved" } },
    };
    const f = ({ kind, depth }: Assignment) => (kind === "plain" ? 1 : ((depth as number) - 0.8) ** 2);
    const history = run(parameters, f, { trials: 60 });
    for (const { parameters: p } of history) expect("depth" in p).toBe(p.kind === "moved");
    const later = history.slice(30).filter(({ parameters: p }) => p.kind === "moved");
    expect(later.length).toBeGreaterThan(20);
    expect(Math.min(...later.map(({ value }) => value as number))).toBeLessThan(1e-3);
  });

  it("ranks completed trials before pruned ones by their rung, those before diverged ones, and ignores the rest", () => {
    const parameters = { x: unit };
    const at = (x: number, rest: Omit<Trial, "trial" | "parameters">, trial: number): Trial => ({
      trial,
      parameters: { x },
      ...rest,
    });
    const asks = (best: Omit<Trial, "trial" | "parameters">, others: Omit<Trial, "trial" | "parameters">) => {
      const history = [
        at(0.9, best, 0),
        ...Array.from({ length: 11 }, (_, i) => at(0.02 * i, others, i + 1)),
      ];
      return [0, 1, 2, 3, 4].map((trial) => sampler(parameters, trial).ask(history, 12).x as number);
    };
    const mean = (xs: readonly number[]) => xs.reduce((a, b) => a + b) / xs.length;
    const completed = asks({ status: "completed", value: 5 }, { status: "pruned", value: 1, rung: 9 });
    const deeper = asks({ status: "pruned", value: 5, rung: 9 }, { status: "pruned", value: 1, rung: 3 });
    const pruned = asks({ status: "pruned", value: 5, rung: 9 }, { status: "diverged" });
    for (const xs of [completed, deeper, pruned]) expect(mean(xs)).toBeGreaterThan(0.6);
    // Failed trials are as if they had not been: less than ten are told.
    const failed = [at(0.9, { status: "completed", value: 1 }, 0)].concat(
      Array.from({ length: 20 }, (_, i) => at(0.1, { status: "failed" }, i + 1)),
    );
    const sobol = samplerOf({ method: "sobol", parameters, seed: 0, order: "shuffled" });
    expect(sampler(parameters).ask(failed, 21)).toEqual(sobol.ask([], 21));
  });
});

describe("mixtureOf", () => {
  const axes = [
    axisOf({ min: 0, max: 1, scale: "linear" }),
    axisOf({ values: ["a", "b", "c"] }),
    axisOf({ min: 1, max: 4 }),
  ];
  const points = [
    [0.2, 1, 0.375],
    [0.9, undefined, 0.875],
  ];

  it("is a density: its integral over all axes is the number of parts", () => {
    const mixture = mixtureOf(axes, points);
    const n = 400;
    let sum = 0;
    for (let i = 0; i < n; i++) {
      for (const k of [0, 1, 2]) {
        for (const bin of [0, 1, 2, 3])
          sum += Math.exp(mixture.logDensity([(i + 0.5) / n, k, (bin + 0.5) / 4])) / n;
      }
    }
    expect(sum).toBeCloseTo(3, 4);
    // Without an axis that is off.
    const off = [0, 1, 2].reduce(
      (total, k) => total + Math.exp(mixture.logDensity([undefined, k, undefined])),
      0,
    );
    expect(off).toBeCloseTo(3, 12);
  });

  it("has the categories' weights by hand", () => {
    // One point of three categories: (1 + 1/2) / (1 + 3/2) = 0.6 and 0.2; the prior has 1/3.
    const mixture = mixtureOf([axes[1]], [[1]]);
    expect(Math.exp(mixture.logDensity([1]))).toBeCloseTo(0.6 + 1 / 3, 12);
    expect(Math.exp(mixture.logDensity([2]))).toBeCloseTo(0.2 + 1 / 3, 12);
  });

  it("draws what it says: frequencies of bins and categories", () => {
    const mixture = mixtureOf(axes, points);
    const rng = createRng(1);
    const draws = Array.from({ length: 4000 }, () => mixture.sample(rng));
    const close = (frequency: number, density: number) =>
      expect(Math.abs(frequency - density)).toBeLessThan(0.035);
    for (const k of [0, 1, 2]) {
      const density = Math.exp(mixture.logDensity([undefined, k, undefined])) / 3;
      close(draws.filter(([, category]) => category === k).length / 4000, density);
    }
    for (const bin of [0, 1, 2, 3]) {
      const density = Math.exp(mixture.logDensity([undefined, undefined, (bin + 0.5) / 4])) / 3;
      close(draws.filter(([, , x]) => Math.floor(4 * x) === bin).length / 4000, density);
    }
  });
});
