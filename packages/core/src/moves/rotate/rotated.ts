import type { NdArray } from "../../array.js";
import { describeValue, OptionError } from "../../errors.js";
import { qr, solve } from "../../math/linalg.js";
import { createRng, type Rng } from "../../math/rng.js";
import { integerFrom, type OptionsOf, oneOf, optionTable } from "../../options.js";
import {
  type Discovery,
  type LinearSpace,
  type OrthogonalSpace,
  type ScalingGenerator,
  turnedUnits,
} from "../../symmetry/discovery/descriptors.js";
import { multipliedAlong, stackOf, vectorsAlong } from "../../symmetry/matrices-along.js";
import { type Matrix, plusDiagonal, product, transposed } from "../../symmetry/matrix.js";
import { mapArrays } from "../../symmetry/parameter-axes.js";
import { diagonalOf, inSpace, seenThrough, zeroSums } from "../../symmetry/rotation/orthogonal.js";
import { namedArrays } from "../../tree.js";
import { scaledParams } from "../balance/scales.js";
import { doublesOf } from "../balance/sweeps.js";

export interface RotatedOptions extends OptionsOf<typeof rotatedOptions> {}

const rotatedOptions = optionTable("rotated", {
  /**
   * `hadamard` (default): H diag(+-1), whose entries are all of one size; `random`: any rotation; `descended`: the
   * former, then descent of the weights' kurtosis.
   */
  by: oneOf(["hadamard", "random", "descended"]).default("hadamard"),
  /** Seed of signs and random rotations; default 0. */
  seed: integerFrom(0).default(0),
  /** Steps of the descent for each space; default 100. */
  steps: integerFrom(0).default(100),
});

type Space = LinearSpace | OrthogonalSpace;

/**
 * The same function with rotated hidden spaces: attention heads and other spaces that linear maps alone touch, and residual
 * streams that are read by linear maps and by their length, not planes of rotary positions. What maps into a space turns by an
 * orthogonal R, and what maps out of it by R, too, as R^-T = R:
 *
 * W_1 <- R W_1,  b_1 <- R b_1,  W_2 <- W_2 R'
 *
 * Weights that a few units dominate are spread over all of them, and so are activations, which is what quantization of whole tensors
 * needs. Hadamard matrices exist for sizes m 2^k with m = 1, 12, 20, 28 and others; for other sizes R is random.
 * Gains of normalizations that readers see through are moved into these first, where the scalings among `found` can.
 * `descended` then lowers the sum over all tensors of N sum w^4 / (sum w^2)^2, one space after another, each as far as
 * descent by Cayley transforms comes in `steps`.
 *
 * @param found what `symmetriesOf` finds for the loss of these parameters
 * @returns new parameters; those that no rotation reaches are the same arrays
 * @throws OptionError for anything but what `symmetriesOf` finds for these parameters; NumericalError when weights are not finite
 *
 * @example
 * const { found } = symmetriesOf(loss, params, batch);
 * const flat = rotated(params, found, { by: "descended", seed: 1 });
 */
export function rotated<P>(
  params: P,
  found: Pick<Discovery, "linear" | "orthogonal"> & Partial<Pick<Discovery, "scalings">>,
  options: RotatedOptions = {},
): P {
  const { by, seed, steps } = rotatedOptions.read(options);
  if (!Array.isArray(found?.linear) || !Array.isArray(found.orthogonal)) {
    throw new OptionError(
      `rotated takes what symmetriesOf finds, symmetriesOf(loss, params, batch).found; got ${describeValue(found)}.`,
    );
  }
  const spaces: readonly Space[] = [...found.linear, ...found.orthogonal];
  const start = withoutGains(params, spaces, found.scalings ?? []);
  const gains = namedArrays(start);
  const arrays = doublesOf(gains, spaces);
  const turned = new Map<string, (array: NdArray) => NdArray>();
  spaces.forEach((space, k) => {
    const { size, copies, axes } = space;
    if (!canTurn(start, space)) return;
    const rng = createRng(seed).fork(k);
    const vectors = by === "descended" ? vectorsOf(arrays, axes, { copies, gains }) : [];
    const rotations = stackOf(copies, size, (copy) =>
      rotationOf(space, vectors[copy], {
        rng: rng.fork(copy),
        steps,
        isRandom: by === "random",
      }),
    );
    for (const axis of axes) {
      const before = turned.get(axis.path);
      const own = seenThrough(rotations, axis, gains);
      arrays.set(axis.path, multipliedAlong(arrays.get(axis.path) as NdArray, axis, own));
      turned.set(axis.path, (array) => multipliedAlong(before ? before(array) : array, axis, own));
    }
  });
  return mapArrays(start, (array, path) => turned.get(path)?.(array) ?? array);
}

/**
 * Whether {@link rotated} turns a space: no rotation can be undone behind a gain of 0, and those of planes of rotary positions
 * spread nothing over a head.
 *
 * @example
 * const turned = symmetriesOf(loss, params, batch).found.orthogonal.filter((space) => canTurn(params, space));
 */
