import { need } from "./check.js";

/** Values of a function at the points of a regular grid. */
export interface Grid {
  readonly x: readonly [number, number];
  readonly y: readonly [number, number];
  /** Points along x and along y, the ends included. */
  readonly nx: number;
  readonly ny: number;
  /** nx * ny values; x runs fastest, both from their smaller end. */
  readonly values: ArrayLike<number>;
}

/**
 * Values of f on an n times n grid over [a, b] x [c, d], the corners included.
 *
 * @throws OptionError for an invalid range or fewer than two points a side
 * @example
 * gridOf((x, y) => x * x + y * y, { x: [-1, 1], y: [-1, 1], n: 3 }).values; // 2 1 2 1 0 1 2 1 2
 */
export function gridOf(
  f: (x: number, y: number) => number,
  {
    x,
    y,
    n = 100,
  }: { readonly x: readonly [number, number]; readonly y: readonly [number, number]; n?: number },
): Grid {
  need(
    Number.isInteger(n) && n >= 2,
    `gridOf: n must be an integer >= 2, the points along a side; got ${n}.`,
  );
  const at = ([a, b]: readonly [number, number], i: number) => a + ((b - a) * i) / (n - 1);
  const values = Float64Array.from({ length: n * n }, (_, i) => f(at(x, i % n), at(y, Math.floor(i / n))));
  const grid = { x, y, nx: n, ny: n, values };
  checkGrid("gridOf", grid);
  return grid;
}

/** @throws OptionError unless the ranges are valid and there is a value for each point */
export function checkGrid(owner: string, { x, y, nx, ny, values }: Grid): void {
  for (const [name, range] of Object.entries({ x, y })) {
    need(
      range.length === 2 && range.every(Number.isFinite) && range[0] < range[1],
      `${owner}: ${name} must be a range [from, to] of finite numbers with from < to; got ${JSON.stringify(range)}.`,
    );
  }
  need(
    nx >= 2 && ny >= 2 && values.length === nx * ny,
    `${owner}: ${nx} x ${ny} points need ${nx * ny} values and at least 2 points a side; got ${values.length} values.`,
  );
}
