// Which pairs of formulas are an invertible affine map, whose inverse has a closed form.
import { fold } from "./fold.js";
import { type Expression, parseFormula } from "./parse.js";

/** a x + b y + c as [a, b, c]. */
export type Affine = readonly [number, number, number];

export const noGroup =
  "No group is known for these formulas: r1 and r2 are not affine, or have no inverse. Level sets need none.";

/** The coefficients of a formula that is affine as it is written. */
function affineOf(expression: Expression): Affine | undefined {
  const scaled = (v: Affine, s: number): Affine => [s * v[0], s * v[1], s * v[2]];
  const result = fold<Affine | undefined>(
    expression,
    (name) => (name === "x" ? [1, 0, 0] : [0, 1, 0]),
    (operation, of) => {
      if (of.includes(undefined)) return undefined;
      const [a, b] = of as readonly (Affine | number)[];
      const [p, q] = [a, b].map((v): Affine => (typeof v === "number" ? [0, 0, v] : v));
      if (operation === "neg") return scaled(p, -1);
      if (operation === "add") return [p[0] + q[0], p[1] + q[1], p[2] + q[2]];
      if (operation === "sub") return [p[0] - q[0], p[1] - q[1], p[2] - q[2]];
      if (operation === "mul" && typeof a === "number") return scaled(q, a);
      if (typeof b !== "number") return undefined;
      if (operation === "mul") return scaled(p, b);
      if (operation === "div") return scaled(p, 1 / b);
      return operation === "pow" && b === 1 ? p : undefined;
    },
  );
  return typeof result === "number" ? [0, 0, result] : result;
}

/** The inverse of u = r1(x, y), v = r2(x, y) as x = a u + b v + c and y likewise, if both formulas are affine and it exists. */
export function inverseOf(r1: string, r2: string): readonly [Affine, Affine] | undefined {
  const [p, q] = [r1, r2].map((text) => affineOf(parseFormula(text)));
  if (p === undefined || q === undefined) return undefined;
  const det = p[0] * q[1] - p[1] * q[0];
  // Nearly parallel lines have an inverse that is rounding only.
  if (!(Math.abs(det) > 1e-9 * Math.hypot(p[0], p[1]) * Math.hypot(q[0], q[1]))) return undefined;
  return [
    [q[1] / det, -p[1] / det, (p[1] * q[2] - q[1] * p[2]) / det],
    [-q[0] / det, p[0] / det, (q[0] * p[2] - p[0] * q[2]) / det],
  ];
}
