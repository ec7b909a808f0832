import { describe, expect, it } from "vitest";
import { astype, isNdArray, type NdArray } from "../../../../src/array.js";
import { jacobian, valueAndGrad } from "../../../../src/graph/autodiff.js";
import { costOf } from "../../../../src/graph/graph.js";
import { add, mul, sub } from "../../../../src/graph/ops/arithmetic.js";
import { square, tanh } from "../../../../src/graph/ops/elementary.js";
import { matmul } from "../../../../src/graph/ops/matmul.js";
import { mean, sum } from "../../../../src/graph/ops/reduce.js";
import { reshape } from "../../../../src/graph/ops/reshape.js";
import { slice } from "../../../../src/graph/ops/slice.js";
import { simplify } from "../../../../src/graph/simplify.js";
import type { Tensor } from "../../../../src/graph/tensor.js";
import { spec, trace } from "../../../../src/graph/trace.js";
import { createRng } from "../../../../src/math/rng.js";
import { cappedCosine, type ImproveByCosine, improveOf } from "../../../../src/mtl/cost/adapter/improve.js";
import { compile } from "../../../../src/runtime/compile.js";
import { flatten, namedArrays, unflatten } from "../../../../src/tree.js";

type Float = "float32" | "float64";
type Point = { readonly first: Tensor; readonly second: Tensor };

const numbers = (shape: readonly number[], seed: number): NdArray => {
  const rng = createRng(seed);
  const data = Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 0.5 * rng.normal());
  return { shape, data };
};

/** Losses of a network without kinks: tanh, one column of the output for each task, in sizes that differ. */
const lossesOn =
  (tasks: number, { x, y }: { readonly x: Tensor; readonly y: Tensor }) =>
  ({ first, second }: Point): Tensor[] => {
    const out = sub(matmul(tanh(matmul(x, first)), second), y);
    return Array.from({ length: tasks }, (_, k) =>
      mul(k + 1, mean(square(slice(out, { starts: [0, k], ends: [out.shape[0], k + 1] })))),
    );
  };

interface Case {
  readonly tasks?: number;
  readonly dtype?: Float;
  readonly leaves?: readonly number[];
  readonly trained?: readonly number[];
  readonly start?: Readonly<Record<keyof Point, NdArray>>;
  /** Another L_g than that of the options. */
  readonly value?: typeof cosineOfGramian;
}

interface GramianInputs {
  conflicting(p: unknown): readonly Tensor[];
  readonly trained?: readonly number[] | undefined;
}

/** L_g as a differentiable function of the losses. */
function cosineOfGramian(point: Point, { conflicting, trained = [0, 1] }: GramianInputs) {
  const [, rows] = jacobian(conflicting as (p: Point) => readonly Tensor[])(point);
  const counted = trained.map((leaf) => [rows.first, rows.second][leaf]);
  const flat = counted.map((row) => reshape(row, [row.shape[0], row.size / row.shape[0]]));
  return cappedCosine(flat.map((J) => matmul(J, J, { transposeB: true })).reduce(add), 1);
}

/** L_g and its gradient in both weights. */
async function cosineOf(
  improve: Partial<ImproveByCosine>,
  {
    tasks = 2,
    dtype = "float64",
    leaves,
    trained,
    start,
    value = improveOf({ kind: "cosine", cap: 1, ...improve }).value as never,
  }: Case = {},
) {
  const point = start ?? { first: numbers([4, 6], 1), second: numbers([6, tasks], 2) };
  const { leaves: arrays, def } = flatten<NdArray>(
    { point, batch: { x: numbers([12, 4], 3), y: numbers([12, tasks], 4) } },
    isNdArray,
  );
  const args = unflatten(
    def,
    arrays.map((a) => astype(a, dtype)),
  ) as { point: typeof point; batch: { x: NdArray; y: NdArray } };
  const { graph } = trace(({ point: at, batch }) => {
    const losses = lossesOn(tasks, batch);
    const inputs = { conflicting: losses, losses, leaves, trained } as never;
    const [L, g] = valueAndGrad((p: Point) => value(p, inputs))(at);
    return { L, g };
  }, args);
  const run = await compile(graph, { runtime: dtype === "float32" ? "onnx" : "javascript" });
  const found = await run.run(namedArrays(args));
  await run.dispose();
  return {
    value: Number(found.L.data[0]),
    gradient: [found["g.first"], found["g.second"]].map(({ data }) => Float64Array.from(data, Number)),
  };
}

type Found = Awaited<ReturnType<typeof cosineOf>>;
const norm = (v: Iterable<number>): number => Math.hypot(...v);

/** ||a - b|| / ||b|| of gradients. */
function errorOf(a: Found, b: Found): number {
  const [from, to] = [a, b].map(({ gradient }) => gradient.flatMap((part) => [...part]));
  expect(norm(to)).toBeGreaterThan(0.01);
  return norm(from.map((v, i) => v - to[i])) / norm(to);
}

