// Molecules in the form of QM9's files gdb9.sdf, gdb9.sdf.csv and uncharacterized.txt.
import type { Molecule } from "../../data/molecules.js";
import type { SampleFile, SampleOptions } from "./sample.js";

type Position = readonly [number, number, number];

/** Places of hydrogens around a first atom, in angstrom. */
const around = (length: number): readonly Position[] =>
  [
    [1, 1, 1],
    [-1, -1, 1],
    [-1, 1, -1],
    [1, -1, -1],
  ].map(([x, y, z]) => [x, y, z].map((v) => (v * length) / Math.sqrt(3)) as unknown as Position);

/** A first atom with hydrogens. */
const hydride = (symbol: string, hydrogens: number, length: number): Molecule => ({
  symbols: [symbol, ...new Array<string>(hydrogens).fill("H")],
  positions: [[0, 0, 0], ...around(length).slice(0, hydrogens)],
  bonds: Array.from({ length: hydrogens }, (_, i) => [0, i + 1, 1] as const),
});

/** Atoms on a line, each with a bond to the one before. */
const line = (
  symbols: readonly string[],
  places: readonly number[],
  orders: readonly number[],
): Molecule => ({
  symbols,
  positions: places.map((x) => [x, 0, 0]),
  bonds: orders.map((order, i) => [i, i + 1, order] as const),
});

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

/** A chain of carbons with all their hydrogens: the one of nine has 29 atoms, as many as the largest molecules. */
function alkane(carbons: number): Molecule {
  const symbols: string[] = [];
  const positions: Position[] = [];
  const bonds: [number, number, number][] = [];
  const add = (symbol: string, position: Position) => {
    positions.push(position);
    return symbols.push(symbol) - 1;
  };
  for (let c = 0; c < carbons; c++) add("C", [1.27 * c, 0.42 * (-1) ** c, 0]);
  for (let c = 0; c < carbons; c++) {
    if (c > 0) bonds.push([c - 1, c, 1]);
    const [x, y] = positions[c];
    const side = Math.sign(y);
    const places: Position[] = [
      [x, y + 0.63 * side, 0.89],
      [x, y + 0.63 * side, -0.89],
    ];
    if (c === 0) places.push([x - 0.89, y - 0.63 * side, 0]);
    if (c === carbons - 1) places.push([x + 0.89, y - 0.63 * side, 0]);
    for (const place of places) bonds.push([c, add("H", place), 1]);
  }
  return { symbols, positions, bonds };
}

const kinds: readonly Molecule[] = [
  hydride("C", 4, 1.09),
  hydride("N", 3, 1.02),
  hydride("O", 2, 0.96),
  hydride("F", 1, 0.92),
  formaldehyde,
  line(["N", "C", "H"], [0, 1.16, 2.22], [3, 1]),
  line(["O", "C", "O"], [0, 1.16, 2.32], [2, 2]),
  line(["H", "C", "C", "H"], [0, 1.06, 2.26, 3.32], [1, 3, 1]),
  alkane(2),
  alkane(9),
];

/** Molecule i: each kind in turn, stretched a little, so that no two are the same. */
function moleculeOf(i: number): Molecule {
  const { symbols, positions, bonds } = kinds[i % kinds.length];
  const stretch = 1 + 0.01 * Math.sin(i);
  return {
    symbols,
    bonds,
    positions: positions.map((p) => p.map((v) => v * stretch) as unknown as Position),
  };
}

const fixed = (values: readonly number[]) => values.map((n) => String(n).padStart(3)).join("");

/** A record of MDL's format V2000: numbers are in columns of fixed width. */
function record(title: string, { symbols, positions, bonds }: Molecule): string {
  const atoms = symbols.map((symbol, i) => {
    const place = positions[i].map((v) => v.toFixed(4).padStart(10)).join("");
    return `${place} ${symbol.padEnd(3)}${"0".padEnd(3).repeat(12).trimEnd()}`;
  });
  return [
    ...[title, " sample", ""],
    `${fixed([symbols.length, bonds.length])}  0  0  0  0  0  0  0  0999 V2000`,
    ...atoms,
    ...bonds.map(([from, to, order]) => fixed([from + 1, to + 1, order, 0, 0, 0, 0])),
    ...["M  END", "$$$$", ""],
  ].join("\n");
}

const columns =
  "mol_id,A,B,C,mu,alpha,homo,lumo,gap,r2,zpve,u0,u298,h298,g298,cv,u0_atom,u298_atom,h298_atom,g298_atom";

/** Numbers that depend on the atoms and on how far the molecule is stretched, as smoothly as energies do. */
function row(title: string, { symbols, positions }: Molecule): string {
  const count = (symbol: string) => symbols.filter((s) => s === symbol).length;
  const [heavy, hydrogens] = [symbols.length - count("H"), count("H")];
  const extent = Math.hypot(...positions.flat());
  const values = columns
    .split(",")
    .slice(1)
    .map((_, k) => 0.1 * (k + 1) * heavy - 0.02 * hydrogens * Math.cos(k) + 0.3 * Math.sin(extent + k));
  return [title, ...values.map((value) => value.toFixed(6))].join(",");
}

export function* qm9Sample({ examples = 44 }: SampleOptions): Generator<SampleFile> {
  const all = Array.from({ length: examples }, (_, i) => [`gdb_${i + 1}`, moleculeOf(i)] as const);
  yield { path: "gdb9.sdf", bytes: all.map(([title, molecule]) => record(title, molecule)).join("") };
  yield {
    path: "gdb9.sdf.csv",
    bytes: `${[columns, ...all.map(([title, molecule]) => row(title, molecule))].join("\n")}\n`,
  };
  const left = examples > 12 ? [6, 12] : [];
  const heading = ["Sample", "-".repeat(40), "Index   Title", "-".repeat(40)];
  yield {
    path: "uncharacterized.txt",
    bytes: `${[...heading, ...left.map((i) => `${i}`.padStart(8).padEnd(16) + all[i - 1][0]), "-".repeat(40)].join("\n")}\n`,
  };
}
