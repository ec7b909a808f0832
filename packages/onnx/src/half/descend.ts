// Scalings by powers of two that move numbers into the range of float16.
import type { NdArray, Shape, Tensor } from "isoloss";
import { changeAlong, elementsAlong, stridesOf, unitsOf } from "isoloss/internal";
import type { ScalingGenerator, TensorScale } from "isoloss/symmetry";
import { binOf, bitsBelow, costAbove, costOf, exponentBins, leastExponent } from "./range.js";

type Leg = ScalingGenerator["axes"][number];

/** Values of an activation that are scaled by the same factor: how many have each exponent. */
export interface ActivationCell {
  readonly counts: Float64Array;
  /** 1 by the number of values of the activation. */
  readonly share: number;
  readonly terms: readonly { readonly generator: number; readonly unit: number; readonly power: number }[];
}

/** No factor is beyond 2^64, or below 2^-64: what is further from float16 is at the ends of float32. */
const mostShift = 64;
const mostSweeps = 20;

/**
 * Integers k of each generator and unit, whose factors are 2^(power k), by descent in one or all units of a generator in
 * turn, on
 *
 * J(k) = sum over tensors of the mean over their numbers x of c(floor(log2 |x|) + sum of power k)
 *
 * with the cost c of {@link costOf}; what the largest number of an activation costs above 2^13 counts in full, as one overflow spoils
 * all that is computed of it. J is convex in k and at least 0, and no step makes it larger; |k| is at most 64.
 */
export function descendHalf(
  params: Readonly<Record<string, NdArray>>,
  generators: readonly ScalingGenerator[],
  cells: readonly ActivationCell[],
): Int32Array[] {
  const exponents = new Map<string, NdArray>();
  for (const { path } of generators.flatMap(({ axes }) => axes)) {
    exponents.set(path, exponents.get(path) ?? exponentsOf(params[path]));
  }
  const shifts = generators.map(({ size }) => new Int32Array(size));
  const shiftOf = ({ terms }: ActivationCell) =>
    terms.reduce((sum, { generator, unit, power }) => sum + power * shifts[generator][unit], 0);
  const cellsOf = cellsByUnit(generators, cells);
  const cellEnds = cells.map(({ counts }) => endsOf(counts));
  const objective = (): number =>
    [...exponents.values()].reduce((sum, { data }) => sum + meanCost(data as Float64Array), 0) +
    cells.reduce(
      (sum, cell, i) =>
        sum + costAt({ ...cell, ends: cellEnds[i], power: 0, shift: shiftOf(cell), isValue: true }, 0),
      0,
    );
  const move = (g: number, moves: Int32Array) => {
    shifts[g].forEach((k, u) => {
      shifts[g][u] = k + moves[u];
    });
    for (const leg of generators[g].axes) {
      const bins = exponents.get(leg.path) as NdArray;
      exponents.set(
        leg.path,
        alongUnits(bins, leg, (bin, i) => bin + leg.power * moves[i]),
      );
    }
  };
  const visit = (g: number): boolean => {
    const { axes, size } = generators[g];
    const step = stepOf(axes);
    if (step === undefined) return false;
    const units = costsOf(generators[g], exponents);
    for (const [u, own] of units.entries()) {
      for (const { cell, power } of cellsOf[g][u] ?? []) {
        own.push({ ...cells[cell], ends: cellEnds[cell], power, shift: shiftOf(cells[cell]), isValue: true });
      }
    }
    const moves = new Int32Array(size);
    const common = bestMove(units.flat(), step, shifts[g]);
    for (let u = 0; u < size; u++) {
      const shifted = units[u].map((cost) => ({ ...cost, shift: cost.shift + cost.power * common }));
      moves[u] = common + bestMove(shifted, step, [shifts[g][u] + common]);
    }
    if (moves.every((move) => move === 0)) return false;
    // A number that is on two legs moves with both, further than its unit was judged by.
    const before = isShared(generators[g]) ? objective() : Number.POSITIVE_INFINITY;
    move(g, moves);
    if (!isShared(generators[g]) || objective() < before) return true;
    move(
      g,
      moves.map((k) => -k),
    );
    return false;
  };
  const neighbors = neighborsByGenerator(generators, cells);
  let open = new Set(generators.keys());
  for (let sweep = 0; sweep < mostSweeps && open.size > 0; sweep++) {
    // A generator stays where it is until one that shares numbers with it moves.
    const next = new Set<number>();
    for (const g of generators.keys()) {
      if (!open.has(g) && !next.has(g)) continue;
      next.delete(g);
      if (visit(g)) for (const other of neighbors[g]) next.add(other);
    }
    open = next;
  }
  return shifts;
}

