import { randomProblem } from "isoloss-test-support/symmetry/support";
import { describe, expect, it } from "vitest";
import { decrease } from "../../../../src/teleport/objective/decrease.js";
import { type Any, type Case, compare, compared, optimizer, problems } from "./walks.js";

const refused: Case = { steps: 6, stepSize: 2, objective: decrease({ optimizer }), guard: { halvings: 6 } };

const cases: readonly Case[] = [
  {},
  { steps: 3, stepSize: 1, guard: { halvings: 0 } },
  { normalized: false, stepSize: 1e-3 },
  { steps: 4, guard: { race: { learningRate: 0.05, steps: 3 } } },
];

describe("an ascent in null spaces as one loop, in more settings", () => {
  it.each(cases)("leads where steps one by one lead: %j", (options) =>
    compare(problems["an mlp"], options, "javascript"),
  );

  it("leads there for a convolutional network", () =>
    compare(problems["a convolutional network"], refused, "javascript"));

  it("leads there, at the same loss, on a hundred random networks", async () => {
    let accepted = 0;
    for (let seed = 0; seed < 100; seed++) {
      const problem = randomProblem(seed, { activations: ["tanh", "relu", "leakyRelu"] }) as unknown as Any;
      const { report } = await compared(problem, { steps: 2 }, "javascript");
      expect(report.drift, `network ${seed}`).toBeLessThan(1e-11);
      if (report.accepted) accepted++;
    }
    expect(accepted).toBeGreaterThan(30);
  });

  it("leads there in ONNX Runtime", () => compare(problems["an mlp"], refused, "onnx"));
});
