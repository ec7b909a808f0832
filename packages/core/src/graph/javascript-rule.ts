import type { Index } from "./index-expression.js";
import type { Attributes, Tensor } from "./tensor.js";

/** Reads one element of input `k`: returns a JavaScript expression. */
export type Read = (k: number, at: Index) => string;

/** What a kernel writes its statements with. */
export interface KernelWriter {
  /** A loop over 0..count-1; with `count` 1 no loop is written and the variable is the constant 0. */
  loop(count: number, body: (i: import("./index-expression.js").Affine) => void): void;
  line(code: string): void;
  /** A new variable name. */
  fresh(prefix: string): string;
  read: Read;
  /** Statement that stores one element of the result. */
  store(at: Index, expression: string): void;
  /** The result's element at a flat offset, as an expression that can be assigned to. */
  result(flat: string): string;
}

/**
 * How an operation becomes JavaScript. Either `pull`, an expression for one element of the result, which is fused
 * into its consumers, or `kernel`, statements that compute the whole result, or both (then `unroll` chooses).
 */
export interface JavaScriptRule<A extends Attributes = Attributes> {
  pull?(at: Index, read: Read, node: Tensor, attrs: A): string;
  kernel?(w: KernelWriter, node: Tensor, attrs: A): void;
  /** With both forms: whether this node is small enough for `pull`. */
  unroll?(node: Tensor, attrs: A): boolean;
  /** The operation only moves elements: always worth repeating instead of storing. */
  readonly view?: boolean | undefined;
  /** The result's elements are read off flat offsets equal to the inputs' (element-wise operations, reshape). */
  readonly flat?: boolean | undefined;
  /** Every input element is read at most once for the whole result, so that inputs may be fused in. */
  readonly readsOnce?: boolean | undefined;
}