/** Bins of the elements' exponents; NaN for 0. */
function exponentsOf({ shape, data }: NdArray): NdArray {
  return { shape, data: Float64Array.from(data as Float64Array, (w) => binOf(w) ?? Number.NaN) };
}

/** The generators that scale what another one does, and this one. */
function neighborsByGenerator(
  generators: readonly ScalingGenerator[],
  cells: readonly ActivationCell[],
): readonly ReadonlySet<number>[] {
  const sharing = new Map<string, number[]>();
  generators.forEach(({ axes }, g) => {
    for (const path of new Set(axes.map((leg) => leg.path))) {
      sharing.set(path, [...(sharing.get(path) ?? []), g]);
    }
  });
  const neighbors = generators.map((_, g) => new Set([g]));
  const groups = [...sharing.values(), ...cells.map(({ terms }) => terms.map(({ generator }) => generator))];
  for (const group of groups) for (const g of group) for (const other of group) neighbors[g].add(other);
  return neighbors;
}

const isShared = ({ axes }: ScalingGenerator): boolean =>
  new Set(axes.map(({ path }) => path)).size < axes.length;

/** The mean cost of numbers by their bins, of which 0 has none. */
function meanCost(bins: Float64Array): number {
  let sum = 0;
  for (const bin of bins) if (!Number.isNaN(bin)) sum += costOf(bin + leastExponent);
  return sum / bins.length;
}

/** How far the numbers of one unit in one tensor are shifted, and what that costs. */
interface UnitCost {
  readonly counts: Float64Array;
  /** The first and the last bin that has numbers; the last is before the first where none has. */
  readonly ends: readonly [first: number, last: number];
  readonly share: number;
  readonly power: number;
  readonly shift: number;
  /** Of an activation: one number that overflows spoils results, a weight becomes the largest number. */
  readonly isValue?: boolean;
}

/** Histograms of the weights of each unit, by leg. */
function costsOf({ size, axes }: ScalingGenerator, exponents: ReadonlyMap<string, NdArray>): UnitCost[][] {
  const units = Array.from({ length: size }, (): UnitCost[] => []);
  for (const leg of axes) {
    const array = exponents.get(leg.path) as NdArray;
    const data = elementsAlong(array, leg);
    const own = Array.from({ length: size }, () => new Float64Array(exponentBins));
    const unitAt = unitsOf(leg);
    for (let at = 0; at < data.length; at++) {
      const bin = Math.min(Math.max(data[at], 0), exponentBins - 1);
      if (!Number.isNaN(bin)) own[unitAt[at]][bin]++;
    }
    const share = 1 / array.data.length;
    own.forEach((counts, i) => {
      units[i].push({ counts, ends: endsOf(counts), share, power: leg.power, shift: 0 });
    });
  }
  return units;
}

function cellsByUnit(generators: readonly ScalingGenerator[], cells: readonly ActivationCell[]) {
  const all = generators.map(({ size }) =>
    Array.from({ length: size }, (): { readonly cell: number; readonly power: number }[] => []),
  );
  cells.forEach(({ terms }, cell) => {
    for (const { generator, unit, power } of terms) all[generator][unit].push({ cell, power });
  });
  return all;
}

/** The least k > 0 with which all factors are whole powers of two; undefined if there is none up to 4. */
function stepOf(axes: readonly Leg[]): number | undefined {
  return [1, 2, 3, 4].find((k) => axes.every(({ power }) => Number.isInteger(power * k)));
}

