import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { array, type NdArray, ndarray } from "../../src/array.js";
import { DTypeError, NumericalError, OptionError, ShapeError } from "../../src/errors.js";
import { eigenSymmetric, inverse, pinv, qr, solve, svd } from "../../src/math/linalg.js";

type F64 = NdArray<Float64Array>;

const matrix = (rows: number[][]) => array(rows, "float64") as F64;

function multiply(a: F64, b: F64): F64 {
  const [m, k] = a.shape;
  const n = b.shape[1];
  const data = new Float64Array(m * n);
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      for (let l = 0; l < k; l++) data[i * n + j] += a.data[i * k + l] * b.data[l * n + j];
    }
  }
  return ndarray(data, [m, n]);
}

function transpose(a: F64): F64 {
  const [m, n] = a.shape;
  return ndarray(
    Float64Array.from({ length: m * n }, (_, at) => a.data[(at % m) * n + Math.floor(at / m)]),
    [n, m],
  );
}

function diagonal(values: ArrayLike<number>): F64 {
  const n = values.length;
  const data = new Float64Array(n * n);
  for (let i = 0; i < n; i++) data[i * n + i] = values[i];
  return ndarray(data, [n, n]);
}

const identity = (n: number) => diagonal(new Float64Array(n).fill(1));

function expectClose(a: F64, b: F64, tolerance: number): void {
  expect(a.shape).toEqual(b.shape);
  const worst = a.data.reduce((w, x, i) => Math.max(w, Math.abs(x - b.data[i])), 0);
  expect(worst).toBeLessThanOrEqual(tolerance);
}

const largest = (a: F64) => a.data.reduce((w, x) => Math.max(w, Math.abs(x)), 0);

/** Matrices of small integers (so with many rank-deficient ones) times a power of two, wide, tall and square. */
const anyMatrix = fc
  .record({
    m: fc.integer({ min: 1, max: 6 }),
    n: fc.integer({ min: 1, max: 6 }),
    exponent: fc.constantFrom(0, 0, 0, -900, 900),
    integers: fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 36, maxLength: 36 }),
  })
  .map(({ m, n, exponent, integers }) =>
    ndarray(
      Float64Array.from({ length: m * n }, (_, i) => integers[i] * 2 ** exponent),
      [m, n],
    ),
  );

/** The 4 x 4 Hilbert matrix, 1 / (i + j + 1), and its inverse, known in closed form. */
const hilbert = matrix([0, 1, 2, 3].map((i) => [0, 1, 2, 3].map((j) => 1 / (i + j + 1))));
const hilbertInverse = matrix([
  [16, -120, 240, -140],
  [-120, 1200, -2700, 1680],
  [240, -2700, 6480, -4200],
  [-140, 1680, -4200, 2800],
]);

const functions = { solve: (a: NdArray) => solve(a, a), inverse, eigenSymmetric, svd, pinv, qr };

describe.each(Object.entries(functions))("%s", (name, f) => {
  it("refuses arrays that are not float64 matrices", () => {
    expect(() => f(array([[1]], "float32"))).toThrow(DTypeError);
    expect(() => f(array([[1]], "float32"))).toThrow(`${name} takes float64; got float32`);
    expect(() => f(array([1, 2], "float64"))).toThrow(ShapeError);
    expect(() => f(array([1, 2], "float64"))).toThrow("got shape [2]");
    expect(() => f(ndarray(new Float64Array(0), [0, 2]))).toThrow(ShapeError);
    expect(() => f({ shape: [2, 2], data: new Float64Array(3) })).toThrow(ShapeError);
  });

  it("refuses NaN and infinity, naming the place", () => {
    expect(() =>
      f(
        matrix([
          [1, 2],
          [Number.NaN, 1],
        ]),
      ),
    ).toThrow(NumericalError);
    expect(() =>
      f(
        matrix([
          [1, 2],
          [Number.NaN, 1],
        ]),
      ),
    ).toThrow("element 2 of the flat data is NaN");
    expect(() => f(matrix([[Number.POSITIVE_INFINITY]]))).toThrow(NumericalError);
  });

  it("leaves its argument as it was", () => {
    const a = matrix([
      [4, 1],
      [1, 3],
    ]);
    f(a);
    expect(Array.from(a.data)).toEqual([4, 1, 1, 3]);
  });
});

