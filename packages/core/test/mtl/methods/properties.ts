// Properties of multi-task methods, as functions of a method and a Jacobian; a method's test picks those that it has.
import fc from "fast-check";
import { expect } from "vitest";
import { createRng } from "../../../src/math/rng.js";
import { cosines, precision } from "../../../src/mtl/kernels/gramian.js";
import { spectrum } from "../../../src/mtl/kernels/symmetric.js";
import type { MultiTaskMethod } from "../../../src/mtl/method.js";
import { firstStep, gramianOf, inner, norm, type Rows } from "./jacobians.js";

type Method = MultiTaskMethod<never>;

export interface JacobianShape {
  readonly maxTasks?: number;
  readonly maxParameters?: number;
  /** Whether rows may be 0. */
  readonly zeroRows?: boolean;
  /** Whether the rows may be dependent, by a low rank or fewer parameters than tasks. */
  readonly dependent?: boolean;
  /** Largest power of ten by which the sizes of the rows differ, up or down. */
  readonly spread?: number;
  /** Largest power of ten of the size of them all, up or down. */
  readonly size?: number;
}

/** Random Jacobians: normal numbers, of low rank, with zero rows and rows of very different sizes where allowed. */
export function jacobians({
  maxTasks = 40,
  maxParameters = 60,
  zeroRows = true,
  dependent = true,
  spread = 10,
  size = 10,
}: JacobianShape = {}): fc.Arbitrary<Rows> {
  return fc
    .record({
      seed: fc.integer({ min: 0, max: 2 ** 31 }),
      K: fc.integer({ min: 1, max: maxTasks }),
      P: fc.integer({ min: 1, max: maxParameters }),
      rank: fc.integer({ min: 1, max: dependent ? maxTasks : 1 }),
      zeros: fc.constantFrom(0, 0, 0.2),
      spread: fc.constantFrom(0, 0, 1, spread),
      size: fc.integer({ min: -size, max: size }),
      // Positive: gradients that agree. 0: as many conflicts as not.
      shift: fc.constantFrom(0, 0, 0.3, 1),
    })
    .map((given) => {
      const rng = createRng(given.seed);
      const draw = (n: number) => Array.from({ length: n }, () => rng.normal() + given.shift);
      const { K } = given;
      const P = dependent ? given.P : Math.max(given.P, K);
      const basis = Array.from({ length: Math.min(given.rank, K) }, () => draw(P));
      return Array.from({ length: K }, () => {
        const factor =
          zeroRows && rng.next() < given.zeros
            ? 0
            : 10 ** (given.size + Math.min(spread, given.spread) * (2 * rng.next() - 1));
        const full = !dependent || given.rank >= K;
        const parts = full ? [draw(P)] : basis;
        const mix = parts.map(() => (full ? 1 : rng.normal()));
        return parts[0].map((_, p) => factor * parts.reduce((sum, part, r) => sum + mix[r] * part[p], 0));
      });
    });
}

/** Whether no method that takes gradients for dependent to the rounding of float32 does so with these. */
export const areClearlyIndependent = (rows: Rows): boolean =>
  spectrum(cosines(gramianOf(rows)), 10 * precision).values.length === rows.length;

const lengths = (rows: Rows) => rows.map(norm);

/** sum_k |w_k| ||g_k||, or ||d|| where there are no weights: what rounding errors of d are in proportion to. */
const parts = (rows: Rows, w: number[], d: number[]) =>
  w.length > 0 ? lengths(rows).reduce((sum, n, k) => sum + Math.abs(w[k]) * n, 0) : norm(d);

/** As many numbers as parameters and none of them NaN or infinite. */
export function expectStructure(method: Method, rows: Rows): void {
  const { d, w, headWeights } = firstStep(method, rows);
  expect(d).toHaveLength(rows[0].length);
  expect([...d, ...w, ...(headWeights ?? [])].every(Number.isFinite)).toBe(true);
}

/** g_k . d >= least ||d||^2 for all k, to a share `tolerance` of the numbers that make it up. */
export function expectNonConflicting(method: Method, rows: Rows, { tolerance = 1e-6, least = 0 } = {}): void {
  const { d, w } = firstStep(method, rows);
  const size = parts(rows, w, d);
  rows.forEach((g, k) => {
    expect(inner(g, d) - least * inner(d, d), `task ${k}`).toBeGreaterThanOrEqual(
      -tolerance * norm(g) * size - least * tolerance * size * size,
    );
  });
}

