import { randomCases } from "isoloss-test-support/random-cases";
import { normals, subject } from "isoloss-test-support/symmetry/discovery/support";
import { describe, expect, it } from "vitest";
import { array } from "../../../src/array.js";
import { nodesOf } from "../../../src/graph/graph.js";
import { relu } from "../../../src/graph/ops/activation.js";
import { mul } from "../../../src/graph/ops/arithmetic.js";
import { matmul } from "../../../src/graph/ops/matmul.js";
import { maxPoolWithIndices2d, maxUnpool2d } from "../../../src/graph/ops/pool.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import { reshape } from "../../../src/graph/ops/reshape.js";
import { createRng } from "../../../src/math/rng.js";
import type { ScalingGenerator } from "../../../src/symmetry/discovery/descriptors.js";
import { scalesOf } from "../../../src/symmetry/discovery/scales/scales.js";
import { randomNetwork } from "./random-network.js";
import { checked, expectFactors, networkKinds } from "./scales-support.js";

describe("scalesOf", () => {
  expectFactors(networkKinds.slice(0, 1));

  it("gives those before a normalization up to its constant", async () => {
    let tried = 0;
    for (let seed = 0; tried < randomCases(20); seed++) {
      const s = randomNetwork(seed, "images");
      if (s.found.scalings.every((g) => g.exact)) continue;
      tried++;
      await checked(s, s.found.scalings, 1e-2, seed);
    }
  });

  it("follows maxima to their places and back", async () => {
    const rng = createRng(1);
    const s = subject(
      (p, d) => {
        const h = relu(reshape(matmul(d.x, p.w), [3, 2, 2, 4]));
        const { values, indices } = maxPoolWithIndices2d(h, { kernel: 2 });
        return sum(mul(maxUnpool2d(values, indices, h.shape), p.v));
      },
      { w: normals(rng, [5, 16]), v: normals(rng, [3, 2, 2, 4]) },
      { x: normals(rng, [3, 5]) },
    );
    const nodes = nodesOf(s.graph).filter(({ op }) => op.name === "reshape");
    expect(s.found.scalings.filter(({ size }) => size === 2)).toHaveLength(1);
    const scales = scalesOf(s.graph, s.found.scalings, nodes.slice(-1));
    expect(scales[0].map(({ axes }) => axes)).toEqual([[1]]);
    await checked(s, s.found.scalings, 1e-10, 1);
  });

  it("names what is not in the graph", () => {
    const s = subject((p) => sum(p.w), { w: array([1, 2]) }, {});
    const other = subject((p) => sum(p.w), { w: array([1, 2]) }, {});
    expect(() => scalesOf(s.graph, [], [other.graph.outputs[0].tensor])).toThrow(/not a node of the graph/);
    const foreign: ScalingGenerator = {
      kind: "scaling",
      size: 2,
      axes: [{ path: "v", view: [2], axis: 0, power: 1 }],
      exact: true,
    };
    expect(() => scalesOf(s.graph, [foreign], [])).toThrow(/no input "v"; it has p.w/);
  });
});
