import { describe, expect, it } from "vitest";
import { drawFigures, lossCurves } from "../../../src/experiments/report/figures.js";
import { runDocument } from "../../../src/formats/json.js";

const run = (loss: number[]) => ({
  experiment: "x",
  variant: "plain",
  seed: 0,
  settings: {},
  document: runDocument({ name: "x", seed: 0, status: "completed", steps: 2, wallSeconds: 1, loss }),
  seconds: [0, 1, 2],
  jumps: [],
});

describe("lossCurves", () => {
  it("are on a logarithmic axis unless a loss is negative", () => {
    expect(lossCurves([run([9, 1e-9, 1e-18])]).logY).toBe(true);
    expect(lossCurves([run([9, 1e-9, 0])]).logY).toBe(true);
    expect(lossCurves([run([9, 1, -1])]).logY).toBe(false);
  });

  it("are means over a fiftieth of the run for mini-batches, with validation data or without", () => {
    const full = run([9, 1, 1]);
    const long = { ...full, document: { ...full.document, steps: 200 } };
    expect(lossCurves([long]).window).toBe(1);
    expect(lossCurves([{ ...long, settings: { batchSize: 2 } }]).window).toBe(4);
  });
});

it("draws on level sets the paths of the same problem alone", async () => {
  const path = (variant: string, problem: string) => ({
    ...run([9, 1]),
    variant,
    settings: { problem: { name: problem } },
    trajectory: [
      [1, 2],
      [1, 1],
    ],
  });
  const results = [path("first", "rosenbrock"), path("second", "booth"), path("third", "rosenbrock")];
  const [{ svg }] = await drawFigures({ results, figures: ["levelSets"] });
  expect(["first", "second", "third"].filter((name) => svg.includes(name))).toEqual(["first", "third"]);
});
