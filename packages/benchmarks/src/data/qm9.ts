// QM9: R. Ramakrishnan et al., "Quantum chemistry structures and properties of 134 kilo molecules", Scientific Data 1, 2014, in
// MoleculeNet's files gdb9.sdf (MDL V2000) and gdb9.sdf.csv, with the indices of uncharacterized.txt left out.
import { DataError, type NdArray } from "isoloss";
import { type Molecule, requireMolecule } from "./molecules.js";

/** Lines of a text file, without their ends. */
export type Lines = AsyncIterable<string> | Iterable<string>;

export interface Qm9Files {
  /** gdb9.sdf. */
  readonly sdf: Lines;
  /** gdb9.sdf.csv. */
  readonly csv: Lines;
  /** uncharacterized.txt; default: no molecule is excluded. */
  readonly uncharacterized?: Lines | undefined;
}

export interface Qm9 {
  readonly molecules: readonly Molecule[];
  /** [molecules, 11], in the order of {@link qm9Tasks}. */
  readonly targets: NdArray<Float64Array>;
}

const eVPerHartree = 27.211386246;
const eVPerKcalPerMole = 0.04336414;

/**
 * The eleven tasks of multi-task papers: name, column of the file, and factor from its unit to the papers': dipole (D), polarizability (a0^3),
 * orbitals (eV), extent (a0^2), zero point energy and energies of atomization (eV), heat capacity (cal / mol K).
 */
const columns = [
  ["mu", "mu", 1],
  ["alpha", "alpha", 1],
  ["homo", "homo", eVPerHartree],
  ["lumo", "lumo", eVPerHartree],
  ["r2", "r2", 1],
  ["zpve", "zpve", eVPerHartree],
  ["u0", "u0_atom", eVPerKcalPerMole],
  ["u298", "u298_atom", eVPerKcalPerMole],
  ["h298", "h298_atom", eVPerKcalPerMole],
  ["g298", "g298_atom", eVPerKcalPerMole],
  ["cv", "cv", 1],
] as const;

/** Names of the tasks, in the papers' order. */
export const qm9Tasks: readonly string[] = columns.map(([task]) => task);

/**
 * The molecules of QM9 with the numbers of its eleven tasks.
 *
 * @throws DataError naming file, record and line for what is no such file, and where the files do not fit each other
 *
 * @example
 * const { molecules, targets } = await parseQm9({ sdf: sdfText.split("\n"), csv: csvText.split("\n") });
 */
export async function parseQm9({ sdf, csv, uncharacterized = [] }: Qm9Files): Promise<Qm9> {
  const excluded = await indicesOf(uncharacterized);
  const molecules: Molecule[] = [];
  let records = 0;
  for await (const molecule of readSdf(sdf)) {
    records += 1;
    requireMolecule(molecule, `gdb9.sdf, molecule ${records}`);
    if (!excluded.has(records)) molecules.push(molecule);
  }
  const targets: number[] = [];
  let rows = 0;
  for await (const numbers of rowsOf(csv)) {
    rows += 1;
    if (!excluded.has(rows)) targets.push(...numbers);
  }
  if (rows !== records) {
    throw new DataError(
      `gdb9.sdf has ${records} molecules and gdb9.sdf.csv ${rows} rows: the files belong to different versions, or one is cut off.`,
    );
  }
  const beyond = [...excluded].find((index) => index > records);
  if (beyond !== undefined) {
    throw new DataError(`uncharacterized.txt names molecule ${beyond}; there are ${records}.`);
  }
  return {
    molecules,
    targets: { shape: [molecules.length, columns.length], data: Float64Array.from(targets) },
  };
}

/** Indices of molecules from 1: the first word of each line that begins with an integer. */
async function indicesOf(lines: Lines): Promise<Set<number>> {
  const found = new Set<number>();
  for await (const line of lines) {
    const [word = ""] = line.trim().split(/\s+/);
    if (/^\d+$/.test(word)) found.add(Number(word));
  }
  return found;
}

