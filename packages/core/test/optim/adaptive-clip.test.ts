import { evaluate, expectClose, float64, numbers } from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { OptionError } from "../../src/errors.js";
import { torchGenerator, torchRandn } from "../../src/math/mt19937.js";
import { adam } from "../../src/optim/adam.js";
import {
  type AdaptiveClipOptions,
  clipAdaptively,
  withAdaptiveClipping,
} from "../../src/optim/adaptive-clip.js";
import { givenGradients, runSteps, startOf } from "./support.js";

const shapes = { conv: { weight: [4, 2, 3, 3], bias: [4] }, linear: { weight: [3, 5], bias: [3] } };
const tree = (seed: number, scale: number) => {
  const rng = torchGenerator(seed);
  const draw = (shape: number[]) =>
    float64(
      numbers(torchRandn(rng, shape, { dtype: "float64" })).map((v) => v * scale),
      shape,
    );
  return {
    conv: { weight: draw(shapes.conv.weight), bias: draw(shapes.conv.bias) },
    linear: { weight: draw(shapes.linear.weight), bias: draw(shapes.linear.bias) },
  };
};
type Tree = ReturnType<typeof tree>;
const [params, gradients] = [tree(1, 1), tree(2, 0.1)];

const clipped = (options: AdaptiveClipOptions, p: Tree = params, g: Tree = gradients) =>
  evaluate((x, w) => clipAdaptively(x, w, options), g, p);

/** The formula in plain loops, on rows of `width` elements. */
function byLoops(g: number[], w: number[], width: number, limit: number, epsilon: number): number[] {
  return g.map((x, i) => {
    const from = Math.floor(i / width) * width;
    const bound = limit * Math.max(Math.hypot(...w.slice(from, from + width)), epsilon);
    const length = Math.hypot(...g.slice(from, from + width));
    return length > bound ? (bound / length) * x : x;
  });
}

describe("clipAdaptively", () => {
  it.each([
    [0.1, 1e-3],
    [0.01, 1e-3],
    [0.1, 1.8],
    [5, 1e-3],
  ])(
    "shortens rows of weights, and whole vectors, to limit %d of their norm, at least %d",
    (limit, epsilon) => {
      const result = clipped({ limit, epsilon });
      const widths = { conv: { weight: 18, bias: 4 }, linear: { weight: 5, bias: 3 } };
      for (const layer of ["conv", "linear"] as const) {
        for (const part of ["weight", "bias"] as const) {
          const [g, w] = [gradients[layer][part], params[layer][part]];
          const expected = byLoops(numbers(g), numbers(w), widths[layer][part], limit, epsilon);
          expectClose(result[layer][part], float64(expected, g.shape), 1e-14);
        }
      }
      if (limit === 5) expect(result).toEqual(gradients);
    },
  );

  it("gives units of zeros epsilon's norm, and leaves gradients of zeros zero", () => {
    const [w, g] = [float64([0, 0, 3, 4], [2, 2]), float64([3, 4, 0, 0], [2, 2])];
    const result = evaluate((x, p) => clipAdaptively(x, p, { limit: 0.5, epsilon: 0.1 }), g, w);
    expectClose(result, float64([0.03, 0.04, 0, 0], [2, 2]), 1e-15);
  });

  it("leaves excluded parameters as they are", () => {
    const result = clipped({ exclude: ["linear", "conv.bias"] });
    expect(result.linear).toEqual(gradients.linear);
    expect(result.conv.bias).toEqual(gradients.conv.bias);
    expect(result.conv.weight).toEqual(clipped({}).conv.weight);
    expect(result.conv.weight).not.toEqual(gradients.conv.weight);
  });

  it("names the parameters when one to exclude is none, and says which limits it takes", () => {
    expect(() => clipped({ exclude: ["lin"] })).toThrow(OptionError);
    expect(() => clipped({ exclude: ["lin"] })).toThrow(
      /exclude has "lin"; the parameters are conv.weight, conv.bias, linear.weight, linear.bias/,
    );
    expect(() => clipped({ limit: 0 })).toThrow(/limit must be a finite number > 0; got 0/);
    expect(() => clipped({ epsilon: 0 })).toThrow(/epsilon must be a finite number > 0; got 0/);
  });
});

it("withAdaptiveClipping gives an optimizer the clipped gradients", () => {
  const options = { limit: 0.02 };
  const optimizer = withAdaptiveClipping(adam(), options);
  expect(optimizer.name).toBe("adam");
  expect(optimizer.moments).toEqual(adam().moments);
  const steps = { given: [gradients], rates: [0.1] };
  const actual = runSteps(optimizer, givenGradients, startOf(optimizer, params), steps);
  const before = { given: [clipped(options)], rates: [0.1] };
  const expected = runSteps(adam(), givenGradients, startOf(adam(), params), before);
  expect(actual).toEqual(expected);
  expect(() => withAdaptiveClipping(adam(), { limit: -1 })).toThrow(OptionError);
});
