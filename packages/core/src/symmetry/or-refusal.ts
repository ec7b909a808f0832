import { NumericalError } from "../errors.js";
import type { Refusal } from "./symmetry.js";

/** The result of a computation on matrices, or a refusal where a matrix is singular or not finite. */
export async function orRefusal<R>(compute: () => R | Promise<R>, what: string): Promise<R | Refusal> {
  try {
    return await compute();
  } catch (error) {
    if (error instanceof NumericalError) return { refused: notInverted(what) };
    throw error;
  }
}

export const notInverted = (what: string): string =>
  `${what} cannot be inverted: it is singular or not finite`;
