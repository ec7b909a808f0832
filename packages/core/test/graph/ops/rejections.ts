import { describe, expect, it } from "vitest";
import type { IsolossError } from "../../../src/errors.js";
import { input } from "../../../src/graph/ops/leaf.js";
import type { Tensor } from "../../../src/graph/tensor.js";

type Rejection = readonly [
  call: string,
  make: () => Tensor | readonly Tensor[],
  kind: typeof IsolossError,
  words: readonly string[],
];

export const float = (...shape: number[]): Tensor => input(shape);
export const double = (...shape: number[]): Tensor => input(shape, "float64");
export const int = (...shape: number[]): Tensor => input(shape, "int64");
export const bool = (...shape: number[]): Tensor => input(shape, "bool");

/** Every call throws at once, without tracing or running anything, an error that says what came. */
export function rejects(family: string, rejections: readonly Rejection[]): void {
  describe(family, () => {
    it.each(rejections)("%s is refused in the caller's line", (_call, make, kind, words) => {
      let thrown: unknown;
      try {
        make();
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toBeInstanceOf(kind);
      for (const word of words) expect((thrown as Error).message).toContain(word);
    });
  });
}