/** The multiple of the step that costs least, the nearest to 0 of several; convex, so that it is found by walking down. */
function bestMove(costs: readonly UnitCost[], step: number, at: ArrayLike<number>): number {
  const total = (move: number) => costs.reduce((sum, cost) => sum + costAt(cost, move), 0);
  const isWithin = (move: number) => Array.from(at).every((k) => Math.abs(k + move) <= mostShift);
  const here = total(0);
  if (here === 0) return 0;
  for (const direction of [step, -step]) {
    let [best, cost] = [0, here];
    while (isWithin(best + direction)) {
      const next = total(best + direction);
      if (!(next < cost * (1 - 1e-12))) break;
      best += direction;
      cost = next;
    }
    if (best !== 0) return best;
  }
  return 0;
}

function costAt(
  { counts, ends: [first, last], share, power, shift, isValue = false }: UnitCost,
  move: number,
): number {
  const from = leastExponent + shift + power * move;
  // Convex: where both ends cost nothing, nothing does.
  if (last < first || (costOf(from + first) === 0 && costOf(from + last) === 0)) return 0;
  const cost = isValue ? bitsBelow : costOf;
  let sum = 0;
  for (let bin = first; bin <= last; bin++) if (counts[bin] > 0) sum += counts[bin] * cost(from + bin);
  return share * sum + (isValue ? costAbove(from + last) : 0);
}

function endsOf(counts: Float64Array): readonly [first: number, last: number] {
  const first = counts.findIndex((count) => count > 0);
  let last = first === -1 ? -1 : counts.length - 1;
  while (last > first && counts[last] === 0) last--;
  return [Math.max(0, first), last];
}

/** Weights times 2^(power k) of their units: exact, but for what over- or underflows. */
export function shiftedAlong(array: NdArray, leg: Leg, shifts: Int32Array): NdArray {
  const factors = Float64Array.from(shifts, (k) => 2 ** (leg.power * k));
  return alongUnits(array, leg, (w, i) => w * factors[i]);
}

function alongUnits(array: NdArray, leg: Leg, f: (value: number, unit: number) => number): NdArray {
  const units = unitsOf(leg);
  return changeAlong(array, leg, (data) => {
    for (let at = 0; at < data.length; at++) data[at] = f(data[at], units[at]);
    return data;
  });
}

// Activations as cells.

/** An activation whose values are scaled, with counts of exponents by the factor that they have. */
export interface Activation {
  readonly tensor: Tensor;
  readonly axes: readonly number[];
  readonly forms: TensorScale[number]["forms"];
  readonly counts: readonly Float64Array[];
  /** How many values were seen. */
  seen: number;
}

/**
 * Counters for an activation; undefined where it is not scaled, where not all factors are known, or where it has factors
 * along several axes independently.
 */
export function activationOf(tensor: Tensor, scale: TensorScale): Activation | undefined {
  if (scale.length !== 1) return undefined;
  const [{ axes, forms }] = scale;
  if (forms.some((form) => form === undefined)) return undefined;
  return { tensor, axes, forms, counts: forms.map(() => new Float64Array(exponentBins)), seen: 0 };
}

/** Counts the values of one batch, unless its sizes are others than those that were traced. */
export function countValues(activation: Activation, { shape, data }: NdArray): void {
  const { axes, tensor, counts } = activation;
  if (shape.length !== tensor.rank || axes.some((axis) => shape[axis] !== tensor.shape[axis])) return;
  const formOf = indexAlong(axes, shape);
  for (let e = 0; e < data.length; e++) {
    const bin = binOf(Number(data[e]));
    if (bin !== undefined) counts[formOf(e)][bin]++;
  }
  activation.seen += data.length;
}

/** The row-major index along some axes of the element of a number. */
function indexAlong(axes: readonly number[], shape: Shape): (element: number) => number {
  const strides = stridesOf(shape);
  return (element) =>
    axes.reduce(
      (index, axis) => index * shape[axis] + (Math.floor(element / strides[axis]) % shape[axis]),
      0,
    );
}

export const cellsOf = ({ counts, forms, seen }: Activation): ActivationCell[] =>
  counts.map((own, i) => ({ counts: own, share: 1 / Math.max(1, seen), terms: forms[i] ?? [] }));
