// A function that a user typed, L = r1(x, y)^2 + r2(x, y)^2, as a problem of the library.
import type { Tensor } from "isoloss";
import {
  abs,
  add,
  concat,
  cos,
  div,
  exp,
  fillLike,
  log,
  mul,
  neg,
  type Operand,
  pow,
  sin,
  slice,
  sqrt,
  square,
  sub,
  sum,
  tanh,
} from "isoloss/ops";
import { type Problem, vector } from "isoloss/problems";
import { type ResidualMap, residualRotation, type VectorParams } from "isoloss/symmetry";
import { type Affine, inverseOf, noGroup } from "./affine.js";
import { fold } from "./fold.js";
import { type OperationName, parseFormula } from "./parse.js";

const binary = { add, sub, mul, div, pow };
const unary = { neg, exp, log, sin, cos, sqrt, tanh, abs };

/** One operation of a formula in the graph; what has one operand has a tensor as that. */
const apply = (operation: OperationName, [a, b]: readonly Operand[]): Tensor =>
  operation in binary
    ? binary[operation as keyof typeof binary](a, b)
    : unary[operation as keyof typeof unary](a as Tensor);

export interface Own {
  readonly r1: string;
  readonly r2: string;
  readonly start: readonly [number, number];
}

/**
 * The symmetry is the rotation of (r1, r2) where they are an invertible affine map; elsewhere there is none that is known.
 */
export function ownProblem({ r1, r2, start }: Own): Problem<VectorParams> {
  const formulas = [r1, r2].map(parseFormula);
  const residuals = ({ w }: { readonly w: Tensor }): Tensor => {
    const [x, y] = [slice(w, { ends: [1] }), slice(w, { starts: [1] })];
    return concat(
      formulas.map((formula) => {
        const value = fold<Tensor>(formula, (name) => (name === "x" ? x : y), apply);
        return typeof value === "number" ? fillLike(x, value) : value;
      }),
    );
  };
  const inverse = inverseOf(r1, r2);
  const params = vector(start);
  const loss: Problem<VectorParams>["loss"] = (p) => sum(square(residuals(p)));
  return {
    name: "own",
    loss,
    start: params,
    batch: {},
    symmetry() {
      if (inverse === undefined) throw new Error(noGroup);
      const map: ResidualMap<VectorParams> = { residuals, inverse: (u) => ({ w: applied(inverse, u) }) };
      return residualRotation(map, { params, batch: {} });
    },
  };
}

const applied = (rows: readonly Affine[], u: Tensor): Tensor => {
  const [u1, u2] = [slice(u, { ends: [1] }), slice(u, { starts: [1] })];
  return concat(rows.map(([a, b, c]) => add(add(mul(a, u1), mul(b, u2)), c)));
};
