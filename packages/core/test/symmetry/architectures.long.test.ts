import { relative, scaledT } from "isoloss-test-support/symmetry/support";
import { describe, expect, it } from "vitest";
import { full, item, type NdArray } from "../../src/array.js";
import { grad } from "../../src/graph/autodiff.js";
import { trace } from "../../src/graph/trace.js";
import { createRng } from "../../src/math/rng.js";
import { compile } from "../../src/runtime/compile.js";
import type { ParameterAxis } from "../../src/symmetry/discovery/descriptors.js";
import type { DiscreteSymmetry } from "../../src/symmetry/discrete/discrete.js";
import { isRefusal, type Symmetry } from "../../src/symmetry/symmetry.js";
import { gradientAscent } from "../../src/teleport/search/gradient-ascent.js";
import { nullSpace } from "../../src/teleport/search/null-space/null-space.js";
import type { SearchFactory } from "../../src/teleport/search/search.js";
import { createTeleporter } from "../../src/teleport/teleporter.js";
import { namedArrays } from "../../src/tree.js";
import {
  type Architecture,
  architecture,
  architectures,
  build,
  compiled,
  distance,
  numbersOf,
  type Params,
  treeLike,
} from "./architectures.js";

/** A kind of group, over the whole network at once. */
interface Continuous {
  readonly symmetry: Symmetry<Params>;
  /** Size of a random element's numbers. */
  readonly size: number;
  /** The parameters that it moves. */
  readonly paths: ReadonlySet<string>;
}

function continuous({ symmetries }: Architecture): Continuous[] {
  const { found, scaling, nearScaling, linear, orthogonal } = symmetries;
  const pathsOf = (groups: readonly { readonly axes: readonly ParameterAxis[] }[]) =>
    new Set(groups.flatMap(({ axes }) => axes.map(({ path }) => path)));
  const [exact, near] = [true, false].map((is) => found.scalings.filter((g) => g.exact === is));
  return [
    ...(scaling ? [{ symmetry: scaling, size: 0.5, paths: pathsOf(exact) }] : []),
    ...(nearScaling ? [{ symmetry: nearScaling, size: 0.5, paths: pathsOf(near) }] : []),
    ...(linear ? [{ symmetry: linear, size: 0.3, paths: pathsOf(found.linear) }] : []),
    ...(orthogonal ? [{ symmetry: orthogonal, size: 0.3, paths: pathsOf(found.orthogonal) }] : []),
  ];
}

const discrete = ({ symmetries: { permutations, signFlips } }: Architecture): DiscreteSymmetry<Params>[] =>
  [permutations, signFlips].filter((group) => group !== undefined);

function element({ algebra }: Symmetry<Params>, size: number, seed: number): NdArray[] {
  const rng = createRng(seed).fork("element");
  return algebra.map((shape) => ({
    shape,
    data: Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => size * rng.normal()),
  }));
}

async function moved(symmetry: Symmetry<Params>, params: Params, T: readonly NdArray[], a: Architecture) {
  const to = await symmetry.act(params, T, a.batch);
  if (isRefusal(to)) throw new Error(to.refused);
  return to;
}

async function lossOf(a: Architecture): Promise<(p: Params) => Promise<number>> {
  const run = await compiled(a.loss, a);
  return async (p) => item((await run(p)).result);
}

/** dL/dw as a tree. */
async function gradientOf(a: Architecture): Promise<(p: Params) => Promise<Params>> {
  const run = await compiled(grad(a.loss), a);
  return async (p) => treeLike(p, await run(p));
}

/**
 * Where a group that is exact but for a normalization's constant is tried: there the variances are exp(2 * 5) times what
 * they were, and the constant counts as much less.
 */
async function startOf({ symmetry }: Continuous, a: Architecture): Promise<Params> {
  if (symmetry.exact !== "nearly") return a.params;
  const far = symmetry.algebra.map((shape) => full(shape, 5, "float64"));
  return moved(symmetry, a.params, far, a);
}

