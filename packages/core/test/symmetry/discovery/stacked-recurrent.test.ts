// Layers that read both directions of the layer before: its halves feed the gates of each direction.
import { describe, expect, it } from "vitest";
import { ndarray } from "../../../src/array.js";
import type { BatchTensors } from "../../../src/batch.js";
import { mean, square, sub } from "../../../src/entries/ops.js";
import { trace } from "../../../src/graph/trace.js";
import { torchGenerator } from "../../../src/math/mt19937.js";
import { createRng } from "../../../src/math/rng.js";
import { recurrentClassifier } from "../../../src/nn/models/recurrent-classifier.js";
import { compile } from "../../../src/runtime/compile.js";
import type { DiscreteSymmetry } from "../../../src/symmetry/discrete/discrete.js";
import { symmetriesOf } from "../../../src/symmetry/symmetries-of.js";
import { namedArrays } from "../../../src/tree.js";
import { distance } from "../architectures.js";

describe.each([
  ["gru", 2, 3, false, 1],
  ["gru", 3, 2, true, 2],
  ["lstm", 2, 3, true, 3],
  ["lstm", 3, 4, false, 4],
] as const)("%s, %i layers of %i units in both directions", (cell, layers, width, perElement, seed) => {
  const model = recurrentClassifier({
    cell,
    inputs: 2,
    width,
    layers,
    perElement,
    classes: 2,
    bidirectional: true,
  });
  const { params } = model.init(torchGenerator(seed), { dtype: "float64" });
  const rng = createRng(seed);
  const x = ndarray(
    Float64Array.from({ length: 3 * 4 * 2 }, () => rng.normal()),
    [3, 4, 2],
  );
  const target = ndarray(
    Float64Array.from({ length: 2 * 3 * (perElement ? 4 : 1) }, () => rng.normal()),
    perElement ? [3, 4, 2] : [3, 2],
  );
  const loss = (p: never, b: BatchTensors) => mean(square(sub(model.apply(p, b.x).output, b.target)));
  const { found, permutations, signFlips } = symmetriesOf(loss as never, params, { x, target });

  it("has a space of units for each layer and direction, along rows of gates and columns of what reads them", () => {
    expect(found.permutations.map(({ size }) => size)).toEqual(Array(2 * layers).fill(width));
    expect(found.signs.map(({ size }) => size)).toEqual(Array(2 * layers).fill(width));
    const gates = cell === "gru" ? 3 : 4;
    // Units of the first layer, forward: a piece of columns in both directions of the next layer.
    const next = (name: string) => `layers.1.${name}.weight_ih`;
    for (const [direction, start] of [
      ["forward", 0],
      ["backward", width],
    ] as const) {
      const own = `layers.0.${direction}.weight_hh`;
      const space = found.permutations.find(({ axes }) => axes.some(({ path }) => path === own));
      const reading = space?.axes.filter(({ path }) => path.startsWith("layers.1."));
      const part = { axis: 1, start, count: width };
      expect(reading).toEqual(
        ["forward", "backward"].map((name) => ({
          path: next(name),
          part,
          view: [gates * width, width],
          axis: 1,
        })),
      );
    }
  });

  it("keeps its outputs when units are permuted and their signs flipped, each space by itself", async () => {
    const { graph } = trace(({ p, input }) => ({ y: model.apply(p, input).output }), { p: params, input: x });
    const run = await compile(graph, { runtime: "javascript" });
    const outputs = async (p: typeof params) => (await run.run(namedArrays({ p, input: x }))).y.data;
    const before = await outputs(params);
    for (const group of [permutations, signFlips] as DiscreteSymmetry<typeof params>[]) {
      for (let k = 0; k < 3; k++) {
        const moved = group.act(params, group.random(createRng(k)));
        expect(distance(params, moved)).toBeGreaterThan(0.01);
        const after = await outputs(moved);
        before.forEach((value, i) => {
          expect(Number(after[i])).toBeCloseTo(Number(value), 12);
        });
      }
    }
    await run.dispose();
  });
});