export function canTurn<P>(params: P, space: LinearSpace | OrthogonalSpace): boolean {
  if ("keeps" in space && space.keeps === "orientation") return false;
  const arrays: Readonly<Record<string, NdArray>> = namedArrays(params);
  return gainsOf([space]).every((path) => !(arrays[path].data as Float64Array).includes(0));
}

type Axis = Space["axes"][number] & OrthogonalSpace["axes"][number];

const gainsOf = (spaces: readonly Space[]): string[] => [
  ...new Set(
    spaces.flatMap(({ axes }) => axes.flatMap(({ gains = [] }: Axis) => gains.map(({ path }) => path))),
  ),
];

/** The same function with gains of 1 and -1, which rotations then see. */
function withoutGains<P>(params: P, spaces: readonly Space[], scalings: readonly ScalingGenerator[]): P {
  return gainsOf(spaces).reduce((now, path) => {
    const { data } = namedArrays(now)[path];
    const own = scalings.find(
      ({ exact, size, axes }) => exact && size === data.length && axes.some((axis) => axis.path === path),
    );
    const power = own?.axes.find((axis) => axis.path === path)?.power;
    if (own === undefined || power === undefined) return now;
    const T = Float64Array.from(data as Float64Array, (v) => -Math.log(Math.abs(v)) / power);
    if (!T.every(Number.isFinite)) return now;
    return scaledParams(now, [own], [{ shape: [T.length], data: T }]);
  }, params);
}

interface RotationSettings {
  readonly rng: Rng;
  readonly steps: number;
  readonly isRandom: boolean;
}

function rotationOf(
  space: Space,
  vectors: readonly Vectors[] | undefined,
  { rng, steps, isRandom }: RotationSettings,
): Matrix {
  const own = { keeps: undefined, ...space };
  const size = turnedUnits(own);
  const start = isRandom ? randomOrthogonal(size, rng) : randomHadamard(size, rng);
  const objective = (rotation: Matrix) => {
    const { value, gradient } = kurtosis(vectors ?? [], inSpace(own, rotation));
    if (own.keeps !== "sum") return { value, gradient };
    const basis = zeroSums(space.size);
    return { value, gradient: product(basis, product(gradient, transposed(basis))) };
  };
  return inSpace(own, vectors ? descended(start, objective, steps) : start);
}

/** The vectors along a space's axes, for each of its copies; parameters of zeros alone have none. */
function vectorsOf(
  arrays: ReadonlyMap<string, NdArray>,
  axes: readonly Axis[],
  { copies, gains }: { readonly copies: number; readonly gains: Readonly<Record<string, NdArray>> },
): Vectors[][] {
  const all = axes.flatMap((axis) => {
    const array = arrays.get(axis.path) as NdArray;
    const squares = (array.data as Float64Array).reduce((sum, v) => sum + v * v, 0);
    if (squares === 0) return [];
    const d = diagonalOf(axis, gains);
    const rows = vectorsAlong(array, axis, copies).map(({ shape, data }) => ({
      shape,
      data: d ? data.map((v, k) => v / d[k % d.length]) : data,
    }));
    return [rows.map((own) => ({ columns: transposed(own), share: array.data.length / squares ** 2 }))];
  });
  return Array.from({ length: copies }, (_, copy) => all.map((own) => own[copy]));
}

// Rotations that flatten weights without a look at them: S. Ashkboos et al., "QuaRot", NeurIPS 2024.

/** A random orthogonal matrix, all alike probable: Q of normal numbers, with signs so that R has a positive diagonal. */
export const randomOrthogonal = (n: number, rng: Rng): Matrix =>
  qr({ shape: [n, n], data: Float64Array.from({ length: n * n }, () => rng.normal()) }).q;

/** H diag(+-1) with random signs; a random orthogonal matrix where there is no Hadamard matrix H. */
export function randomHadamard(n: number, rng: Rng): Matrix {
  const h = hadamard(n);
  if (h === undefined) return randomOrthogonal(n, rng);
  const signs = Array.from({ length: n }, () => (rng.next() < 0.5 ? -1 : 1));
  return { shape: h.shape, data: h.data.map((v, k) => v * signs[k % n]) };
}

/** Vectors v as columns [n, m], and the number of weights and the sum of their squares that they are part of. */
interface Vectors {
  readonly columns: Matrix;
  readonly share: number;
}

/**
 * How peaked weights are behind a rotation, and the derivative in it: the sum over all tensors of
 *
 * K = N sum w^4 / (sum w^2)^2
 *
 * which no rotation changes but by its numerator. It is 3 for normal numbers, and large where few weights set the range. Each
 * tensor counts alike, whatever its scale.
 */
export function kurtosis(all: readonly Vectors[], rotation: Matrix): { value: number; gradient: Matrix } {
  const gradient = new Float64Array(rotation.data.length);
  let value = 0;
  for (const { columns, share } of all) {
    const turned = product(rotation, columns);
    const cubes = turned.data.map((v) => v ** 3);
    value += share * turned.data.reduce((sum, v) => sum + v ** 4, 0);
    const slope = product({ shape: turned.shape, data: cubes }, transposed(columns)).data;
    for (let k = 0; k < gradient.length; k++) gradient[k] += 4 * share * slope[k];
  }
  return { value, gradient: { shape: rotation.shape, data: gradient } };
}

