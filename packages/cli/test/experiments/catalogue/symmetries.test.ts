import { crossEntropy, spec, torchGenerator } from "isoloss";
import { patchTransformer } from "isoloss/nn";
import { describe, expect, it } from "vitest";
import type { Tree } from "../../../src/experiments/catalogue/problems.js";
import {
  makeSymmetry,
  type Subject,
  type TeleportContext,
} from "../../../src/experiments/catalogue/symmetries.js";

const model = patchTransformer({ imageSize: [4, 4], patch: 2, width: 4, heads: 2, depth: 1, classes: 3 });
const subject: Subject = {
  loss: ((p: never, { x, y }: { x: never; y: never }) => crossEntropy(model.apply(p, x).output, y)) as never,
  params: model.init(torchGenerator(0)).params as Tree,
  batch: { x: spec([5, 16], "float32"), y: spec([5], "int64") },
};
const context: TeleportContext = { seed: 0, optimizer: {} as never, learningRate: 0.1 };
/** How many numbers tell an element of the group. */
const sizeOf = (name: string): number =>
  makeSymmetry(
    { name },
    context,
  )(subject)
    .algebra.map((shape) => shape.reduce((a, b) => a * b, 1))
    .reduce((a, b) => a + b, 0);

describe("symmetries that are found in a loss' graph", () => {
  it("are GL of every head's query-key and value-output spaces, and scalings of the perceptron's units", () => {
    // One block of two heads of width 2: a 2 x 2 matrix for query-key and one for value-output of each.
    expect(sizeOf("generalLinear")).toBe(4 * 4);
    const scaled = sizeOf("scaling");
    // Eight hidden units of the perceptron at least.
    expect(scaled).toBeGreaterThanOrEqual(8);
    expect(sizeOf("scalingAndLinear")).toBe(scaled + 16);
  });

  it("are refused where there are none", () => {
    const lone: Subject = {
      loss: ((p: { w: never }) => p.w) as never,
      params: { w: { shape: [], data: Float64Array.from([1]) } } as Tree,
      batch: {},
    };
    expect(() => makeSymmetry({ name: "generalLinear" }, context)(lone)).toThrow(
      /shows no spaces that linear maps alone touch: choose another symmetry/,
    );
    expect(() => makeSymmetry({ name: "positiveScaling" }, context)(subject)).toThrow(
      /multilayer perceptrons/,
    );
  });
});
