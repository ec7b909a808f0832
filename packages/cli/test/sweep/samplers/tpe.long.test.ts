import { describe, expect, it } from "vitest";
import { samplerOf } from "../../../src/sweep/samplers/sampler.js";
import type { SweepFile } from "../../../src/sweep/schema.js";
import type { Assignment, Parameter, Trial } from "../../../src/sweep/types.js";

const unit: Parameter = { min: 0, max: 1, scale: "linear" };
const names = ["sgd", "momentum", "adam", "rmsProp"];
const at = (assignment: Assignment, path: string) => assignment[path] as number;

function branin(p: Assignment): number {
  const [a, b] = [15 * at(p, "x") - 5, 15 * at(p, "y")];
  const valley = b - (5.1 / (4 * Math.PI ** 2)) * a * a + (5 / Math.PI) * a - 6;
  return valley ** 2 + 10 * (1 - 1 / (8 * Math.PI)) * Math.cos(a) + 10;
}

const sphere = (p: Assignment) =>
  Object.values(p).reduce<number>((sum, v) => sum + ((v as number) - 0.3) ** 2, 0);

function rates(p: Assignment): number {
  const k = names.indexOf(p.optimizer as string);
  return (at(p, "rate") - [0.8, 0.55, 0.3, 0.45][k]) ** 2 * 8 + [0.3, 0.1, 0.05, 0.4][k];
}

/** The median over 60 seeds of the best of 50 trials. */
function medianOfBest(
  method: SweepFile["method"],
  parameters: Readonly<Record<string, Parameter>>,
  f: (p: Assignment) => number,
): number {
  const best = Array.from({ length: 60 }, (_, seed) => {
    const sampler = samplerOf({ method, parameters, seed, order: "shuffled" });
    const history: Trial[] = [];
    for (let trial = 0; trial < 50; trial++) {
      const assignment = sampler.ask(history, trial);
      history.push({ trial, parameters: assignment, status: "completed", value: f(assignment) });
    }
    return Math.min(...history.map(({ value }) => value as number));
  });
  return best.sort((a, b) => a - b)[30];
}

describe("tpe, best of 50 trials, median of 60 seeds", () => {
  // The bounds are those of a prototype in plain JavaScript with some room; random search comes to 1.01, 0.056 and 0.058.
  it.each([
    ["Branin's function, whose least value is 0.398", { x: unit, y: unit }, branin, 0.65],
    ["a sphere in 4 dimensions", { a: unit, b: unit, c: unit, d: unit }, sphere, 0.012],
    ["a rate with 4 optimizers", { rate: unit, optimizer: { values: names } }, rates, 0.053],
  ] as const)("on %s", (_, parameters, f, most) => {
    const [tpe, random] = [medianOfBest("tpe", parameters, f), medianOfBest("random", parameters, f)];
    expect(tpe).toBeLessThanOrEqual(most);
    expect(tpe).toBeLessThan(random);
  });
});
