import type { Shape } from "../array.js";
import { type Affine, Index } from "./index-expression.js";
import type { Attributes, Graph, Tensor } from "./tensor.js";

/** Returns a JavaScript expression that reads one element of input `k`. */
export type Read = (k: number, at: Index) => string;

/** Arrays of at most this many elements are written element by element: a call would take longer. */
const copiedSingly = 16;

/** Statements that copy an array of a number of elements into another, from a place there on. */
export function copying(from: string, to: string, size: number, place?: string): string {
  if (size > copiedSingly) return `${to}.set(${from}${place === undefined ? "" : `,${place}`});`;
  const at = (k: number) => (place === undefined ? k : `${place}+${k}`);
  return Array.from({ length: size }, (_, k) => `${to}[${at(k)}]=${from}[${k}];`).join("");
}

/** Statements that write a number into all elements of an array. */
export function filling(to: string, value: number, size: number): string {
  const number = Object.is(value, -0) ? "-0" : `${value}`;
  if (size > copiedSingly) return `${to}.fill(${number});`;
  return Array.from({ length: size }, (_, k) => `${to}[${k}]=${number};`).join("");
}

/** The interface through which a kernel writes its statements. */
export interface KernelWriter {
  /** A loop over 0..count-1; with `count` 1 no loop is written and the variable is the constant 0. */
  loop(count: number, body: (i: Affine) => void): void;
  line(code: string): void;
  /** A new variable name. */
  fresh(prefix: string): string;
  read: Read;
  /** Statement that stores one element of the result. */
  store(at: Index, expression: string): void;
  /** The result's element at a flat offset, as an expression that can be assigned to. */
  result(flat: string): string;
  /** The array of input `k`, for rules with `wholes`. */
  whole(k: number): string;
  /** Whether an element of input `k` is read at its flat offset as well as at its multi-index. */
  isFlat(k: number): boolean;
  /** The array of one of several results. */
  resultAt(index: number): string;
  /** Statements, the node's last ones, that make input `k` one of several results. */
  passOn(k: number, index: number): string;
  /**
   * The name of a function `(inputs, outputs, steps)` of arrays that computes a graph, or a loop of it. The
   * inputs' arrays of what a loop carries are overwritten.
   */
  program(graph: Graph, loop?: Loop): string;
}

/** Writes loops over all places of a shape. */
export function forEachPlace(
  w: Pick<KernelWriter, "loop">,
  shape: Shape,
  body: (at: readonly Affine[]) => void,
  at: readonly Affine[] = [],
): void {
  if (at.length === shape.length) body(at);
  else w.loop(shape[at.length], (i) => forEachPlace(w, shape, body, [...at, i]));
}

/** Writes loops over all lines along an axis; the body gets the place on a line, also in a shape that differs in this axis. */
export function forEachLine(
  w: KernelWriter,
  shape: Shape,
  axis: number,
  body: (place: (k: Affine, of?: Shape) => Index) => void,
): void {
  const along = <T>(entries: readonly T[], entry: T) => entries.map((e, d) => (d === axis ? entry : e));
  forEachPlace(w, along(shape, 1), (at) => body((k, of = shape) => Index.multi(of, along(at, k))));
}

/** A loop around a graph: which of its outputs feed which inputs, and which inputs take one element a step. */
export interface Loop {
  readonly carry: Readonly<Record<string, string>>;
  readonly sequences?: readonly string[] | undefined;
  /** Whether the steps go from the end of the sequences to their beginning. */
  readonly reverse?: boolean | undefined;
  /** An input, fed by an output, that says before each step whether there is one. */
  readonly goesOn?: string | undefined;
}

/**
 * How an operation becomes JavaScript: by `pull`, an expression for one element of the result, which is fused
 * into its consumers; by `kernel`, statements that compute the whole result; or by both (then `unroll`
 * chooses).
 */
export interface JavaScriptRule<A extends Attributes = Attributes> {
  pull?(at: Index, read: Read, node: Tensor, attrs: A): string;
  kernel?(w: KernelWriter, node: Tensor, attrs: A): void;
  /** If a rule has both forms: whether this node is small enough for `pull`. */
  unroll?(node: Tensor, attrs: A): boolean;
  /** Set if the operation only moves elements: recomputing it is always cheaper than storing it. */
  readonly view?: boolean | undefined;
  /**
   * Set if each element depends on the inputs' elements at the same flat offset (element-wise operations,
   * reshape).
   */
  readonly flat?: boolean | undefined;
  /** Set if a kernel passes its inputs on as whole arrays. */
  readonly wholes?: boolean | undefined;
  /** Set if the whole result reads each input element at most once, so that inputs can be fused. */
  readonly readsOnce?: boolean | undefined;
}
