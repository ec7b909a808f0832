// J. Su et al., "RoFormer: enhanced transformer with rotary position embedding", arXiv 2104.09864, section 3.2.2.
import { describeValue, OptionError, ShapeError } from "../errors.js";
import { add, mul, sub } from "../graph/ops/arithmetic.js";
import { constant } from "../graph/ops/leaf.js";
import { expandDims, reshape } from "../graph/ops/reshape.js";
import { concat, sliceAlong } from "../graph/ops/slice.js";
import { formatShape, requireFloat, type Tensor } from "../graph/tensor.js";
import { positive, requireFlags, requireKnown } from "../options.js";
import type { FloatDType } from "./model.js";

export interface RotaryOptions {
  /** The slowest pair turns by almost 1 / base each position; default 10000. */
  readonly base?: number | undefined;
  /** Whether a pair is of neighbors, as in the paper; default false: of elements half the width apart, as in Llama. */
  readonly interleaved?: boolean | undefined;
}

/**
 * Rotary position embedding: pair i of the elements at position t is turned by the angle t base^(-2 i / d), so that products
 * of queries and keys depend on the distance of their positions alone.
 *
 * @param x [..., length, d] with an even d
 * @throws OptionError for a base that is not above 0; ShapeError for an odd d; DTypeError unless x is a float
 *
 * @example
 * const f = (q) => rotaryEmbedding(q, { base: 500 });
 * trace(f, [spec([2, 4, 16, 8])]).graph.outputs[0].tensor.shape; // [2, 4, 16, 8]
 */
export function rotaryEmbedding(x: Tensor, options: RotaryOptions = {}): Tensor {
  const op = "rotaryEmbedding";
  requireKnown(op, options, ["base", "interleaved"], `${op}(x, { base: 500 })`);
  requireFloat(op, x);
  const { base = 10000, interleaved = false } = options;
  requireFlags(op, { interleaved });
  if (!positive.test(base)) {
    throw new OptionError(`${op}: base must be ${positive.expected}; got ${describeValue(base)}.`);
  }
  const [length, width] = x.shape.slice(-2);
  if (x.rank < 2 || width % 2 !== 0) {
    throw new ShapeError(`${op} takes [..., length, width] with an even width; got ${formatShape(x.shape)}.`);
  }
  const half = width / 2;
  const table = (f: (angle: number) => number): Tensor => {
    const data = Float64Array.from({ length: length * half }, (_, k) =>
      f(Math.floor(k / half) * base ** (-(k % half) / half)),
    );
    const typed = (x.dtype as FloatDType) === "float64" ? data : Float32Array.from(data);
    return constant({ shape: [length, half], data: typed });
  };
  return turnPairs(x, table(Math.cos), table(Math.sin), interleaved);
}

/**
 * Turns pairs of elements of the last axis, (a, b) -> (a cos - b sin, a sin + b cos).
 *
 * @param cos of the angles, broadcast to [..., width / 2]; so is `sin`
 * @param interleaved whether pairs are neighbors; else they are half the width apart
 */
export function turnPairs(x: Tensor, cos: Tensor, sin: Tensor, interleaved: boolean): Tensor {
  const [outer, half] = [x.shape.slice(0, -1), x.shape[x.rank - 1] / 2];
  const pair = interleaved ? x.rank : x.rank - 1;
  const pairs = reshape(x, [...outer, ...(interleaved ? [half, 2] : [2, half])]);
  const [a, b] = [0, 1].map((k) => reshape(sliceAlong(pairs, pair, k, k + 1), [...outer, half]));
  const turned = [sub(mul(a, cos), mul(b, sin)), add(mul(a, sin), mul(b, cos))];
  return reshape(
    concat(
      turned.map((y) => expandDims(y, pair)),
      { axis: pair },
    ),
    x.shape,
  );
}
