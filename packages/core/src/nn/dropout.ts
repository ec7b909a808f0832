// N. Srivastava et al., "Dropout", JMLR 15, 2014, section 10: the inverted form, which is the identity in
// evaluation.
import { describeValue, OptionError } from "../errors.js";
import { cast, mul } from "../graph/ops/arithmetic.js";
import { greaterEqual } from "../graph/ops/compare.js";
import { randomUniform } from "../graph/ops/random.js";
import { requireTensor, type Tensor } from "../graph/tensor.js";
import { requireFlags, requireKnown } from "../options.js";

export interface DropoutOptions {
  /** Probability that an element is dropped, in [0, 1); default 0.5. */
  readonly rate?: number | undefined;
  /** A distinct number for each use of dropout in a model, so that their masks are independent. */
  readonly stream: number;
  /** Whether to drop elements; default false: the identity. */
  readonly training?: boolean | undefined;
  /** int64 scalar that changes from step to step; needed in training. */
  readonly seed?: Tensor | undefined;
}

/**
 * In training, sets each element to zero with probability `rate` and divides the others by 1 - rate; else the
 * identity. Equal seeds and streams give equal masks on every runtime.
 *
 * @throws OptionError when the rate is outside [0, 1), the stream is no integer, or training lacks a seed
 *
 * @example
 * dropout(hidden, { rate: 0.1, stream: 0, training, seed });
 */
export function dropout(x: Tensor, options: DropoutOptions): Tensor {
  const known = ["rate", "stream", "training", "seed"] as const;
  requireKnown("dropout", options, known, "dropout(x, { rate: 0.1, stream: 0, training, seed })");
  requireTensor("dropout", x);
  const { rate = 0.5, stream, training = false, seed } = options;
  requireFlags("dropout", { training });
  if (!Number.isSafeInteger(stream)) {
    throw new OptionError(
      `dropout: stream must be an integer of its own for each use in a model, so that their masks differ; got ${describeValue(stream)}.`,
    );
  }
  if (!(rate >= 0 && rate < 1)) throw new OptionError(`dropout: the rate must be in [0, 1); got ${rate}.`);
  if (!training || rate === 0) return x;
  if (!seed) {
    throw new OptionError(
      "dropout: training needs a seed in the context: an int64 scalar, such as the step's number.",
    );
  }
  const dtype = x.dtype === "float64" ? "float64" : "float32";
  const kept = greaterEqual(randomUniform(seed, x.shape, { dtype, stream }), rate);
  return mul(x, mul(cast(kept, x.dtype), 1 / (1 - rate)));
}
