import { describe, it } from "vitest";
import { decrease } from "../../../../src/teleport/objective/decrease.js";
import { type Case, compare, optimizer, problems } from "./walks.js";

const refused: Case = { steps: 6, stepSize: 2, objective: decrease({ optimizer }), guard: { halvings: 6 } };

const cases: readonly Case[] = [
  {},
  { steps: 3, stepSize: 1, guard: { halvings: 0 } },
  { normalized: false, stepSize: 1e-3 },
];

describe("an ascent in null spaces as one loop, in more settings", () => {
  it.each(cases)("leads where steps one by one lead: %j", (options) =>
    compare(problems["an mlp"], options, "javascript"),
  );

  it("leads there for a convolutional network", () =>
    compare(problems["a convolutional network"], refused, "javascript"));

  it("leads there in ONNX Runtime", () => compare(problems["an mlp"], refused, "onnx"));
});
