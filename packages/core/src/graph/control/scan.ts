import { describeValue, OptionError, ShapeError } from "../../errors.js";
import { requireFlags, requireKnown } from "../../options.js";
import { fill, input } from "../ops/leaf.js";
import { reshape } from "../ops/reshape.js";
import { concat, slice } from "../ops/slice.js";
import { formatType, sameShape, type Tensor } from "../tensor.js";
import { type Leaves, leavesLike, leavesOf } from "./leaves.js";
import { resultsOf } from "./result.js";
import { scanNode } from "./scan-op.js";

export interface ScanOptions {
  /** Number of steps; default: the length of the sequences. */
  readonly length?: number | undefined;
  /** Whether to go from the end of the sequences to their beginning; default false. */
  readonly reverse?: boolean | undefined;
  /**
   * For derivatives: the carried values are kept once in this many steps, and computed again between. Of T
   * steps, T / n + n values are kept instead of T. Default: each step's values are kept, and beside them its
   * matrix products and functions such as tanh that the derivative reads, if these have no more elements than the
   * carried values and the step's elements; otherwise its products alone, as far as these have no more.
   */
  readonly recompute?: number | undefined;
}

/**
 * A loop that carries values from step to step: for t = 0, 1, ..., (c, y_t) <- step(c, x_t), where x_t is
 * element t of the sequences along their first axis. Any tensor may be used inside; what does not change is
 * computed once. It nests and has derivatives of any order, and it is one loop in both runtimes and in exported
 * ONNX.
 *
 * @param step returns the next carried values, a tree with the entries of `init`, and a tree of tensors to be stacked
 * @param init the carried values before the first step: a tree of tensors
 * @param xs sequences: a tree of tensors with equal first axes; `[]` for none, with `length`
 * @returns the last carried values, and the stacked results, whose element t is that of x_t
 * @throws ShapeError unless the carried values keep their names and types; OptionError for no or different lengths
 *
 * @example
 * const zero = mul(0, sum(x));
 * const [total, before] = scan((c, x_t) => [add(c, x_t), c], zero, x); // the sum, and the sums before each element
 */
export function scan<C, X, Y>(
  step: (carry: C, x: X) => readonly [C, Y],
  init: C,
  xs: X,
  options: ScanOptions = {},
): [C, Y] {
  requireKnown(
    "scan",
    options,
    ["length", "reverse", "recompute"],
    "scan(step, init, xs, { reverse: true })",
  );
  if (typeof step !== "function") {
    throw new OptionError(
      `scan takes a function of carried values and elements; got ${describeValue(step)}.`,
    );
  }
  const { reverse = false, recompute } = options;
  requireFlags("scan", { reverse });
  const [c, x] = [leavesOf(init), leavesOf(xs)];
  const length = lengthOf(x.tensors, options.length);
  if (recompute !== undefined && !(Number.isInteger(recompute) && recompute >= 1)) {
    throw new OptionError(`scan: recompute must be an integer >= 1; got ${describeValue(recompute)}.`);
  }
  if (recompute !== undefined && recompute < length) {
    return inSegments(step, c.rebuild(c.tensors), x, { length, reverse, size: recompute });
  }
  const carried = c.tensors.map((t) => input(t.shape, t.dtype));
  const elements = x.tensors.map((t) => input(t.shape.slice(1), t.dtype));
  const [next, y] = requirePair(step(c.rebuild(carried), x.rebuild(elements)));
  const after = leavesLike(c, next, "scan: the carried values that the step returns");
  requireSameTypes("scan", c.tensors, after);
  const stacked = leavesOf(y);
  if (length === 0) {
    return [
      c.rebuild(c.tensors),
      stacked.rebuild(stacked.tensors.map((t) => fill([0, ...t.shape], 0, t.dtype))),
    ];
  }
  const node = scanNode(
    [...carried, ...elements],
    [...after, ...stacked.tensors],
    [...c.tensors, ...x.tensors],
    {
      carries: carried.length,
      sequences: elements.length,
      length,
      reverse,
    },
  );
  const results = resultsOf(node);
  const end = carried.length + stacked.tensors.length;
  return [c.rebuild(results.slice(0, carried.length)), stacked.rebuild(results.slice(carried.length, end))];
}

function lengthOf(sequences: readonly Tensor[], given: number | undefined): number {
  const lengths = [...sequences.map(({ shape }) => shape[0]), ...(given === undefined ? [] : [given])];
  const length = lengths[0];
  if (length !== undefined && Number.isInteger(length) && length >= 0 && lengths.every((n) => n === length)) {
    return length;
  }
  throw new OptionError(
    `scan: the sequences' first axes, and the option length if there is one, must be equal; got ${lengths.map((n) => n ?? "none").join(", ") || "none"}.`,
  );
}

function requirePair<T>(returned: T): T {
  if (Array.isArray(returned) && returned.length === 2) return returned;
  throw new ShapeError(
    `scan: the step must return a list of the carried values and of what is stacked; got ${describeValue(returned)}. ` +
      "Write (c, x) => [next, y], or [next, []] if nothing is stacked.",
  );
}

/** Throws ShapeError, which begins with `name`, unless the carried values that a step returns are of their types. */
export function requireSameTypes(name: string, before: readonly Tensor[], after: readonly Tensor[]): void {
  const isSame = (a: Tensor, b: Tensor | undefined) =>
    b && a.dtype === b.dtype && sameShape(a.shape, b.shape);
  if (before.every((x, k) => isSame(x, after[k]))) return;
  const list = (tensors: readonly Tensor[]) => tensors.map(formatType).join(", ") || "none";
  throw new ShapeError(
    `${name}: the carried values must keep their types, ${list(before)}; the step returned ${list(after)}.`,
  );
}

interface Segments {
  readonly length: number;
  readonly reverse: boolean;
  /** Steps of a segment. */
  readonly size: number;
}

/** A scan over segments, each of which is a scan: derivatives then compute each segment again. */
function inSegments<C, X, Y>(
  step: (carry: C, x: X) => readonly [C, Y],
  init: C,
  xs: Leaves<X>,
  { length, reverse, size }: Segments,
): [C, Y] {
  const count = Math.floor(length / size);
  // The rest comes last: at the beginning of the sequences, if they are read from their end.
  const rest = length - count * size;
  const [whole, left] = reverse
    ? [
        [rest, length],
        [0, rest],
      ]
    : [
        [0, length - rest],
        [length - rest, length],
      ];
  const part = ([from, to]: readonly number[]) => xs.tensors.map((x) => firstAxis(x, from, to));
  const segments = part(whole).map((x) => reshape(x, [count, size, ...x.shape.slice(1)]));
  const [middle, nested] = scan(
    (c: C, x: X) => scan(step, c, x, { length: size, reverse }),
    init,
    xs.rebuild(segments),
    { length: count, reverse },
  );
  const ys = leavesOf(nested);
  const joined = ys.tensors.map((y) => reshape(y, [count * size, ...y.shape.slice(2)]));
  if (rest === 0) return [middle, ys.rebuild(joined)];
  const [last, more] = scan(step, middle, xs.rebuild(part(left)), { length: rest, reverse });
  const end = leavesOf(more).tensors;
  const both = joined.map((y, k) => concat(reverse ? [end[k], y] : [y, end[k]], { axis: 0 }));
  return [last, ys.rebuild(both)];
}

function firstAxis(x: Tensor, from: number, to: number): Tensor {
  return slice(x, { starts: [from, ...x.shape.slice(1).map(() => 0)], ends: [to, ...x.shape.slice(1)] });
}
