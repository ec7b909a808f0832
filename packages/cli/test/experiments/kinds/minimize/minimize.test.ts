import { describe, expect, it } from "vitest";
import type { JobResult } from "../../../../src/experiments/kind.js";
import { drawFigures } from "../../../../src/experiments/report/figures.js";
import { runDocument } from "../../../../src/formats/json.js";

const run = (variant: string, last: number, search?: object): JobResult => ({
  experiment: "x",
  variant,
  seed: 0,
  settings: { ...(search ? { teleport: { when: { atSteps: [5] }, search } } : {}) },
  document: runDocument({
    name: "x",
    seed: 0,
    status: "completed",
    steps: 1,
    wallSeconds: 1,
    loss: [9, last],
  }),
  seconds: [0, 1],
  jumps: [],
});

describe("the figure sweep", () => {
  it("has a series for each number of steps, a figure for each search, and the loss without a teleport", async () => {
    const results = [
      run("plain", 1.9),
      ...[0.1, 0.3].flatMap((rate) =>
        [2, 8].flatMap((steps) => [
          run(`ascent-${rate}-${steps}`, rate * steps, { name: "gradientAscent", stepSize: rate, steps }),
          run(`released-${rate}-${steps}`, rate * steps > 2 ? 1e90 : 1, {
            name: "referenceMlp",
            learningRate: rate / 1e6,
            steps,
          }),
        ]),
      ),
    ];
    const drawn = await drawFigures({ results, figures: ["sweep"] });
    expect(drawn.map(({ name }) => name)).toEqual(["sweep-gradientAscent", "sweep-referenceMlp"]);
    const [{ svg }, released] = drawn;
    expect(released.svg).toMatch(/Not shown, as a run ended above its start: 3e-7 x 8\./);
    expect(svg).toMatch(/8 steps/);
    expect(svg).toMatch(/Without a teleport the mean final loss is 1\.9\./);
  });

  it("is left out where nothing was swept", async () => {
    const results = [run("plain", 2), run("one", 1, { name: "gradientAscent", stepSize: 0.1, steps: 2 })];
    expect(await drawFigures({ results, figures: ["sweep"] })).toEqual([]);
  });
});