// Descent on orthogonal matrices by the Cayley transform: J. Li et al., ICLR 2020, as Z. Liu et al., "SpinQuant", ICLR 2025,
// descend on rotations; here on a closed objective and with steps that it accepts.

/** Steps below this angle change nothing. */
const leastAngle = 1e-7;

/**
 * Steps R <- (I + eta/2 A)^-1 (I - eta/2 A) R with A = G R' - R G', G the gradient in R: a rotation of R along steepest
 * descent, so that R stays orthogonal. eta grows while the objective falls, and is halved where it does not, so that the end is
 * never above the start.
 */
export function descended(
  start: Matrix,
  objective: (rotation: Matrix) => { readonly value: number; readonly gradient: Matrix },
  steps: number,
): Matrix {
  let rotation = start;
  let { value, gradient } = objective(rotation);
  /** Frobenius norm of eta A. */
  let angle = 0.5;
  for (let step = 0; step < steps && angle > leastAngle; ) {
    const a = skew(product(gradient, transposed(rotation)));
    const norm = Math.sqrt(a.data.reduce((sum, v) => sum + v * v, 0));
    if (!(norm > 0)) break;
    const next = cayley(a, angle / norm, rotation);
    const there = objective(next);
    if (there.value < value) {
      rotation = next;
      ({ value, gradient } = there);
      angle *= 1.5;
      step++;
    } else angle /= 2;
  }
  return rotation;
}

/** M - M'. */
const skew = (m: Matrix): Matrix => {
  const mirrored = transposed(m).data;
  return { shape: m.shape, data: m.data.map((v, k) => v - mirrored[k]) };
};

function cayley(a: Matrix, eta: number, rotation: Matrix): Matrix {
  const half = a.data.map((v) => (eta / 2) * v);
  const plus = plusDiagonal({ shape: a.shape, data: half }, 1);
  const minus = plusDiagonal({ shape: a.shape, data: half.map((v) => -v) }, 1);
  return solve(plus, product(minus, rotation));
}

// Hadamard matrices: Sylvester's doubling of Paley's two constructions (R. Paley, J. Math. Phys. 12, 1933).

/**
 * An orthogonal matrix of entries +-1 / sqrt(n), symmetric or not, for n = m 2^k, where m is 1, or m - 1 or m / 2 - 1 is a
 * prime that suits Paley's constructions: 1, 2, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, ...; undefined for other n.
 */
export function hadamard(n: number): Matrix | undefined {
  const signs = signsOf(n);
  return signs && { shape: [n, n], data: signs.map((sign) => sign / Math.sqrt(n)) };
}

function signsOf(n: number): Float64Array | undefined {
  if (n === 1) return Float64Array.of(1);
  if (n % 2 !== 0) return undefined;
  const half = signsOf(n / 2);
  if (half) return doubled(half, n / 2);
  if (n % 4 === 0 && isPrime(n - 1)) return firstPaley(n - 1);
  const q = n / 2 - 1;
  return q % 4 === 1 && isPrime(q) ? secondPaley(q) : undefined;
}

/** [[H, H], [H, -H]]. */
function doubled(half: Float64Array, m: number): Float64Array {
  return matrixOf(2 * m, (i, j) => {
    const sign = i >= m && j >= m ? -1 : 1;
    return sign * half[(i % m) * m + (j % m)];
  });
}

/** I + S of order q + 1, q = 3 modulo 4: S is Jacobsthal's matrix with a border, and skew. */
const firstPaley = (q: number): Float64Array => {
  const s = bordered(q, -1);
  return matrixOf(q + 1, (i, j) => (i === j ? 1 : s(i, j)));
};

/** Each element of the bordered, symmetric S of order q + 1, q = 1 modulo 4, as a block of two rows and two columns. */
function secondPaley(q: number): Float64Array {
  const s = bordered(q, 1);
  const ofZero = [1, -1, -1, -1];
  const ofOne = [1, 1, 1, -1];
  return matrixOf(2 * (q + 1), (i, j) => {
    const [row, column] = [Math.floor(i / 2), Math.floor(j / 2)];
    const within = 2 * (i % 2) + (j % 2);
    return row === column ? ofZero[within] : s(row, column) * ofOne[within];
  });
}

/** Jacobsthal's matrix of quadratic residues modulo q with a first row of ones, and a first column of `corner`. */
function bordered(q: number, corner: 1 | -1): (i: number, j: number) => number {
  const squares = new Set(Array.from({ length: q - 1 }, (_, k) => (k + 1) ** 2 % q));
  return (i, j) => {
    if (i === 0) return 1;
    if (j === 0) return corner;
    return squares.has((i - j + q) % q) ? 1 : -1;
  };
}

function matrixOf(n: number, entry: (i: number, j: number) => number): Float64Array {
  return Float64Array.from({ length: n * n }, (_, k) => entry(Math.floor(k / n), k % n));
}

function isPrime(n: number): boolean {
  for (let k = 2; k * k <= n; k++) if (n % k === 0) return false;
  return n > 1;
}
