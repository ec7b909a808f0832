// Expected numbers: forward passes of the definition in PyTorch, float64, with the weights that `filled` gives (the project's
// golden values for QM9's network).

import type { TensorsOf } from "isoloss";
import { DataError, type NdArray, namedArrays, ndarray, sizeOf, torchGenerator } from "isoloss";
import { evaluate, numbers } from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { type Molecule, moleculeBatch } from "../../src/data/molecules.js";
import { type MoleculeTensors, messagePassing } from "../../src/networks/message-passing.js";

const methane: Molecule = {
  symbols: ["C", "H", "H", "H", "H"],
  positions: [
    [-0.0127, 1.0858, 0.008],
    [0.0022, -0.006, 0.002],
    [1.0117, 1.4638, 0.0003],
    [-0.5408, 1.4475, -0.8766],
    [-0.5238, 1.4379, 0.9064],
  ],
  bonds: [
    [0, 1, 1],
    [0, 2, 1],
    [0, 3, 1],
    [0, 4, 1],
  ],
};
const formaldehyde: Molecule = {
  symbols: ["O", "C", "H", "H"],
  positions: [
    [0, 0, 0],
    [1.2, 0, 0],
    [1.8, 0.9, 0],
    [1.8, -0.9, 0],
  ],
  bonds: [
    [0, 1, 2],
    [1, 2, 1],
    [1, 3, 1],
  ],
};

const tasks = ["first", "second"];
const model = messagePassing({ tasks, width: 4, hidden: 3 });
type Params = ReturnType<typeof model.init>;

/** Numbers of the tensors by their place in the order of the definition, which is that of the tree. */
const params = (() => {
  const tree = structuredClone(model.init(torchGenerator(0), { dtype: "float64" }));
  Object.entries(namedArrays(tree)).forEach(([, { data }], p) => {
    for (let e = 0; e < data.length; e++) (data as Float64Array)[e] = 0.3 * Math.sin(0.7 * p + 1.3 * e + 0.1);
  });
  return tree;
})();

/** Features in float64: distances are not rounded to float32. */
function exact(molecules: readonly Molecule[], places?: number) {
  const batch = moleculeBatch(molecules, places);
  const doubles = ({ shape, data }: NdArray) => ndarray(Float64Array.from(data as Float32Array), shape);
  const pairs = doubles(batch.pairs);
  const [, N = 0] = batch.mask.shape;
  molecules.forEach(({ positions }, b) => {
    positions.forEach((from, i) => {
      positions.forEach((to, j) => {
        const apart = Math.hypot(from[0] - to[0], from[1] - to[1], from[2] - to[2]);
        (pairs.data as Float64Array)[((b * N + i) * N + j) * 5 + 4] = apart;
      });
    });
  });
  return { atoms: doubles(batch.atoms), pairs, mask: doubles(batch.mask) };
}

const outputs = (molecules: readonly Molecule[], places?: number): number[][] => {
  const run = (p: TensorsOf<Params>, x: MoleculeTensors) => model.apply(p, x);
  const result = evaluate(run as never, params, exact(molecules, places)) as Record<string, NdArray>;
  return tasks.map((task) => numbers(result[task] as NdArray));
};

describe("the message passing network", () => {
  it("computes what the definition in PyTorch does", () => {
    const [[first], [second]] = outputs([methane]) as [[number], [number]];
    expect(first).toBeCloseTo(0.2974706687883655, 12);
    expect(second).toBeCloseTo(0.10308989039492716, 12);
    const [[third], [fourth]] = outputs([formaldehyde]) as [[number], [number]];
    expect(third).toBeCloseTo(0.2987479372556443, 12);
    expect(fourth).toBeCloseTo(0.09578021363457148, 12);
  });

  it("does not see places without atoms, other molecules, or the order of atoms", () => {
    const alone = [outputs([methane]), outputs([formaldehyde])];
    const turned: Molecule = {
      symbols: [...methane.symbols].reverse(),
      positions: [...methane.positions].reverse(),
      bonds: methane.bonds.map(([i, j, order]) => [4 - i, 4 - j, order]),
    };
    const together = outputs([methane, formaldehyde, turned], 9);
    for (const [k, task] of together.entries()) {
      expect(task[0]).toBeCloseTo(alone[0]?.[k]?.[0] as number, 12);
      expect(task[1]).toBeCloseTo(alone[1]?.[k]?.[0] as number, 12);
      expect(task[2]).toBeCloseTo(task[0] as number, 12);
    }
  });

  it("is finite for a molecule without atoms, which fills a short batch", () => {
    const empty: Molecule = { symbols: [], positions: [], bonds: [] };
    expect(outputs([methane, empty]).flat().every(Number.isFinite)).toBe(true);
  });

  it("has as many parameters as published", () => {
    const eleven = Array.from({ length: 11 }, (_, k) => `task${k}`);
    const { shared, heads } = messagePassing({ tasks: eleven }).init(torchGenerator(0));
    const count = (tree: unknown) =>
      Object.values(namedArrays(tree)).reduce((total, { shape }) => total + sizeOf(shape), 0);
    expect(count(shared)).toBe(616_960);
    expect(count(heads)).toBe(715);
  });
});

describe("moleculeBatch", () => {
  it("has the features of PyTorch Geometric", () => {
    const { atoms, pairs, mask } = moleculeBatch([methane], 6);
    expect(numbers(atoms).slice(0, 22)).toEqual([
      0, 1, 0, 0, 0, 6, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0,
    ]);
    expect(numbers(mask)).toEqual([1, 1, 1, 1, 1, 0]);
    // From the carbon to the first hydrogen, and back.
    const bond = numbers(pairs).slice(5, 10);
    expect(bond.slice(0, 4)).toEqual([1, 0, 0, 0]);
    expect(bond[4]).toBeCloseTo(1.0919, 4);
    expect(numbers(pairs).slice(30, 35)).toEqual(bond);
  });

  it("says what is wrong with a molecule", () => {
    const wrong = (change: Partial<Molecule>) => () => moleculeBatch([{ ...methane, ...change }]);
    expect(wrong({ symbols: ["C", "H", "H", "H", "Si"] })).toThrow(DataError);
    expect(wrong({ symbols: ["C", "H", "H", "H", "Si"] })).toThrow(
      "Molecule 0: elements are H, C, N, O, F; got Si.",
    );
    expect(wrong({ bonds: [[0, 5, 1]] })).toThrow("got 0, 5, 1");
    expect(wrong({ positions: [] })).toThrow("5 atoms, and 0 places");
    for (const places of [4, 5.5, NaN, Infinity]) {
      expect(() => moleculeBatch([methane], places)).toThrow(
        `a molecule has 5 atoms; there are places for ${places}`,
      );
    }
  });
});
