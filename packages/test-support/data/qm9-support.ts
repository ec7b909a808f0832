// The first records have the layout of the published files; numbers of methane's row are the published ones.
export const header =
  "mol_id,A,B,C,mu,alpha,homo,lumo,gap,r2,zpve,u0,u298,h298,g298,cv,u0_atom,u298_atom,h298_atom,g298_atom";
export const methaneRow =
  "gdb_1,157.7118,157.70997,157.70699,0.0,13.21,-0.3877,0.1171,0.5048,35.3641,0.044749,-40.47893,-40.476062,-40.475117,-40.498597,6.469,-395.999594594,-398.643290011,-401.014646522,-372.471772148";

export const atom = (x: number, y: number, z: number, symbol: string) =>
  `${[x, y, z].map((v) => v.toFixed(4).padStart(10)).join("")} ${symbol.padEnd(3)}0  0  0  0  0  0  0  0  0  0  0  0`;
export const row = (...numbers: number[]) => numbers.map((n) => `${n}`.padStart(3)).join("");

export function record(
  title: string,
  atoms: readonly string[],
  bonds: readonly (readonly number[])[],
): string[] {
  return [
    ...[title, " program", ""],
    `${row(atoms.length, bonds.length)}  0  0  0  0  0  0  0  0999 V2000`,
    ...atoms,
    ...bonds.map((bond) => row(...bond, 0, 0, 0, 0)),
    ...["M  END", "> <data item>", "ignored", "", "$$$$"],
  ];
}

export const methane = record(
  "gdb_1",
  [
    ...[
      atom(-0.0127, 1.0858, 0.008, "C"),
      atom(0.0022, -0.006, 0.002, "H"),
      atom(1.0117, 1.4638, 0.0003, "H"),
    ],
    ...[atom(-0.5408, 1.4475, -0.8766, "H"), atom(-0.5238, 1.4379, 0.9064, "H")],
  ],
  [2, 3, 4, 5].map((to) => [1, to, 1]),
);
const cyanide = record(
  "gdb_5",
  [atom(0, 0, 0, "C"), atom(1.15, 0, 0, "N"), atom(-1.06, 0, 0, "H")],
  [
    [1, 2, 3],
    [1, 3, 1],
  ],
);
export const files = () => ({
  sdf: [...methane, ...cyanide],
  csv: [header, methaneRow, methaneRow.replace("gdb_1", "gdb_5")],
});
