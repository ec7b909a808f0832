import { describe, expect, it } from "vitest";
import type { SweepDocument } from "../../src/sweep/document.js";
import { edgesOf } from "../../src/sweep/edges.js";

describe("the edges of a search", () => {
  const parameters = {
    learningRate: { values: [0.1, 0.01, 1] },
    momentum: { min: 0, max: 0.9 },
    batchSize: { values: [16, 32] },
    decay: { min: 0, max: 1, step: 0.3 },
    seed: { values: ["a", 1, 2] },
    epochs: { value: 3 },
  };
  const trial = (number: number, own: object) => ({ trial: number, parameters: own });

  it("are told of the best trial and of those that are confirmed, not of others", () => {
    const trials = [
      trial(0, { learningRate: 1, momentum: 0.5, batchSize: 32, seed: 2, epochs: 3 }),
      trial(1, { learningRate: 0.1, momentum: 0, batchSize: 16, decay: 0.9, seed: 1, epochs: 3 }),
      trial(2, { learningRate: 0.01, momentum: 0.9 }),
    ];
    const document = { best: { trial: 0 }, confirmed: [{ trial: 1 }], trials } as unknown as SweepDocument;
    expect(edgesOf({ parameters }, document)).toEqual([
      "Trial 0 has the largest learningRate of those tried, 1: a better one may lie beyond.",
      "Trial 1 has the least momentum of those tried, 0: a better one may lie beyond.",
      "Trial 1 has the largest decay of those tried, 0.9: a better one may lie beyond.",
    ]);
    expect(edgesOf({ parameters }, { ...document, best: null, confirmed: [] })).toEqual([]);
  });
});