async function teleported({ loss, params, batch, runtime }: Architecture, search: SearchFactory<Params>) {
  const options = { search, loss, params, batch, runtime, guard: { curvature: 0 } };
  const teleporter = await createTeleporter(options);
  const result = await teleporter.teleport(params, batch);
  await teleporter.dispose();
  return result;
}

/** What is found in each network, as numbers of scalings, inexact scalings, signs, permutations and linear spaces. */
const expected: Readonly<Record<string, readonly number[]>> = {
  convnet: [3, 0, 0, 3, 0],
  "convnet with batch norm": [3, 3, 3, 3, 0],
  // Two scalings a block, between its three convolutions; the residual stream of the first block, the outputs of the others
  // (which are linear), and the head.
  "mobilenet with relu": [10, 0, 2, 7, 2],
  // Only the outputs of the second block pass no ReLU6 between their norm and the next convolution.
  "mobilenet with relu6 and batch norm": [1, 8, 9, 5, 0],
  lenet: [4, 0, 0, 4, 0],
  vgg6: [6, 0, 0, 6, 0],
  resnet18: [12, 20, 20, 12, 0],
  "patchTransformer with relu": [15, 1, 14, 9, 4],
  "patchTransformer with gelu": [13, 1, 14, 9, 4],
  // Outputs of all convolutions but the last; what is read through a skip connection is scaled in both readers. Nothing lies
  // between a transposed convolution and the next one.
  unet: [7, 0, 1, 7, 1],
  "unet with batch norm": [7, 6, 7, 7, 1],
  // The hidden values of each direction, and of each layer: in another order, and with other signs, as tanh is odd.
  "recurrentClassifier of gru cells": [0, 0, 2, 2, 0],
  "recurrentClassifier of lstm cells": [0, 0, 2, 2, 0],
  "recurrentClassifier of stacked lstm cells, both directions": [0, 0, 4, 4, 0],
  // Per block: scales of both norms, of the frequencies of rotary positions, of whole heads of values and of units in all of them, and the
  // linear factor of the gated unit; orders of heads, of their values and of hidden units; values and outputs. The last norm; the residual stream.
  sequenceTransformer: [13, 1, 16, 7, 2],
};

