import { expect, it, vi } from "vitest";
import {
  addGram,
  addProduct,
  cholesky,
  invertLower,
  multiplyColumns,
  multiplyRows,
} from "../../src/math/dense.js";
import { createRng } from "../../src/math/rng.js";
import { reserving, scratch } from "../../src/math/tile.js";
import { addTilesInWebAssembly } from "../../src/math/tile-kernel.js";
import { product, transposed } from "../../src/symmetry/matrix.js";

const rng = createRng(5);
const draw = (length: number) => Float64Array.from({ length }, () => rng.normal());

it.each([
  [1, 1, 1],
  [3, 7, 5],
  [4, 8, 2],
  [5, 70, 6],
  [6, 37, 9],
])("adds products and Gram matrices of [%i, %i, %i] as plain loops do", (m, k, n) => {
  const [a, b, start] = [draw(m * k), draw(k * n), draw(m * n)];
  const expected = start.map((v, at) => {
    for (let p = 0; p < k; p++) v += a[Math.floor(at / n) * k + p] * b[p * n + (at % n)];
    return v;
  });
  const sum = start.slice();
  addProduct(sum, a, b, [m, k, n]);
  sum.forEach((v, at) => {
    expect(v).toBeCloseTo(expected[at], 10);
  });

  const [gram, ofColumns] = [0, 1].map(() => new Float64Array(n * n).fill(1));
  addGram(gram, b, k, n);
  addGram(ofColumns, transposed({ shape: [k, n], data: b }).data, k, n, { areColumns: true });
  gram.forEach((v, at) => {
    let expected = 1;
    for (let p = 0; p < k; p++) expected += b[p * n + Math.floor(at / n)] * b[p * n + (at % n)];
    expect(v).toBeCloseTo(expected, 10);
  });
  expect(ofColumns).toEqual(gram);
});

it.each([
  [1, 3],
  [2, 5],
  [300, 9],
])("multiplies %i rows, or columns, by a triangle in their place, as a product does", (count, n) => {
  const triangle = draw(n * n).map((v, at) => (at % n >= Math.floor(at / n) ? v : 0));
  const x = draw(count * n);
  const [rows, columns] = [x.slice(), x.slice()];
  multiplyRows(rows, triangle, n);
  multiplyColumns(columns, triangle, n);
  expect(rows).toEqual(product({ shape: [count, n], data: x }, { shape: [n, n], data: triangle }).data);
  expect(columns).toEqual(product({ shape: [n, n], data: triangle }, { shape: [n, count], data: x }).data);
});

it("factors a positive definite matrix, and inverts the factor, by hand", () => {
  // [[4, 2], [2, 5]] = L L' with L = [[2, 0], [1, 2]], whose inverse is [[.5, 0], [-.25, .5]].
  const lower = cholesky(Float64Array.of(4, 2, 2, 5), 2) as Float64Array;
  expect([...lower]).toEqual([2, 0, 1, 2]);
  invertLower(lower, 2);
  expect([...lower]).toEqual([0.5, 0, -0.25, 0.5]);
  expect(cholesky(Float64Array.of(1, 1, 1, 1), 2)).toBeUndefined();
  expect(cholesky(Float64Array.of(1, 0, 0, 1e-13), 2, { least: 1e-12 })).toBeUndefined();
  expect(cholesky(Float64Array.of(Number.NaN), 1)).toBeUndefined();
});

it.each([3, 8, 9, 19, 45])(
  "factors positive definite matrices of %i rows, and inverts the factors, in blocks",
  (n) => {
    const x = draw(2 * n * n);
    const a = new Float64Array(n * n);
    addGram(a, x, 2 * n, n);
    const lower = cholesky(a, n) as Float64Array;
    const upper = transposed({ shape: [n, n], data: lower }).data;
    // Products leave out what is zero in a triangle.
    const [again, one] = [new Float64Array(n * n), new Float64Array(n * n)];
    addProduct(again, lower, upper, [n, n, n]);
    const inverse = lower.slice();
    invertLower(inverse, n);
    addProduct(one, lower, inverse, [n, n, n]);
    again.forEach((v, at) => {
      expect(v).toBeCloseTo(a[at], 10);
      expect(one[at]).toBeCloseTo(at % (n + 1) === 0 ? 1 : 0, 10);
    });
  },
);

