import fc from "fast-check";
import { readGolden } from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { NumericalError, OptionError, ShapeError } from "../../src/errors.js";
import { balanceWeights, conflictOf, isTriggered } from "../../src/mtl/conflict.js";
import { goldenLedger } from "./methods/golden-ledger.js";
import { expectNumbers, gramian, matrix, type Rows } from "./methods/stateful-support.js";

interface CostHelpers {
  g0: number[];
  "cos(g0,g_k)": (number | null)[];
  "trigger_code: min cos <= 0": boolean | null;
  smallest_norm_task: number;
  "trigger_paper_eq3: cos(g0,g_smallest)<0": boolean | null;
  "ratio_list=K*(1-||g_k||/sum)": (number | null)[];
  pairwise_cos: (number | null)[][];
  weak_conflict: boolean;
}

const { matrices } = readGolden<{ matrices: Record<string, Rows> }>("mtl-metrics.json");
const { golden: costHelpers, unread } = goldenLedger<Record<string, CostHelpers>>(
  "mtl-metrics.json",
  "costHelpers",
);

/** Where the reference has NaN, for a zero gradient, a cosine is 0. */
const orZero = (values: readonly (number | null)[]) => values.map((x) => x ?? 0);

describe("conflicts", () => {
  it.each(Object.entries(costHelpers))("are those of the authors' program: %s", (name, golden) => {
    const found = conflictOf(gramian(matrices[name]));
    expectNumbers(found.meanCosines, orZero(golden["cos(g0,g_k)"]), 1e-12);
    expectNumbers(found.cosines.data, orZero(golden.pairwise_cos.flat()), 1e-12);
    // ||g_0|| from the reference's g_0 and from the cosines: cos(g_0, g_k) ||g_k|| averages to ||g_0||.
    const along = found.meanCosines.reduce((sum, c, k) => sum + (c * found.norms[k]) / found.norms.length, 0);
    expect(along).toBeCloseTo(Math.hypot(...golden.g0), 12);
    expect(found.weak).toBe(golden.weak_conflict);
    expect(found.released).toBe(golden["trigger_code: min cos <= 0"] ?? false);
    expect(found.dominated).toBe(golden["trigger_paper_eq3: cos(g0,g_smallest)<0"] ?? false);
    // A zero gradient is not the smallest one here.
    if (!["zero3x4", "allzero2x3"].includes(name)) expect(found.smallest).toBe(golden.smallest_norm_task);
  });

  it.each(Object.entries(costHelpers))("give the authors' balance weights: %s", (name, golden) => {
    // Without any gradient the reference has NaN; all are alike, with sum K (K - 1).
    const expected = golden["ratio_list=K*(1-||g_k||/sum)"].map((r) => r ?? 1);
    expectNumbers(balanceWeights(gramian(matrices[name])), expected, 1e-12);
  });

  it("are weak and not dominated for J = [[1, 0], [-0.5, 1]]", () => {
    const G = gramian([
      [1, 0],
      [-0.5, 1],
    ]);
    const found = conflictOf(G);
    expectNumbers(found.meanCosines, [0.4472136, 0.6], 1e-7);
    expect(found).toMatchObject({ weak: true, dominated: false, many: false, released: false });
    expectNumbers(balanceWeights(G), [1.05572809, 0.94427191], 1e-8);
  });

  it("are dominated for J = [[1, 0], [-4, 1]]", () => {
    const G = gramian([
      [1, 0],
      [-4, 1],
    ]);
    const found = conflictOf(G);
    expectNumbers(found.meanCosines, [-0.9486833, 0.9970545], 1e-7);
    expect(found).toMatchObject({ weak: true, dominated: true, many: true, released: true, smallest: 0 });
    expectNumbers(balanceWeights(G), [1.6096118, 0.3903882], 1e-7);
  });

  it("of two tasks are dominated exactly where cos(g_1, g_2) < -||g_small|| / ||g_large||", () => {
    const entry = fc.integer({ min: -5, max: 5 });
    const row = fc.tuple(entry, entry).filter((r) => r[0] !== 0 || r[1] !== 0);
    fc.assert(
      fc.property(row, row, (a, b) => {
        const found = conflictOf(gramian([a, b]));
        const [small, large] = [...found.norms].sort((x, y) => x - y);
        // In integers: g_small . (g_small + g_large) < 0.
        const product = a[0] * b[0] + a[1] * b[1] + Math.round(small * small);
        expect(found.dominated).toBe(product < 0);
        if (found.dominated) expect(found.weak).toBe(true);
        expect(found.cosines.data[1]).toBeLessThan(large === 0 ? 1 : 1 + 1e-12);
      }),
    );
  });

  it("are many where the mean gradient opposes half of the tasks", () => {
    const two: Rows = [
      [5, 0],
      [5, 1],
      [-1, 0],
      [-1, 0],
    ];
    expect(conflictOf(gramian(two)).many).toBe(true);
    expect(conflictOf(gramian(two.slice(0, 3))).many).toBe(false);
  });

  it("do not arise from gradients that cancel to rounding", () => {
    const third = 1 / 3;
    const found = conflictOf(
      gramian([
        [third, 0.1],
        [-third, -0.1],
      ]),
    );
    expect([...found.meanCosines]).toEqual([0, 0]);
    expect(found).toMatchObject({ weak: true, dominated: false, released: true });
  });

  it("do not arise from tasks without gradient, and not from one task", () => {
    const still: Rows = [
      [1, 0],
      [0, 0],
    ];
    const none = { weak: false, dominated: false, many: false, released: false };
    expect(conflictOf(gramian(still))).toMatchObject({ ...none, smallest: 0 });
    expect(conflictOf(gramian([[0, 0]]))).toMatchObject({ ...none, smallest: -1 });
    expect(conflictOf(gramian([[3, 4]]))).toMatchObject({ ...none, smallest: 0 });
  });

  it("are those of the gradients' directions at any size", () => {
    for (const size of [1e-150, 1e-5, 1e150]) {
      const rows = matrices.conf3x4.map((row) => row.map((x) => x * size));
      const found = conflictOf(gramian(rows));
      expectNumbers(found.meanCosines, conflictOf(gramian(matrices.conf3x4)).meanCosines, 1e-10);
    }
  });

  it("can be asked for by name", () => {
    const found = conflictOf(gramian(matrices.conf3x4));
    expect(isTriggered(found, "weak")).toBe(true);
    for (const trigger of ["dominated", "many", "released"] as const) {
      expect(isTriggered(found, trigger)).toBe(false);
    }
    expect(() => isTriggered(found, "strong" as never)).toThrow(OptionError);
    expect(() => isTriggered(found, "strong" as never)).toThrow(
      'dominated, weak, many, released; got "strong"',
    );
  });

  it("need a finite square matrix", () => {
    expect(() => conflictOf(matrix([[1, 2]]))).toThrow(ShapeError);
    expect(() => balanceWeights(matrix([[NaN]]))).toThrow(NumericalError);
    expect(() => balanceWeights(matrix([[NaN]]))).toThrow("gradients of tasks 0 and 0 is NaN");
  });
});

it("leaves nothing of the authors' helpers aside but which zero gradient is the smallest", () => {
  expect(unread()).toEqual(["zero3x4/smallest_norm_task", "allzero2x3/smallest_norm_task"]);
});
