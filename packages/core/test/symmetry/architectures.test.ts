import { describe, expect, it } from "vitest";
import { item, type NdArray } from "../../src/array.js";
import { grad } from "../../src/graph/autodiff.js";
import { type TensorsOf, trace } from "../../src/graph/trace.js";
import { createRng } from "../../src/math/rng.js";
import { namedArrays } from "../../src/named-arrays.js";
import { compile } from "../../src/runtime/compile.js";
import type { DiscreteSymmetry } from "../../src/symmetry/discrete.js";
import { generalLinear } from "../../src/symmetry/general-linear.js";
import { permutations } from "../../src/symmetry/permutations.js";
import { scaling } from "../../src/symmetry/scaling.js";
import { signFlips } from "../../src/symmetry/sign-flips.js";
import { isRefusal, type Symmetry } from "../../src/symmetry/symmetry.js";
import { gradientAscent } from "../../src/teleport/search/gradient-ascent.js";
import { nullSpace } from "../../src/teleport/search/null-space.js";
import { createTeleporter } from "../../src/teleport/teleporter.js";
import {
  type Architecture,
  architecture,
  architectures,
  build,
  compiled,
  distance,
  mapTree,
  numbersOf,
  type Params,
  treeLike,
} from "./architectures.js";
import { relative, scaledT } from "./support.js";

/** Each kind of group that was found, over the whole network at once. */
interface Continuous {
  readonly kind: string;
  readonly symmetry: Symmetry<Params>;
  /** Size of a random element's numbers. */
  readonly size: number;
}

function continuous({ found }: Architecture): Continuous[] {
  const exact = found.scalings.filter((g) => g.exact);
  const nearly = found.scalings.filter((g) => !g.exact);
  const { linear } = found;
  return [
    ...(exact.length > 0 ? [{ kind: "scaling", symmetry: scaling<Params>(exact), size: 0.5 }] : []),
    ...(nearly.length > 0
      ? [{ kind: "scaling before norms", symmetry: scaling<Params>(nearly), size: 0.2 }]
      : []),
    ...(linear.length > 0
      ? [{ kind: "general linear", symmetry: generalLinear<Params>(linear), size: 0.3 }]
      : []),
  ];
}

function discrete({ found, params }: Architecture): DiscreteSymmetry<Params>[] {
  return [
    permutations(params, found.permutations),
    ...(found.signs.length > 0 ? [signFlips(params, found.signs)] : []),
  ];
}

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

/** What a small constant in a normalisation leaves of an invariance: here variances are about 1, and it is 1e-5. */
const nearly = 2e-3;

/** What is found in each network, as numbers of scalings, inexact scalings, signs, permutations and linear spaces. */
const expected: Readonly<Record<string, readonly number[]>> = {
  convnet: [3, 0, 0, 3, 0],
  lenet: [4, 0, 0, 4, 0],
  vgg6: [6, 0, 0, 6, 0],
  resnet18: [12, 20, 20, 12, 0],
  "patchTransformer with relu": [15, 1, 12, 9, 4],
  "patchTransformer with gelu": [13, 1, 12, 9, 4],
};