it("computes in WebAssembly where there is one, and the same bits without, or with too little memory", async () => {
  let running = "";
  const names = ["addGram", "addProduct", "cholesky", "invertLower", "timesVector", "vectorTimes", "small"];
  const calls: Record<string, number> = Object.fromEntries(names.map((name) => [name, 0]));
  const real = WebAssembly;
  class Instance {
    readonly exports: object;
    constructor(module: WebAssembly.Module) {
      const { memory, ...sums } = new real.Instance(module).exports;
      const counted = Object.entries(sums).map(([name, sum]) => [
        name,
        (...given: number[]) => {
          calls[running]++;
          (sum as (...given: number[]) => void)(...given);
        },
      ]);
      this.exports = { memory, ...Object.fromEntries(counted) };
    }
  }
  class Small extends Instance {
    constructor(module: WebAssembly.Module) {
      super(module);
      const buffer = new ArrayBuffer(64);
      const memory = {
        get buffer() {
          calls.small++;
          return buffer;
        },
      };
      Object.assign(this.exports, { memory });
    }
  }
  const denseWith = async (global: unknown) => {
    vi.resetModules();
    vi.stubGlobal("WebAssembly", global);
    (await import("../../src/math/tile-kernel.js")).addTilesInWebAssembly();
    return { ...(await import("../../src/math/dense.js")), ...(await import("../../src/math/tile.js")) };
  };
  const { Module } = real;
  const globals = [{ Module, Instance }, undefined, { Module, Instance: Small }];
  const kinds: Awaited<ReturnType<typeof denseWith>>[] = [];
  for (const global of globals) kinds.push(await denseWith(global));
  for (const n of [7, 12, 33]) {
    const x = draw(260 * n);
    const results = kinds.map((dense) => {
      const [gram, product] = [new Float64Array(n * n), new Float64Array(260 * n)];
      running = "addGram";
      dense.addGram(gram, x, 260, n);
      running = "addProduct";
      dense.addProduct(product, x, gram, [260, n, n]);
      running = "cholesky";
      const lower = dense.cholesky(gram, n) as Float64Array;
      running = "invertLower";
      const inverse = lower.slice();
      dense.invertLower(inverse, n);
      return [gram, product, lower, inverse];
    });
    expect(results[0]).toEqual(results[1]);
    expect(results[2]).toEqual(results[1]);
  }
  const [table, row, column] = [draw(24 * 40), draw(40), draw(24)];
  const inTurns = (terms: readonly number[]) => terms.reduce((sum, term) => sum + term, 0);
  for (const { reserving, timesVector, vectorTimes } of kinds) {
    reserving((reserve) => {
      const a = reserve(table.length) ?? new Float64Array(table.length);
      a.set(table);
      running = "timesVector";
      const sums = [...column.keys()].map((r) => inTurns([...row].map((v, k) => table[40 * r + k] * v)));
      expect([...timesVector(a, row)]).toEqual(sums);
      running = "vectorTimes";
      const others = [...row.keys()].map((k) => inTurns([...column].map((v, r) => table[40 * r + k] * v)));
      expect([...vectorTimes(column, a)]).toEqual(others);
    });
  }
  vi.unstubAllGlobals();
  for (const [name, count] of Object.entries(calls)) expect(count, name).toBeGreaterThan(0);
});

it("reserves memory beside scratch until a function returns or throws", () => {
  addTilesInWebAssembly();
  const quarter = 2 ** 20;
  const first = reserving((reserve) => {
    const kept = reserve(8) as Float64Array;
    expect(reserve(3 * quarter)).toBeUndefined();
    kept.fill(1);
    // There is no room beside it: other memory is taken.
    expect(scratch(4 * quarter)[0].buffer).not.toBe(kept.buffer);
    expect([...kept]).toEqual(Array(8).fill(1));
    return kept;
  });
  expect(() =>
    reserving((reserve) => {
      reserve(quarter);
      throw new Error("stopped");
    }),
  ).toThrow("stopped");
  const again = reserving((reserve) => reserve(8) as Float64Array);
  expect(again.byteOffset).toBe(first.byteOffset);
  expect([...again]).toEqual(Array(8).fill(0));
});

it("gives large matrices memory that is given back", () => {
  addTilesInWebAssembly();
  const [small] = scratch(1);
  scratch(2 ** 22 + 1);
  // Not detached.
  expect(small.length).toBe(1);
  expect(scratch(1)[0].buffer.byteLength).toBeLessThanOrEqual(2 ** 25);
});