function expectSame(a: readonly number[], b: readonly number[], tolerance: number): void {
  const difference = norm(a.map((x, p) => x - b[p]));
  expect(difference).toBeLessThanOrEqual(tolerance);
}

/** d(Q J) = d(J) for a permutation Q of the tasks. */
export function expectPermutationInvariant(method: Method, rows: Rows, tolerance = 1e-6): void {
  const order = createRng(7).shuffle([...rows.keys()]);
  const { d, w } = firstStep(method, rows);
  const permuted = firstStep(
    method,
    order.map((k) => rows[k]),
  ).d;
  expectSame(d, permuted, tolerance * parts(rows, w, d));
}

/** d(diag(a x + b y) J) = a d(diag(x) J) + b d(diag(y) J) for positive a, b, x and y. */
export function expectLinearUnderScaling(method: Method, rows: Rows, tolerance = 1e-6): void {
  const rng = createRng(11);
  const positive = () => 0.1 + rng.next();
  const [a, b] = [positive(), positive()];
  const [x, y] = [rows.map(positive), rows.map(positive)];
  const scaled = (c: readonly number[]) => rows.map((row, k) => row.map((v) => v * c[k]));
  const both = scaled(x.map((v, k) => a * v + b * y[k]));
  const { d, w } = firstStep(method, both);
  const dx = firstStep(method, scaled(x)).d;
  const dy = firstStep(method, scaled(y)).d;
  expectSame(
    d,
    dx.map((v, p) => a * v + b * dy[p]),
    tolerance * parts(both, w, d),
  );
}

/**
 * d = 0 only if some w > 0 has J' w = 0. The rows are first changed so that a unit u has g_k . u >= 0 for all k and > 0
 * for one, which rules such a w out; `least` bounds w from below, so that d . u is at least `least` times the sum.
 */
export function expectStronglyStationary(method: Method, rows: Rows, least: number): void {
  const P = rows[0].length;
  const u = rows[0].map(() => 1 / Math.sqrt(P));
  const changed = rows.map((g, k) => {
    const along = k % 2 === 0 ? norm(g) : 0;
    const now = inner(g, u);
    return g.map((v, p) => v + (along - now) * u[p]);
  });
  const total = changed.reduce((sum, g) => sum + inner(g, u), 0);
  // Zero rows stay zero, up to rounding.
  if (total <= 1e-9 * lengths(changed).reduce((sum, n) => sum + n, 0)) return;
  expect(inner(firstStep(method, changed).d, u)).toBeGreaterThan(0.999 * least * total);
}

/** d(diag(s) J) = d(J) for s > 0; with `line` only up to length and sign. */
export function expectScaleInvariant(
  method: Method,
  rows: Rows,
  { line = false, tolerance = 1e-6 } = {},
): void {
  const rng = createRng(13);
  const scaled = rows.map((row) => {
    const s = 10 ** (4 * rng.next() - 2);
    return row.map((v) => s * v);
  });
  const before = firstStep(method, rows);
  const after = firstStep(method, scaled);
  if (!line) {
    expectSame(before.d, after.d, tolerance * parts(rows, before.w, before.d));
    return;
  }
  // A d that is nearly 0 next to its parts is rounding error.
  const significant = norm(before.d) / parts(rows, before.w, before.d);
  if (significant < 1e-6) return;
  const sign = Math.sign(inner(before.d, after.d));
  const unit = (v: number[], factor = 1) => v.map((x) => (factor * x) / norm(v));
  expectSame(unit(before.d), unit(after.d, sign), tolerance / significant);
}

/** (g_k / ||g_k||) . d is the same for all k. */
export function expectEqualProjections(method: Method, rows: Rows, tolerance = 1e-6): void {
  const { d, w } = firstStep(method, rows);
  const projections = rows.map((g) => inner(g, d) / norm(g));
  const size = parts(rows, w, d);
  for (const x of projections) expect(Math.abs(x - projections[0])).toBeLessThanOrEqual(tolerance * size);
}

/** For K = 1, d = factor g. */
export function expectSingleTask(method: Method, g: readonly number[], factor: number): void {
  const { d } = firstStep(method, [g]);
  expectSame(
    d,
    g.map((x) => factor * x),
    1e-9 * Math.abs(factor) * norm(g),
  );
}
