import { readGolden } from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { adamOnHost, startAdam } from "../../../src/mtl/kernels/adam-on-host.js";
import type { OptimizersGolden } from "../../optim/support.js";
import { expectNumbers } from "../methods/stateful-support.js";

const { problem, optimizers } = readGolden<OptimizersGolden>("optimizers.json");

describe("Adam on the host", () => {
  it.each([
    ["adam", 0],
    ["adam-weight-decay", 0.05],
  ])("takes PyTorch's steps: %s", (name, weightDecay) => {
    const golden = optimizers.find((o) => o.name === name);
    expect(golden).toBeDefined();
    let params: Float64Array = Float64Array.from(problem.params.W.data);
    let adam = startAdam(params.length);
    golden?.given.forEach(({ W }, t) => {
      const g = Float64Array.from(problem.gradients[t].W);
      ({ params, adam } = adamOnHost(params, g, adam, { learningRate: golden.options.lr, weightDecay }));
      expectNumbers(params, W, 1e-12);
    });
  });

  it("changes neither parameters nor state in place", () => {
    const [params, state] = [Float64Array.of(1, 2), startAdam(2)];
    adamOnHost(params, Float64Array.of(1, 1), state, { learningRate: 0.1 });
    expect([...params]).toEqual([1, 2]);
    expect(state).toEqual(startAdam(2));
  });
});
