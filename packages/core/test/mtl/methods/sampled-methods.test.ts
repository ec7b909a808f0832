// Methods that take three independent batches a step; their golden steps are in stateful-golden.test.ts.

import { readGolden } from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { NumericalError, ShapeError } from "../../../src/errors.js";
import { modo } from "../../../src/mtl/methods/modo.js";
import { sdmGrad } from "../../../src/mtl/methods/sdm-grad.js";
import { inputOf, jacobianOf, type Rows } from "./jacobians.js";

const { J } = readGolden<{ sequences: { inputs: { J: Rows[] } } }>("mtl-stateful.json").sequences.inputs;
const input = inputOf(J[0], { samples: J.map(jacobianOf) });

function close(actual: ArrayLike<number> | undefined, expected: number[], tolerance = 1e-6): void {
  expected.forEach((x, k) => {
    expect(Math.abs((actual?.[k] ?? NaN) - x)).toBeLessThan(tolerance);
  });
}

describe("SDMGrad", () => {
  it("is the mean for a very large lambda, and without inner steps", () => {
    const large = sdmGrad({ lambda: 1e12 }).combine(input, sdmGrad().init(3)).weights;
    close(large, [1 / 3, 1 / 3, 1 / 3], 1e-9);
    const none = sdmGrad({ iterations: 0 }).combine(input, sdmGrad().init(3)).weights;
    close(none, [1 / 3, 1 / 3, 1 / 3], 1e-15);
  });
});

describe.each([sdmGrad(), modo()])("$name", (method) => {
  it("asks for three batches", () => {
    expect(method.samplesPerStep).toBe(3);
    const { samples: _, ...without } = input;
    const state = method.init(3) as never;
    expect(() => method.combine(without, state)).toThrow(ShapeError);
    expect(() => method.combine({ ...input, samples: input.samples?.slice(1) }, state)).toThrow(ShapeError);
    const other = [jacobianOf(J[0]), jacobianOf(J[1]), jacobianOf([[1, 2, 3, 4]])];
    expect(() => method.combine({ ...input, samples: other }, state)).toThrow(ShapeError);
  });

  it("names the task and the sample of a gradient that is not finite", () => {
    const bad = [...J[1].slice(0, 2), [0, NaN, 0, 0]];
    const samples = [jacobianOf(J[0]), jacobianOf(bad), jacobianOf(J[2])];
    const run = () => method.combine({ ...input, samples }, method.init(3) as never);
    expect(run).toThrow(NumericalError);
    expect(run).toThrow("task 2 in sample 1");
  });
});