describe("the cosine's exact derivative", () => {
  it.each([2, 8])(
    "of one task after the other is that of the whole Gramian, with %i tasks",
    async (tasks) => {
      const found = await cosineOf({}, { tasks });
      const whole = await cosineOf({}, { tasks, value: cosineOfGramian });
      expect(errorOf(found, whole)).toBeLessThan(1e-13);
      expect(found.value).toBeCloseTo(whole.value, 14);
    },
  );
});

it.each(["exact", "differences"] as const)(
  "the cosine is of gradients in the trained leaves alone, and differentiated in all: %s",
  async (derivatives) => {
    const trained = [0];
    const found = await cosineOf({ derivatives, step: 1e-5 }, { trained });
    const whole = await cosineOf({}, { trained, value: cosineOfGramian });
    expect(found.value).toBeCloseTo(whole.value, 13);
    expect(errorOf(found, whole)).toBeLessThan(1e-8);
    expect(found.value).not.toBeCloseTo((await cosineOf({})).value, 3);
  },
);

describe.each(["float32", "float64"] as const)("the cosine in %s", (dtype) => {
  it.each(["exact", "differences"] as const)(
    "is 0 for a task at its minimum, and flat: %s",
    async (derivatives) => {
      const { value } = improveOf({ kind: "cosine", derivatives });
      const args = { w: astype({ shape: [2], data: new Float64Array(2) }, dtype) };
      const { graph } = trace(({ w }) => {
        const losses = (at: unknown) => [0, 3].map((minimum) => sum(square(sub(at as Tensor, minimum))));
        const [L, g] = valueAndGrad((at: Tensor) =>
          (value as NonNullable<typeof value>)(at, { conflicting: losses, losses } as never),
        )(w);
        return { L, g };
      }, args);
      const run = await compile(graph, { runtime: dtype === "float32" ? "onnx" : "javascript" });
      const { L, g } = await run.run(namedArrays(args));
      await run.dispose();
      expect([...L.data, ...g.data]).toEqual([0, 0, 0]);
    },
  );
});

describe("the cosine's derivative by differences of gradients", () => {
  it.each([2, 8])(
    "is the exact one to the rounding of float64, with %i tasks and a short step",
    async (tasks) => {
      const exact = await cosineOf({}, { tasks });
      const near = await cosineOf({ derivatives: "differences", step: 1e-5 }, { tasks });
      expect(errorOf(near, exact)).toBeLessThan(1e-8);
      expect(near.value).toBeCloseTo(exact.value, 13);
    },
  );

  it.each([2, 8])(
    "is the exact one to a hundredth at the default step in float32, with %i tasks",
    async (tasks) => {
      const exact = await cosineOf({}, { tasks });
      const near = await cosineOf({ derivatives: "differences" }, { tasks, dtype: "float32" });
      expect(errorOf(near, exact)).toBeLessThan(1e-2);
      expect(near.value).toBeCloseTo(exact.value, 5);
    },
  );

  it("errs by O(step^2)", async () => {
    const exact = await cosineOf({});
    const [coarse, fine] = await Promise.all(
      [0.02, 0.01].map(async (step) => errorOf(await cosineOf({ derivatives: "differences", step }), exact)),
    );
    expect(coarse / fine).toBeCloseTo(4, 1);
  });

  it("is that of the chosen leaves alone, at perturbations of all", async () => {
    const differences = { derivatives: "differences", step: 1e-4 } as const;
    const all = await cosineOf(differences);
    const some = await cosineOf(differences, { leaves: [1] });
    expect(norm(some.gradient[0])).toBe(0);
    expect([...some.gradient[1]]).toEqual([...all.gradient[1]]);
  });

  it("is zero where all pairs are above the cap", async () => {
    const { value, gradient } = await cosineOf({ derivatives: "differences", cap: -1 });
    expect(value).toBe(-1);
    expect(gradient.map(norm)).toEqual([0, 0]);
  });

  it("is finite at a stationary point", async () => {
    const start = { first: { shape: [4, 6], data: new Float64Array(24) }, second: numbers([6, 2], 2) };
    const still = { ...start, second: { shape: [6, 2], data: new Float64Array(12) } };
    const { gradient } = await cosineOf({ derivatives: "differences" }, { start: still });
    expect(gradient.map(norm)).toEqual([0, 0]);
  });

  it("of the Gramian has a graph that grows as the tasks do, not as their pairs", () => {
    const nodes = (tasks: number) => {
      const derived = ({ G }: { readonly G: Tensor }) =>
        valueAndGrad((gramian: Tensor) => cappedCosine(gramian, 0.2))(G);
      return costOf(simplify(trace(derived, { G: spec([tasks, tasks], "float64") }).graph)).nodes;
    };
    expect(nodes(40)).toBeLessThan(2.5 * nodes(20));
  });

  it("takes positive steps only", () => {
    expect(() => improveOf({ kind: "cosine", derivatives: "differences", step: 0 })).toThrow("step must be");
    expect(() => improveOf({ kind: "cosine", derivatives: "forward" as never })).toThrow(
      "derivatives must be",
    );
  });
});
