import { expect, it } from "vitest";
import { sizeOf, zeros } from "../../../src/array.js";
import type { ParameterAxis } from "../../../src/symmetry/discovery/descriptors.js";
import {
  areApart,
  positionOf,
  type ResolvedAxis,
  resolveAxes,
} from "../../../src/symmetry/discrete/discrete-axes.js";

const shape = [4, 6, 2];

/** Views of one, two and three axes of the whole and of parts, each with its units along each axis. */
function allAxes(): ParameterAxis[] {
  const cuts = [
    undefined,
    ...[0, 2].map((start) => ({ axis: 0, start, count: 2 })),
    ...[0, 1, 3].map((start) => ({ axis: 1, start, count: 3 })),
  ];
  return cuts.flatMap((part) => {
    const own = shape.map((n, d) => (d === part?.axis ? part.count : n));
    const total = sizeOf(own);
    const divisors = Array.from({ length: total }, (_, i) => i + 1).filter((n) => total % n === 0);
    return divisors.flatMap((outer) =>
      divisors
        .filter((size) => size > 1 && (total / outer) % size === 0)
        .map((size) => ({ path: "w", part, view: [outer, size, total / outer / size], axis: 1 })),
    );
  });
}

/** Where each element of the parameter goes when units i and i + 1 change places. */
function swapped(parameterAxis: ResolvedAxis, i: number): number[] {
  const to = Array.from({ length: sizeOf(shape) }, (_, k) => k);
  const { outer, size, inner } = parameterAxis;
  for (let o = 0; o < outer; o++) {
    for (let k = 0; k < inner; k++) {
      const [a, b] = [i, i + 1].map((unit) => positionOf(parameterAxis, (o * size + unit) * inner + k));
      [to[a], to[b]] = [b, a];
    }
  }
  return to;
}

function commute(a: ResolvedAxis, b: ResolvedAxis): boolean {
  const swaps = [a, b].map((x) => Array.from({ length: x.size - 1 }, (_, i) => swapped(x, i)));
  return swaps[0].every((f) => swaps[1].every((g) => f.every((_, k) => f[g[k]] === g[f[k]])));
}

it("axes that are apart by their strides are permuted independently", () => {
  const axes = allAxes().map(
    (x) => resolveAxes("test", { w: zeros(shape) }, [{ size: x.view[1], axes: [x] }])[0][0],
  );
  let found = 0;
  for (const a of axes) {
    for (const b of axes) {
      if (!areApart(a, b)) continue;
      found++;
      expect(commute(a, b), JSON.stringify([a, b])).toBe(true);
    }
  }
  expect(found).toBeGreaterThan(100);
});
