// Formulas from the bottom up.
import type { Expression, OperationName } from "./parse.js";

/** The operations on plain numbers. */
const plain: Readonly<Record<OperationName, (a: number, b: number) => number>> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  pow: (a, b) => a ** b,
  neg: (a) => -a,
  exp: Math.exp,
  log: Math.log,
  sin: Math.sin,
  cos: Math.cos,
  sqrt: Math.sqrt,
  tanh: Math.tanh,
  abs: Math.abs,
};

/** The value of a formula at a point. */
export const valueAt = (expression: Expression, x: number, y: number): number =>
  fold<number>(
    expression,
    (name) => (name === "x" ? x : y),
    () => Number.NaN, // All operands are numbers.
  );

/**
 * Makes something of a formula: numbers among themselves stay numbers.
 *
 * @param variable what x and y are
 * @param apply what an operation makes of its operands, at least one of which is no number
 */
export function fold<V>(
  expression: Expression,
  variable: (name: "x" | "y") => V,
  apply: (operation: OperationName, of: readonly (V | number)[]) => V,
): V | number {
  if ("value" in expression) return expression.value;
  if ("variable" in expression) return variable(expression.variable);
  const of = expression.of.map((part) => fold(part, variable, apply));
  const numbers = of.filter((part): part is V & number => typeof part === "number");
  return numbers.length === of.length
    ? plain[expression.operation](numbers[0], numbers[1])
    : apply(expression.operation, of);
}
