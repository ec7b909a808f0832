// Hadamard matrices: Sylvester's doubling of Paley's two constructions (R. Paley, J. Math. Phys. 12, 1933).
import type { Matrix } from "../../symmetry/matrix.js";

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
