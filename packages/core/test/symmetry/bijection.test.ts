import { compiled, float64, numbers } from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { OptionError } from "../../src/errors.js";
import type { Tensor } from "../../src/graph/tensor.js";
import { bijection, slopeOf } from "../../src/symmetry/bijection.js";

/** Where an activation can be undone: its values stay away from the ends of its range by more than a rounding error. */
const domains: Readonly<Record<string, readonly [number, number]>> = {
  identity: [-1e6, 1e6],
  leakyRelu: [-1e6, 1e6],
  elu: [-12, 1e6],
  tanh: [-6, 6],
  asinh: [-1e6, 1e6],
  sigmoid: [-12, 12],
  softplus: [-500, 1e6],
};
const count = 401;
const grid = ([low, high]: readonly [number, number]): number[] =>
  Array.from({ length: count }, (_, i) => low + ((high - low) * i) / (count - 1));

const run = (f: (x: Tensor) => Tensor, values: readonly number[]): number[] =>
  numbers(compiled(f, [float64(values)])(float64(values)));

describe.each(Object.entries(domains))("the bijection %s", (name, domain) => {
  const s = bijection(name, { slope: 0.1 });
  const near = [-3, -1, -1e-3, -1e-9, 0, 1e-9, 1e-3, 1, 3];

  it("is undone by its inverse on its domain", () => {
    const points = [...grid(domain), ...near];
    const back = run((z) => s.inverse(s.forward(z)), points);
    points.forEach((z, i) => {
      expect(Math.abs(back[i] - z), `${z} became ${back[i]}`).toBeLessThan(1e-9 * Math.max(1, Math.abs(z)));
    });
  });

  it("has the slope that finite differences give", () => {
    const h = 1e-6;
    const points = [-2.5, -1.1, -0.3, 0.2, 0.9, 2.7];
    const slopes = run((z) => slopeOf(s, z), points);
    const up = run(
      s.forward,
      points.map((z) => z + h),
    );
    const down = run(
      s.forward,
      points.map((z) => z - h),
    );
    const differences = points.map((_, i) => (up[i] - down[i]) / (2 * h));
    differences.forEach((difference, i) => {
      expect(slopes[i]).toBeCloseTo(difference, 8);
    });
  });
});

describe("a bijection's inverse", () => {
  it.each([
    ["elu", [-1.5]],
    ["tanh", [-1.5, 1.5]],
    ["sigmoid", [-0.5, 1.5]],
    ["softplus", [-0.5, -50]],
  ] as const)("is NaN outside the range of %s", (name, outside) => {
    for (const y of run(bijection(name).inverse, outside)) expect(y).toBeNaN();
  });
});

describe("bijection", () => {
  it("refuses relu, and names the alternatives", () => {
    expect(() => bijection("relu")).toThrow(OptionError);
    expect(() => bijection("relu")).toThrow(/identity, leakyRelu, .*got "relu".*positiveScaling/);
  });

  it.each(["gelu", "silu", "toString", ""])("refuses %j", (name) => {
    expect(() => bijection(name)).toThrow(OptionError);
  });

  it.each([0, -0.1, Number.NaN, Infinity])("refuses a leakyRelu of slope %d", (slope) => {
    expect(() => bijection("leakyRelu", { slope })).toThrow(/slope > 0; got/);
  });
});
