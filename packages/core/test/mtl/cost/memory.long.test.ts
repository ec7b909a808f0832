// The memory of a teleport beside that of a step, as the graphs need it: the most bytes of results that are alive at once.

import { denseTasks } from "isoloss-benchmarks";
import { describe, expect, it } from "vitest";
import { valueAndGrad } from "../../../src/graph/autodiff.js";
import type { Graph } from "../../../src/graph/graph.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import { vectorOf } from "../../../src/graph/ops/slice.js";
import { peakBytes } from "../../../src/graph/peak-bytes.js";
import { simplify } from "../../../src/graph/simplify.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { spec, trace } from "../../../src/graph/trace.js";
import { torchGenerator } from "../../../src/math/mt19937.js";
import { createAdapter, type Factors } from "../../../src/mtl/cost/adapter/adapter.js";
import { type ImproveOptions, improveOf } from "../../../src/mtl/cost/adapter/improve.js";
import { costObjective } from "../../../src/mtl/cost/adapter/inner-loop.js";
import { costPresets } from "../../../src/mtl/cost/presets.js";
import { partsOf, sharedLosses } from "../../../src/mtl/cost/shared-losses.js";

describe("the memory of a teleport on CityScapes' network", () => {
  const [height, width] = [64, 128];
  const problem = denseTasks({ channels: [16, 32, 64, 128, 128] });
  const params = problem.params(torchGenerator(0));
  const parts = partsOf(params, problem.state);
  const losses = sharedLosses({ losses: problem.losses as never });
  const batch = {
    image: spec([8, 3, height, width]),
    semantic: spec([8, height, width], "int64"),
    depth: spec([8, 1, height, width]),
  };
  const peakOf = (graph: Graph) => peakBytes(simplify(graph));

  const step = () =>
    peakOf(
      trace(
        ({ p, b, state }: never) => {
          let next: unknown;
          const context = { training: true, state, keepState: (s: unknown) => (next = s) };
          const total = (q: never) => sum(vectorOf(problem.losses(q, b, context as never)));
          const [loss, gradients] = valueAndGrad(total as never)(p as never);
          return { loss, gradients, next } as never;
        },
        { p: params, b: batch, state: problem.state } as never,
      ).graph,
    );

  const inner = (improve: ImproveOptions) => {
    const adapter = createAdapter(parts.shared, costPresets.default.adapter);
    const objective = costObjective(losses, adapter, {
      weight: 1,
      improve: improveOf(improve),
      dtype: "float32",
    });
    const vector = spec([2]);
    const { graph } = trace(
      ({ factors, parts: at, ...inputs }) => {
        const value = (f: readonly Factors<Tensor>[]) =>
          objective(f, { ...(inputs as never as object), parts: at } as never).value;
        const [loss, gradients] = valueAndGrad(value)(factors);
        return { loss, gradients };
      },
      {
        factors: adapter.init(0),
        parts,
        batch,
        conflicting: batch,
        frozen: vector,
        balance: vector,
        seed: spec([], "int64"),
      },
    );
    const bytes = adapter
      .init(0)
      .flatMap((f) => Object.values(f))
      .reduce((n, a) => n + 4 * a.data.length, 0);
    return { peak: peakOf(graph), adapter: bytes };
  };

  // Of the graph as it is: 0.87 without L_g, 0.91 by differences, 1.82 by second derivatives.
  it("is below 1.3 times that of a step and the adapter without L_g and by differences, and below 2 times by second derivatives", () => {
    const ordinary = step();
    const ratioOf = (improve: ImproveOptions) => {
      const { peak, adapter } = inner(improve);
      return peak / (ordinary + adapter);
    };
    expect(ratioOf({ kind: "none" })).toBeLessThan(1.3);
    expect(ratioOf({ ...costPresets.default.improve, derivatives: "differences" })).toBeLessThan(1.3);
    expect(ratioOf(costPresets.default.improve)).toBeLessThan(2);
  });
});
