// QM9 as PyTorch Geometric keeps it when it is processed: the arrays of all molecules one after another, and where each begins.
import { DataError, type NdArray, sizeOf } from "isoloss";
import { formatShape } from "isoloss/internal";
import { type Molecule, requireMolecule, symbolOf } from "./molecules.js";
import { type Qm9, qm9Tasks } from "./qm9.js";

/** The shape of each array; n molecules, N atoms, E directed bonds. */
const layout = {
  z: ["N"],
  pos: ["N", 3],
  edge_index: [2, "E"],
  edge_attr: ["E", 4],
  y: ["n", 19],
  z_slices: ["n + 1"],
  edge_index_slices: ["n + 1"],
} as const;

/** Places of the eleven tasks among PyTorch Geometric's nineteen targets, whose units are the papers'. */
const places = [0, 1, 2, 3, 5, 6, 12, 13, 14, 15, 11];

/**
 * The molecules of QM9 from PyTorch Geometric's processed arrays.
 *
 * `z` [N], atomic numbers; `pos` [N, 3], angstrom; `edge_index` [2, E], two atoms of a bond from 0 within its molecule, in both
 * directions; `edge_attr` [E, 4], one-hot of the orders 1, 2, 3, aromatic; `y` [n, 19]; `z_slices` and `edge_index_slices` [n + 1], where
 * each molecule begins, from 0 to N and to E.
 *
 * @throws DataError naming the array or the molecule that is not so
 *
 * @example
 * const { molecules, targets } = qm9FromArrays(await decodeNpz(bytes));
 */
export function qm9FromArrays(arrays: Readonly<Record<string, NdArray>>): Qm9 {
  const sizes = sizesOf(arrays);
  const numbersOf = (name: keyof typeof layout) =>
    Array.from<number | bigint, number>(arrays[name].data, Number);
  const [z, pos, ends, kinds, y] = (["z", "pos", "edge_index", "edge_attr", "y"] as const).map((name) => {
    const numbers = numbersOf(name);
    const bad = numbers.findIndex((x) => !Number.isFinite(x));
    if (bad < 0) return numbers;
    throw new DataError(`${name} must be numbers; element ${bad} is ${numbers[bad]}.`);
  });
  const [atoms, edges] = (["z_slices", "edge_index_slices"] as const).map((name) => {
    const starts = numbersOf(name);
    const last = name === "z_slices" ? sizes.N : sizes.E;
    const isRising = starts.every((start, m) => start >= (starts[m - 1] ?? 0));
    if (starts[0] === 0 && starts.at(-1) === last && isRising) return starts;
    throw new DataError(
      `${name} must rise from 0 to ${last}, where each molecule begins; it goes from ${starts[0]} to ${starts.at(-1)}.`,
    );
  });
  const molecules = Array.from({ length: sizes.n }, (_, m): Molecule => {
    const own = z.slice(atoms[m], atoms[m + 1]);
    const bonds: [number, number, number][] = [];
    for (let e = edges[m]; e < edges[m + 1]; e++) {
      const [from, to] = [ends[e], ends[sizes.E + e]];
      const order = kinds.slice(4 * e, 4 * e + 4).indexOf(1) + 1;
      if (from <= to) bonds.push([from, to, order]);
    }
    if (2 * bonds.length !== edges[m + 1] - edges[m]) {
      throw new DataError(
        `Molecule ${m}: edge_index must have each bond in both directions; ${edges[m + 1] - edges[m]} columns have ${bonds.length} bonds.`,
      );
    }
    const molecule: Molecule = {
      symbols: own.map(symbolOf),
      positions: own.map((_, i) => {
        const at = 3 * (atoms[m] + i);
        return [pos[at], pos[at + 1], pos[at + 2]];
      }),
      bonds,
    };
    requireMolecule(molecule, `Molecule ${m}`);
    return molecule;
  });
  const targets = Float64Array.from(
    { length: sizes.n * places.length },
    (_, i) => y[19 * Math.floor(i / places.length) + places[i % places.length]],
  );
  return { molecules, targets: { shape: [sizes.n, qm9Tasks.length], data: targets } };
}

/** n, N and E. */
function sizesOf(arrays: Readonly<Record<string, NdArray>>): Readonly<Record<"n" | "N" | "E", number>> {
  const missing = Object.keys(layout).filter((name) => !Object.hasOwn(arrays, name));
  if (missing.length > 0) {
    throw new DataError(
      `QM9 as arrays has ${Object.keys(layout).join(", ")}; ${missing.join(" and ")} is missing. They are what PyTorch Geometric keeps, with its slices.`,
    );
  }
  const sizes = {
    n: arrays.y.shape[0],
    N: arrays.z.shape[0],
    E: arrays.edge_index.shape[1],
  };
  const known: Readonly<Record<string, number>> = { ...sizes, "n + 1": sizes.n + 1 };
  for (const [name, axes] of Object.entries(layout)) {
    const { shape, data } = arrays[name];
    const wanted = axes.map((axis) => (typeof axis === "number" ? axis : known[axis]));
    if (shape.join() === wanted.join() && data.length === sizeOf(shape)) continue;
    throw new DataError(
      `${name} must be [${axes.join(", ")}] for n molecules, N atoms and E directed bonds; got ${formatShape(shape)} beside ${sizes.n}, ${sizes.N} and ${sizes.E}.`,
    );
  }
  return sizes;
}