describe.each(architectures)("The symmetries of $name", (row) => {
  it("are found in its training loss", () => {
    const { scalings, signs, permutations: spaces, linear } = build(row, "float64").symmetries.found;
    const exact = scalings.filter((g) => g.exact).length;
    expect([exact, scalings.length - exact, signs.length, spaces.length, linear.length]).toEqual(
      expected[row.name],
    );
  });

  it.each([
    ["float64", 1e-10],
    ["float32", 1e-4],
  ] as const)("keep the loss under random elements: %s", async (dtype, tolerance) => {
    const a = build(row, dtype);
    const loss = await lossOf(a);
    for (const seed of row.isLarge ? [0] : [0, 1, 2]) {
      for (const group of continuous(a)) {
        const { symmetry, size } = group;
        const start = await startOf(group, a);
        const to = await moved(symmetry, start, element(symmetry, size, seed), a);
        expect(distance(start, to), symmetry.name).toBeGreaterThan(0.01);
        const change = relative(await loss(start), await loss(to));
        expect(change, symmetry.name).toBeLessThan(
          symmetry.exact === "everywhere" ? tolerance : Math.max(tolerance, 1e-8),
        );
      }
      for (const group of discrete(a)) {
        const drawn = group.act(a.params, group.random(createRng(seed)));
        // A group of few elements may draw its identity.
        const to = distance(a.params, drawn) > 0 ? drawn : group.act(a.params, group.move(0));
        expect(distance(a.params, to), group.name).toBeGreaterThan(0.01);
        expect(relative(await loss(a.params), await loss(to)), group.name).toBeLessThan(tolerance);
      }
    }
  });

  it("have the derivative that differences of the action have", async () => {
    const a = build(row, "float64");
    const h = 1e-6;
    for (const { symmetry } of continuous(a)) {
      const T = element(symmetry, 1, 3);
      const { graph } = trace(({ p, t }) => symmetry.derivative(p, t, {}, []), { p: a.params, t: T });
      const results = await (await compile(graph)).run(namedArrays({ p: a.params, t: T }));
      const up = numbersOf(await moved(symmetry, a.params, scaledT(T, h), a));
      const down = numbersOf(await moved(symmetry, a.params, scaledT(T, -h), a));
      const difference = { shape: [up.length], data: up.map((v, i) => (v - down[i]) / (2 * h)) };
      const derivative = { shape: [up.length], data: numbersOf(treeLike(a.params, results)) };
      expect(distance(derivative, difference), symmetry.name).toBeLessThan(1e-8);
    }
  });

  it("push a gradient forward to the gradient at the new point", async () => {
    const a = build(row, "float64");
    const gradient = await gradientOf(a);
    for (const group of continuous(a)) {
      const { symmetry, size, paths } = group;
      const start = await startOf(group, a);
      const before = await gradient(start);
      const T = element(symmetry, size, 4);
      const pushed = await symmetry.pushForward?.(before, T, 1, start, a.batch);
      const after = await gradient(await moved(symmetry, start, T, a));
      const tolerance = symmetry.exact === "everywhere" ? 1e-9 : 1e-6;
      expect(distance(after, pushed), symmetry.name).toBeLessThan(tolerance);
      expect(distance(after, pushed, paths), symmetry.name).toBeLessThan(tolerance);
      expect(distance(after, before, paths), symmetry.name).toBeGreaterThan(0.01);
    }
    const before = await gradient(a.params);
    for (const group of discrete(a)) {
      const g = group.random(createRng(4));
      const after = await gradient(group.act(a.params, g));
      expect(distance(after, group.pushForward(before, g, 1)), group.name).toBeLessThan(1e-9);
    }
  });

  it.each(row.isLarge ? (["float32"] as const) : (["float64", "float32"] as const))(
    "raise ||grad||^2 in a teleport, at the same loss: %s",
    async (dtype) => {
      const a = build(row, dtype);
      const loss = await lossOf(a);
      // Turns of planes keep the gradient's length: there is nothing to raise.
      const hasGains = a.symmetries.found.orthogonal.some(({ keeps }) => keeps !== "orientation");
      const raising = continuous(a).filter(
        ({ symmetry: { exact, name } }) => exact === "everywhere" && (name !== "orthogonal" || hasGains),
      );
      for (const { symmetry } of raising) {
        const { params, report } = await teleported(a, gradientAscent(symmetry));
        expect(report.accepted, `${symmetry.name}: ${report.reason}`).toBe(true);
        // But for the gains that it is around, a rotation keeps the gradient's length.
        const rise = symmetry.name === "orthogonal" ? 1 : row.rise;
        expect(report.gradNormSqAfter / report.gradNormSqBefore, symmetry.name).toBeGreaterThan(rise);
        expect(relative(await loss(a.params), await loss(params)), symmetry.name).toBeLessThan(
          dtype === "float64" ? 1e-10 : 1e-4,
        );
      }
    },
  );
});

describe("Null-space teleports", () => {
  it.each(["convnet", "patchTransformer with relu", "patchTransformer with gelu"])(
    "keep the loss on the batch, and raise ||grad||^2: %s",
    async (name) => {
      const a = build(architecture(name), "float64");
      const loss = await lossOf(a);
      const { params, report } = await teleported(a, nullSpace());
      expect(report.accepted, report.reason).toBe(true);
      expect(report.gradNormSqAfter).toBeGreaterThan(1.05 * report.gradNormSqBefore);
      expect(relative(await loss(a.params), await loss(params))).toBeLessThan(1e-10);
      expect(distance(a.params, params)).toBeGreaterThan(0.01);
    },
  );
});
