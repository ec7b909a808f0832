import { float64 } from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { OptionError } from "../../../src/errors.js";
import { add, mul } from "../../../src/graph/ops/arithmetic.js";
import { square } from "../../../src/graph/ops/elementary.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { minimized } from "../../../src/teleport/objective/objective.js";
import { sharpness } from "../../../src/teleport/objective/sharpness.js";
import { bowl, expectGradient, measured, net, netBatch, netLoss } from "./support.js";

describe("sharpness", () => {
  // 1/2 a ||r d||^2 = a r^2 / 2 for every direction of length 1.
  it("is a r^2 / 2 at the minimum of 1/2 a ||w||^2", () => {
    const minimum = float64([0, 0]);
    expect(measured(sharpness({ radii: [0.1] }), bowl(4, 4), minimum).value).toBeCloseTo(0.02, 14);
    const mean = (4 / 2) * ((0.1 ** 2 + 0.3 ** 2) / 2);
    const objective = sharpness({ radii: [0.1, 0.3], samples: 7, seed: 5 });
    expect(measured(objective, bowl(4, 4), minimum).value).toBeCloseTo(mean, 14);
  });

  it("measures the radius over all tensors, or in each as a share of its norm", () => {
    // L = ||u||^2 + ||v||^2: r^2 at the minimum; at (u, 0) with scale `tensor`, the mean of |1 + r c|^2 |u|^2, c = +-1
    // for a tensor of one element.
    const loss = ({ u, v }: { u: Tensor; v: Tensor }) => add(sum(square(u)), sum(square(v)));
    const origin = { u: float64([0, 0, 0]), v: float64([0]) };
    expect(measured(sharpness({ radii: [0.5] }), loss, origin).value).toBeCloseTo(0.25, 14);
    const at = { u: float64([4]), v: float64([0]) };
    const { value } = measured(sharpness({ radii: [0.5], samples: 1, scale: "tensor" }), loss, at);
    expect([4, 36].some((x) => Math.abs(x - value) < 1e-9)).toBe(true);
  });

  it("tells a sharp minimum from a flat one, and minimized prefers the flat one", () => {
    const minimum = float64([0, 0]);
    const [sharp, flat] = [bowl(100, 100), bowl(1, 1)].map(
      (loss) => measured(minimized(sharpness()), loss, minimum).value,
    );
    expect(flat).toBeGreaterThan(sharp);
  });

  it("gives the same for the same seed, and something else for another", () => {
    const meanLoss = (seed: number) =>
      measured(sharpness({ seed, samples: 2 }), netLoss, net, { batch: netBatch }).value;
    expect(meanLoss(1)).toBe(meanLoss(1));
    expect(meanLoss(1)).not.toBe(meanLoss(2));
  });

  // E (d'Hd) = trace H / n for directions of length 1: the excess over L is r^2 / 2 times that.
  it("approaches L + r^2/2 trace(H)/n with many directions", () => {
    const objective = sharpness({ radii: [0.1], samples: 300 });
    const excess = measured(objective, bowl(1, 10), float64([0, 0])).value;
    expect(Math.abs(excess / (0.005 * 5.5) - 1)).toBeLessThan(0.1);
  });

  it.each(["global", "tensor"] as const)("has the gradient of difference quotients: scale %s", (scale) => {
    expectGradient(sharpness({ radii: [0.05, 0.5], samples: 2, scale }), netLoss, net, { batch: netBatch });
  });

  it("has a finite gradient where a tensor is zero", () => {
    const loss = (p: Tensor) => sum(mul(p, p));
    const { gradient } = measured(sharpness({ scale: "tensor" }), loss, float64([0, 0]));
    expect(gradient.every(Number.isFinite)).toBe(true);
  });

  it("refuses options out of range", () => {
    expect(() => sharpness({ radii: [] })).toThrow(/a list of 1 or more/);
    expect(() => sharpness({ radii: [0] })).toThrow(OptionError);
    expect(() => sharpness({ samples: 0 })).toThrow(/samples must be an integer >= 1; got 0/);
    expect(() => sharpness({ scale: "layer" as never })).toThrow(/one of global, tensor/);
  });
});
