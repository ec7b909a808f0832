// Methods that take three independent batches a step. Expected numbers: golden/mtl-aggregators.json (LibMTL).
import { describe, expect, it } from "vitest";
import { NumericalError, ShapeError } from "../../src/errors.js";
import { modo } from "../../src/mtl/methods/modo.js";
import { sdmgrad } from "../../src/mtl/methods/sdmgrad.js";
import { readGolden } from "../nn/support.js";
import { directionOf, inputOf, jacobianOf, type Rows } from "./jacobians.js";

interface Golden {
  stateful: {
    J: Rows[];
    MoDo: { steps: { direction: number[]; lambd: number[] }[] };
    SDMGrad: { steps: { direction: number[]; w: number[] }[] };
  };
}

const { J, MoDo, SDMGrad } = readGolden<Golden>("mtl-aggregators.json").stateful;
const input = inputOf(J[0], { samples: J.map(jacobianOf) });

function close(actual: ArrayLike<number> | undefined, expected: number[], tolerance = 1e-6): void {
  expected.forEach((x, k) => {
    expect(Math.abs((actual?.[k] ?? NaN) - x)).toBeLessThan(tolerance);
  });
}

describe("SDMGrad", () => {
  it("equals LibMTL's two steps, with its inner rate of 5", () => {
    const method = sdmgrad({ lambda: 0.3, iterations: 20, rate: 5, momentum: 0.5 });
    let state = method.init(3);
    for (const step of SDMGrad.steps) {
      const combination = method.combine(input, state);
      state = combination.state;
      close(state.w, step.w);
      close(directionOf(J[0], combination.weights ?? []), step.direction);
    }
  });

  it("is the mean for a very large lambda, and without inner steps", () => {
    const large = sdmgrad({ lambda: 1e12 }).combine(input, sdmgrad().init(3)).weights;
    close(large, [1 / 3, 1 / 3, 1 / 3], 1e-9);
    const none = sdmgrad({ iterations: 0 }).combine(input, sdmgrad().init(3)).weights;
    close(none, [1 / 3, 1 / 3, 1 / 3], 1e-15);
  });
});

describe("MoDo", () => {
  it("equals LibMTL's two steps", () => {
    const method = modo({ gamma: 0.1, rho: 0.1 });
    let state = method.init(3);
    for (const step of MoDo.steps) {
      const { direction, state: next } = method.combine(input, state);
      state = next;
      close(state.lambda, step.lambd);
      close(direction, step.direction);
    }
  });
});

describe.each([sdmgrad(), modo()])("$name", (method) => {
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