describe("solve", () => {
  it("solves for one and for several right-hand sides", () => {
    // By hand: x + 2y = 5, 3x + 4y = 11 has the solution (1, 2).
    const a = matrix([
      [1, 2],
      [3, 4],
    ]);
    expectClose(solve(a, array([5, 11], "float64")), array([1, 2], "float64") as F64, 1e-14);
    expectClose(
      solve(
        a,
        matrix([
          [5, 1],
          [11, 3],
        ]),
      ),
      matrix([
        [1, 1],
        [2, 0],
      ]),
      1e-14,
    );
  });

  it("refuses a matrix that is singular, exactly or to working precision", () => {
    const b = array([1, 1, 1], "float64");
    expect(() =>
      solve(
        matrix([
          [1, 2],
          [2, 4],
        ]),
        array([1, 1], "float64"),
      ),
    ).toThrow(NumericalError);
    // Rank 2, but rounding leaves a last pivot of about 1e-16.
    const nearly = matrix([
      [0.1, 0.2, 0.3],
      [0.4, 0.5, 0.6],
      [0.7, 0.8, 0.9],
    ]);
    expect(() => solve(nearly, b)).toThrow(/singular to working precision .*pinv/);
    expect(() => solve(matrix([[0]]), array([1], "float64"))).toThrow(NumericalError);
  });

  it("refuses a right-hand side of another length and a matrix that is not square", () => {
    expect(() => solve(identity(2), array([1, 2, 3], "float64"))).toThrow(
      "[2] or [2, k] for k >= 1; got [3]",
    );
    expect(() => solve(matrix([[1, 2]]), array([1], "float64"))).toThrow("square matrix; got shape [1, 2]");
    expect(() => solve(identity(2), array([1, Number.NaN], "float64"))).toThrow("solve (b)");
  });
});

describe("inverse", () => {
  it("inverts the Hilbert matrix", () => {
    // Its condition number is 1.6e4; the inverse's elements go up to 6480.
    expectClose(inverse(hilbert), hilbertInverse, 1e-8);
  });

  it("inverts a well-conditioned matrix of any magnitude", () => {
    expectClose(
      inverse(
        matrix([
          [2 ** -1000, 0],
          [0, 2 ** -1001],
        ]),
      ),
      matrix([
        [2 ** 1000, 0],
        [0, 2 ** 1001],
      ]),
      0,
    );
  });
});

describe("eigenSymmetric", () => {
  it("gives 2 and 18 for the Hessian of Booth's function", () => {
    const { values, vectors } = eigenSymmetric(
      matrix([
        [10, 8],
        [8, 10],
      ]),
    );
    expectClose(values, array([2, 18], "float64") as F64, 1e-13);
    expect(Math.abs(vectors.data[0] + vectors.data[2])).toBeLessThan(1e-14);
    expect(Math.abs(vectors.data[1] - vectors.data[3])).toBeLessThan(1e-14);
  });

  it("gives the known spectrum of the second-difference matrix", () => {
    // Eigenvalues 2 - 2 cos(k pi / (n + 1)).
    const n = 12;
    const a = matrix(
      Array.from({ length: n }, (_, i) =>
        Array.from({ length: n }, (_, j) => (i === j ? 2 : Math.abs(i - j) === 1 ? -1 : 0)),
      ),
    );
    const expected = Array.from({ length: n }, (_, k) => 2 - 2 * Math.cos(((k + 1) * Math.PI) / (n + 1)));
    expectClose(eigenSymmetric(a).values, array(expected, "float64") as F64, 1e-13);
  });

  it("rebuilds the matrix from orthonormal vectors and ascending values", () => {
    fc.assert(
      fc.property(anyMatrix, (half) => {
        const a = multiply(
          ndarray(
            half.data.map((x) => x / (largest(half) || 1)),
            half.shape,
          ),
          transpose(half),
        );
        const { values, vectors } = eigenSymmetric(a);
        const rebuilt = multiply(multiply(vectors, diagonal(values.data)), transpose(vectors));
        expectClose(rebuilt, a, 1e-13 * largest(a));
        expectClose(multiply(transpose(vectors), vectors), identity(a.shape[0]), 1e-13);
        expect(Array.from(values.data)).toEqual(Array.from(values.data).sort((x, y) => x - y));
      }),
    );
  });

  it("refuses a matrix that is not symmetric", () => {
    expect(() =>
      eigenSymmetric(
        matrix([
          [1, 2],
          [3, 1],
        ]),
      ),
    ).toThrow("element (1, 0) is 3, (0, 1) is 2");
  });
});