/** Numbers of each row of gdb9.sdf.csv in the tasks' units. */
async function* rowsOf(lines: Lines): AsyncGenerator<number[]> {
  let places: number[] | undefined;
  let at = 0;
  for await (const line of lines) {
    at += 1;
    if (line.trim() === "") continue;
    const cells = line.split(",").map((cell) => cell.trim());
    if (places === undefined) {
      places = columns.map(([, name]) => cells.indexOf(name));
      const missing = places.indexOf(-1);
      if (missing >= 0) {
        throw new DataError(
          `gdb9.sdf.csv begins with the names of its columns; there is no ${columns[missing][1]} among ${cells.slice(0, 6).join(", ")}, ...`,
        );
      }
      continue;
    }
    yield places.map((place, k) => {
      const value = Number(cells[place]);
      if (cells[place] && Number.isFinite(value)) return value * columns[k][2];
      throw new DataError(
        `gdb9.sdf.csv, line ${at}: ${columns[k][1]} is a number; got "${cells[place] ?? ""}".`,
      );
    });
  }
}

/**
 * Molecules of a file in MDL's format V2000, one after another. Numbers are in columns of fixed width, so that "100100" is two of them.
 *
 * @throws DataError naming the record and the line
 *
 * @example
 * for await (const { symbols } of readSdf(sdfText.split("\n"))) console.log(symbols.join(""));
 */
export async function* readSdf(lines: Lines): AsyncGenerator<Molecule> {
  let record: string[] = [];
  let [count, at] = [0, 0];
  for await (const raw of lines) {
    at += 1;
    const line = raw.replace(/\r$/, "");
    if (line.trim() !== "$$$$") {
      record.push(line);
      continue;
    }
    count += 1;
    yield moleculeOf(record, count, at - record.length);
    record = [];
  }
  if (record.some((line) => line.trim() !== "")) {
    throw new DataError(`The SDF file ends within molecule ${count + 1}: its last line is not $$$$.`);
  }
}

/** A record without its last line. @param first its first line in the file */
function moleculeOf(record: readonly string[], index: number, first: number): Molecule {
  const wrong = (line: number, expected: string) =>
    new DataError(
      `SDF, molecule ${index}, line ${first + line}: expected ${expected}; got "${record[line] ?? ""}".`,
    );
  const integer = (line: number, from: number, what: string): number => {
    const value = Number((record[line] ?? "").slice(from, from + 3));
    if (Number.isInteger(value) && value >= 0 && record[line]?.slice(from, from + 3).trim()) return value;
    throw wrong(line, what);
  };
  const counts = 3;
  if (!/V2000\s*$/.test(record[counts] ?? ""))
    throw wrong(counts, "counts of atoms and bonds that end with V2000");
  const atoms = integer(counts, 0, "a number of atoms in columns 1 to 3");
  const bonds = integer(counts, 3, "a number of bonds in columns 4 to 6");
  const symbols: string[] = [];
  const positions: [number, number, number][] = [];
  for (let i = 0; i < atoms; i++) {
    const line = counts + 1 + i;
    const text = record[line] ?? "";
    const place = [0, 10, 20].map((from) => text.slice(from, from + 10));
    if (place.some((word) => word.trim() === "" || !Number.isFinite(Number(word)))) {
      throw wrong(line, "three coordinates of ten columns each");
    }
    symbols.push(text.slice(31, 34).trim());
    positions.push(place.map(Number) as [number, number, number]);
  }
  const links = Array.from({ length: bonds }, (_, i): [number, number, number] => {
    const line = counts + 1 + atoms + i;
    const [from, to, order] = [0, 3, 6].map((column) =>
      integer(line, column, "two atoms and an order of three columns each"),
    );
    if (from < 1 || from > atoms || to < 1 || to > atoms) throw wrong(line, `atoms from 1 to ${atoms}`);
    return [from - 1, to - 1, order];
  });
  return { symbols, positions, bonds: links };
}