describe.each(architectures)("The symmetries of $name", (row) => {
  it("are found in its training loss", () => {
    const { scalings, signs, permutations: spaces, linear } = build(row, 1, "float64").found;
    const exact = scalings.filter((g) => g.exact).length;
    expect([exact, scalings.length - exact, signs.length, spaces.length, linear.length]).toEqual(
      expected[row.name],
    );
  });

  it.each([
    ["float64", 1e-10],
    ["float32", 1e-4],
  ] as const)("keep the loss under random elements: %s", async (dtype, tolerance) => {
    const a = build(row, 2, dtype);
    const loss = await lossOf(a);
    const before = await loss(a.params);
    for (const seed of [0, 1, 2]) {
      for (const { kind, symmetry, size } of continuous(a)) {
        const to = await moved(symmetry, a.params, element(symmetry, size, seed), a);
        expect(distance(a.params, to), kind).toBeGreaterThan(0.01);
        const change = relative(before, await loss(to));
        expect(change, kind).toBeLessThan(symmetry.exact === "everywhere" ? tolerance : nearly);
      }
      for (const group of discrete(a)) {
        const to = group.act(a.params, group.random(createRng(seed)));
        expect(distance(a.params, to), group.name).toBeGreaterThan(0.01);
        expect(relative(before, await loss(to)), group.name).toBeLessThan(tolerance);
      }
    }
  });

  it("have the derivative that differences of the action have", async () => {
    const a = build(row, 3, "float64");
    const h = 1e-6;
    for (const { kind, symmetry } of continuous(a)) {
      const T = element(symmetry, 1, 3);
      const rate = (p: TensorsOf<Params>, t: never) => symmetry.derivative(p, t, {}, []);
      const { graph } = trace(rate as never, [a.params, T], { names: ["p", "t"] });
      const results = await (await compile(graph)).run(namedArrays({ p: a.params, t: T }));
      const up = numbersOf(await moved(symmetry, a.params, scaledT(T, h), a));
      const down = numbersOf(await moved(symmetry, a.params, scaledT(T, -h), a));
      const difference = { d: { shape: [up.length], data: up.map((v, i) => (v - down[i]) / (2 * h)) } };
      const derivative = { d: { shape: [up.length], data: numbersOf(treeLike(a.params, results)) } };
      expect(distance(derivative, difference), kind).toBeLessThan(1e-8);
    }
  });

  it("push a gradient forward to the gradient at the new point", async () => {
    const a = build(row, 4, "float64");
    const gradient = await gradientOf(a);
    const before = await gradient(a.params);
    for (const { kind, symmetry, size } of continuous(a)) {
      const T = element(symmetry, size, 4);
      const pushed = await symmetry.pushForward?.(before, T, 1, a.params, a.batch);
      const after = await gradient(await moved(symmetry, a.params, T, a));
      expect(distance(after, pushed), kind).toBeLessThan(symmetry.exact === "everywhere" ? 1e-9 : 10 * nearly);
      expect(distance(after, before), kind).toBeGreaterThan(0.01);
    }
    for (const group of discrete(a)) {
      const g = group.random(createRng(4));
      const after = await gradient(group.act(a.params, g));
      expect(distance(after, group.pushForward(before, g, 1)), group.name).toBeLessThan(1e-9);
    }
  });

  it.each([
    ["float64", 1e-8],
    ["float32", 1e-4],
  ] as const)("raise ||grad||^2 in a teleport, at the same loss: %s", async (dtype, tolerance) => {
    const a = build(row, 5, dtype);
    const loss = await lossOf(a);
    for (const { kind, symmetry } of continuous(a).filter((s) => s.symmetry.exact === "everywhere")) {
      const teleporter = await createTeleporter({
        search: gradientAscent(symmetry),
        loss: a.loss,
        params: a.params,
        batch: a.batch,
        guard: { curvature: 0 },
      });
      const { params, report } = await teleporter.teleport(a.params, a.batch);
      await teleporter.dispose();
      expect(report.accepted, `${kind}: ${report.reason}`).toBe(true);
      expect(report.gradNormSqAfter / report.gradNormSqBefore, kind).toBeGreaterThan(1.05);
      expect(relative(await loss(a.params), await loss(params)), kind).toBeLessThan(tolerance);
    }
  });
});

describe("Null-space teleports", () => {
  it.each(["convnet", "patchTransformer with relu", "patchTransformer with gelu"])(
    "keep the loss on the batch, and raise ||grad||^2: %s",
    async (name) => {
      const a = build(architecture(name), 6, "float64");
      const loss = await lossOf(a);
      const teleporter = await createTeleporter({
        search: nullSpace<Params>(),
        loss: a.loss,
        params: a.params,
        batch: a.batch,
        guard: { curvature: 0 },
      });
      const { params, report } = await teleporter.teleport(a.params, a.batch);
      await teleporter.dispose();
      expect(report.accepted, report.reason).toBe(true);
      expect(report.gradNormSqAfter).toBeGreaterThan(1.05 * report.gradNormSqBefore);
      expect(relative(await loss(a.params), await loss(params))).toBeLessThan(1e-8);
      expect(distance(a.params, params)).toBeGreaterThan(0.01);
    },
  );
});