describe("svd", () => {
  it("gives the singular values of a matrix worked by hand", () => {
    // a a^T = [[25, 20], [20, 25]] has eigenvalues 45 and 5.
    const { s } = svd(
      matrix([
        [3, 4],
        [0, 5],
      ]),
    );
    expectClose(s, array([Math.sqrt(45), Math.sqrt(5)], "float64") as F64, 1e-14);
  });

  it("rebuilds any matrix from orthonormal vectors and descending values", () => {
    fc.assert(
      fc.property(anyMatrix, (a) => {
        const { u, s, v } = svd(a);
        const k = Math.min(...a.shape);
        expectClose(multiply(multiply(u, diagonal(s.data)), transpose(v)), a, 1e-13 * largest(a));
        expectClose(multiply(transpose(u), u), identity(k), 1e-13);
        expectClose(multiply(transpose(v), v), identity(k), 1e-13);
        expect(Array.from(s.data)).toEqual(Array.from(s.data).sort((x, y) => y - x));
        expect(s.data[k - 1]).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});

describe("pinv", () => {
  it("gives the pseudoinverse and rank of a singular matrix worked by hand", () => {
    // a = 2 u u^T with u = (1, 1) / sqrt 2, so a^+ = u u^T / 2.
    const result = pinv(
      matrix([
        [1, 1],
        [1, 1],
      ]),
    );
    expect(result.rank).toBe(1);
    expectClose(
      result.pinv,
      matrix([
        [0.25, 0.25],
        [0.25, 0.25],
      ]),
      1e-15,
    );
  });

  it("is the inverse of a regular matrix", () => {
    const result = pinv(hilbert);
    expect(result.rank).toBe(4);
    expectClose(result.pinv, hilbertInverse, 1e-7);
  });

  it("fulfils Penrose's four conditions for any matrix", () => {
    fc.assert(
      fc.property(anyMatrix, (scaled) => {
        const unit = largest(scaled) || 1;
        const a = ndarray(
          scaled.data.map((x) => (3 * x) / unit),
          scaled.shape,
        );
        const { pinv: p } = pinv(a);
        const ap = multiply(a, p);
        const pa = multiply(p, a);
        const tolerance = 1e-11 * (1 + largest(p)) ** 2;
        expectClose(multiply(ap, a), a, tolerance);
        expectClose(multiply(pa, p), p, tolerance);
        expectClose(transpose(ap), ap, tolerance);
        expectClose(transpose(pa), pa, tolerance);
      }),
    );
  });

  it("drops the singular values below rcond times the largest", () => {
    const a = matrix([
      [1, 0],
      [0, 1e-3],
    ]);
    expect(pinv(a).rank).toBe(2);
    const dropped = pinv(a, { rcond: 1e-2 });
    expect(dropped.rank).toBe(1);
    expectClose(
      dropped.pinv,
      matrix([
        [1, 0],
        [0, 0],
      ]),
      1e-15,
    );
    expectClose(dropped.s, array([1, 1e-3], "float64") as F64, 1e-15);
  });

  it("gives zeros and rank 0 for a matrix of zeros", () => {
    const result = pinv(
      matrix([
        [0, 0, 0],
        [0, 0, 0],
      ]),
    );
    expect(result.rank).toBe(0);
    expect(result.pinv.shape).toEqual([3, 2]);
    expect(largest(result.pinv)).toBe(0);
  });

  it("refuses an rcond outside [0, 1)", () => {
    expect(() => pinv(identity(2), { rcond: -1 })).toThrow(OptionError);
    expect(() => pinv(identity(2), { rcond: Number.NaN })).toThrow("[0, 1); got NaN");
  });
});

describe("qr", () => {
  it("rebuilds any tall matrix from orthonormal columns and an upper triangle with non-negative diagonal", () => {
    fc.assert(
      fc.property(anyMatrix, (any) => {
        const a = any.shape[0] < any.shape[1] ? transpose(any) : any;
        const n = a.shape[1];
        const { q, r } = qr(a);
        expectClose(multiply(q, r), a, 1e-13 * largest(a));
        expectClose(multiply(transpose(q), q), identity(n), 1e-13);
        for (let i = 0; i < n; i++) {
          expect(r.data[i * n + i]).toBeGreaterThanOrEqual(0);
          for (let j = 0; j < i; j++) expect(r.data[i * n + j]).toBe(0);
        }
      }),
    );
  });

  it("gives the factors of a matrix worked by hand", () => {
    const { q, r } = qr(
      matrix([
        [0, -2],
        [3, 0],
      ]),
    );
    expectClose(
      q,
      matrix([
        [0, -1],
        [1, 0],
      ]),
      1e-15,
    );
    expectClose(
      r,
      matrix([
        [3, 0],
        [0, 2],
      ]),
      1e-15,
    );
  });

  it("refuses a wide matrix", () => {
    expect(() => qr(matrix([[1, 2]]))).toThrow("at least as many rows as columns; got [1, 2]");
  });
});
