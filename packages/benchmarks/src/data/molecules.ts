// Features of atoms and bonds as PyTorch Geometric has them for QM9, which perceives neither aromatic rings nor hybrids there.
import { DataError, type NdArray } from "isoloss";

/** A molecule: atoms with their places in angstrom, and bonds between pairs of them. */
export interface Molecule {
  /** H, C, N, O or F. */
  readonly symbols: readonly string[];
  readonly positions: readonly (readonly [number, number, number])[];
  /** Two atoms, from 0, and the order 1, 2 or 3. */
  readonly bonds: readonly (readonly [from: number, to: number, order: number])[];
}

/** Molecules with as many places for atoms each, padded with zeros. */
export interface MoleculeBatch {
  /**
   * [molecules, atoms, 11], one-hot of H, C, N, O, F; atomic number; aromatic, sp, sp2, sp3, which are 0; number of bonded
   * hydrogens.
   */
  readonly atoms: NdArray<Float32Array>;
  /** [molecules, atoms, atoms, 5], one-hot of the orders 1, 2, 3, aromatic, which is 0; distance. Of all pairs of different atoms. */
  readonly pairs: NdArray<Float32Array>;
  /** [molecules, atoms], 1 where there is an atom. */
  readonly mask: NdArray<Float32Array>;
}

const numbers: Readonly<Record<string, number>> = { H: 1, C: 6, N: 7, O: 8, F: 9 };
const symbolsInOrder = Object.keys(numbers);

/** The element of an atomic number, or the number where it is none of QM9's. */
export const symbolOf = (number: number): string =>
  symbolsInOrder.find((symbol) => numbers[symbol] === number) ?? `${number}`;

/** Numbers of an atom, and of a pair of atoms. */
const [atom, pair] = [11, 5];

/**
 * Atoms, pairs and mask of molecules, for models that see all pairs of a molecule's atoms.
 *
 * @param places atoms of a molecule at most; default those of the largest
 * @throws DataError for another element, a bond to no atom or of another order, and places that are too few or no integer
 *
 * @example
 * const methane: Molecule = {
 *   symbols: ["C", "H", "H", "H", "H"],
 *   positions: [[0, 0, 0], [0.6, 0.6, 0.6], [-0.6, -0.6, 0.6], [-0.6, 0.6, -0.6], [0.6, -0.6, -0.6]],
 *   bonds: [[0, 1, 1], [0, 2, 1], [0, 3, 1], [0, 4, 1]],
 * };
 * moleculeBatch([methane]).atoms.shape; // 1, 5, 11
 */
export function moleculeBatch(molecules: readonly Molecule[], places?: number): MoleculeBatch {
  const most = molecules.reduce((n, { symbols }) => Math.max(n, symbols.length), 1);
  const N = places ?? most;
  if (!(Number.isInteger(N) && most <= N))
    throw new DataError(`moleculeBatch: a molecule has ${most} atoms; there are places for ${N}.`);
  const atoms = new Float32Array(molecules.length * N * atom);
  const pairs = new Float32Array(molecules.length * N * N * pair);
  const mask = new Float32Array(molecules.length * N);
  molecules.forEach((molecule, b) => {
    requireMolecule(molecule, `Molecule ${b}`);
    const { symbols, positions, bonds } = molecule;
    symbols.forEach((symbol, i) => {
      const at = (b * N + i) * atom;
      mask[b * N + i] = 1;
      atoms[at + symbolsInOrder.indexOf(symbol)] = 1;
      atoms[at + 5] = numbers[symbol];
      positions.forEach((place, j) => {
        if (i !== j) pairs[((b * N + i) * N + j) * pair + 4] = distance(positions[i], place);
      });
    });
    for (const [from, to, order] of bonds) {
      for (const [i, j] of [
        [from, to],
        [to, from],
      ]) {
        pairs[((b * N + i) * N + j) * pair + order - 1] = 1;
        if (symbols[j] === "H") atoms[(b * N + i) * atom + 10] += 1;
      }
    }
  });
  const B = molecules.length;
  return {
    atoms: { shape: [B, N, atom], data: atoms },
    pairs: { shape: [B, N, N, pair], data: pairs },
    mask: { shape: [B, N], data: mask },
  };
}

const distance = (a: readonly number[], b: readonly number[]): number =>
  Math.hypot(...a.map((x, k) => x - b[k]));

/**
 * Throws unless a molecule has known elements, a place for every atom, and bonds between its atoms.
 *
 * @param name of the molecule in the error
 */
export function requireMolecule({ symbols, positions, bonds }: Molecule, name: string): void {
  const unknown = symbols.find((symbol) => !Object.hasOwn(numbers, symbol));
  if (unknown !== undefined) {
    throw new DataError(`${name}: elements are ${symbolsInOrder.join(", ")}; got ${unknown}.`);
  }
  if (positions.length !== symbols.length) {
    throw new DataError(`${name} has ${symbols.length} atoms, and ${positions.length} places of atoms.`);
  }
  for (const [from, to, order] of bonds) {
    const isAtom = [from, to].every((i) => Number.isInteger(i) && i >= 0 && i < symbols.length);
    if (isAtom && from !== to && [1, 2, 3].includes(order)) continue;
    throw new DataError(
      `${name}: a bond is between two of its ${symbols.length} atoms, counted from 0, with the order 1, 2 or 3; got ${from}, ${to}, ${order}.`,
    );
  }
}
