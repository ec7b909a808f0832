// A. Vaswani et al., "Attention is all you need", NeurIPS 2017, section 3.2.
import { type NdArray, ndarray, zeros } from "../array.js";
import { DTypeError, OptionError, ShapeError } from "../errors.js";
import { mul } from "../graph/ops/arithmetic.js";
import { logicalAnd, where } from "../graph/ops/compare.js";
import { constant } from "../graph/ops/leaf.js";
import { matmul } from "../graph/ops/matmul.js";
import { reshape, transpose } from "../graph/ops/reshape.js";
import { slice } from "../graph/ops/slice.js";
import { softmax } from "../graph/ops/softmax.js";
import { formatShape, formatType, requireTensor, sameShape, type Tensor } from "../graph/tensor.js";
import type { TensorsOf } from "../graph/trace.js";
import type { Mt19937 } from "../math/mt19937.js";
import { requireFlags, requireKnown } from "../options.js";
import { xavierUniform } from "./initializers.js";
import { initLinear, type LinearParams, linear } from "./linear.js";
import type { InitOptions } from "./model.js";
import { requireParams } from "./params.js";
import { type RotaryOptions, rotaryEmbedding } from "./rotary.js";

/**
 * The parameters of `torch.nn.MultiheadAttention`: the projections to queries, keys and values, stacked in
 * `in_proj_weight` [3 width, width], and the projection of the result.
 */
export interface AttentionParams {
  readonly in_proj_weight: NdArray;
  readonly in_proj_bias?: NdArray;
  readonly out_proj: LinearParams;
}

/**
 * Parameters of `torch.nn.MultiheadAttention(width, heads, bias)`, bit for bit; they do not depend on the
 * number of heads.
 */
export function initMultiHeadAttention(
  rng: Mt19937,
  width: number,
  options: InitOptions & { readonly bias?: boolean | undefined } = {},
): AttentionParams {
  const op = "initMultiHeadAttention";
  requireKnown(op, options, ["bias", "dtype"], `${op}(rng, 64, { bias: false })`);
  const { bias = true, dtype = "float32" } = options;
  // PyTorch draws the output projection first, including its bias, which it then sets to zero.
  const { weight } = initLinear(rng, width, width, { bias, dtype });
  const in_proj_weight = xavierUniform(rng, [3 * width, width], { dtype });
  if (!bias) return { in_proj_weight, out_proj: { weight } };
  return {
    in_proj_weight,
    in_proj_bias: zeros([3 * width], dtype),
    out_proj: { weight, bias: zeros([width], dtype) },
  };
}

export interface AttentionOptions {
  /** Number of heads; must divide the width. */
  readonly heads: number;
  /** The sequence attended to, [batch, length, width]; default `x` itself. */
  readonly memory?: Tensor | undefined;
  /** Whether position i sees only positions j <= i; default false. */
  readonly causal?: boolean | undefined;
  /** bool, broadcast to [batch, heads, length of x, length of memory]: true where attention is allowed. */
  readonly mask?: Tensor | undefined;
  /** Turns queries and keys by their positions, with options of `rotaryEmbedding`; default: they have no positions. */
  readonly rotary?: RotaryOptions | undefined;
}

/** Score of a masked pair: its exponential is zero, and unlike -Infinity it gives no NaN in a fully masked row. */
const forbidden = -1e30;

/**
 * Multi-head scaled dot-product attention: softmax(q k' / sqrt(d)) v in each head of width d, heads joined and
 * projected.
 *
 * A position for which the mask excludes everything gets the mean of all values.
 *
 * @param x [batch, length, width]
 * @returns [batch, length, width]
 * @throws OptionError when the heads do not divide the width; ShapeError, DTypeError when inputs do not fit
 *
 * @example
 * multiHeadAttention(x, params, { heads: 8, causal: true });
 */
export function multiHeadAttention(
  x: Tensor,
  params: TensorsOf<AttentionParams>,
  options: AttentionOptions,
): Tensor {
  const known = ["heads", "memory", "causal", "mask", "rotary"] as const;
  requireKnown("multiHeadAttention", options, known, "multiHeadAttention(x, params, { heads: 8 })");
  const { heads, memory = x, causal = false, mask, rotary } = options;
  requireFlags("multiHeadAttention", { causal });
  requireTensor("multiHeadAttention", x);
  requireParams("multiHeadAttention", params, ["in_proj_weight"]);
  const { in_proj_weight, in_proj_bias, out_proj } = params;
  const width = in_proj_weight.shape[1];
  if (
    x.rank !== 3 ||
    memory.rank !== 3 ||
    x.shape[2] !== width ||
    !sameShape(memory.shape, [x.shape[0], memory.shape[1], width])
  ) {
    throw new ShapeError(
      `multiHeadAttention: takes [batch, length, ${width}] with equal batch sizes; ` +
        `got ${formatShape(x.shape)} and ${formatShape(memory.shape)}.`,
    );
  }
  if (!Number.isInteger(heads) || heads < 1 || width % heads !== 0) {
    throw new OptionError(`multiHeadAttention: heads must divide the width ${width}; got ${heads}.`);
  }
  if (mask && mask.dtype !== "bool") {
    throw new DTypeError(
      `multiHeadAttention: the mask must be bool, true where attention is allowed; got ${formatType(mask)}.`,
    );
  }
  /** Projections number `from` to `to` of queries (0), keys (1) and values (2), each [batch, heads, length, d]. */
  const project = (source: Tensor, from: number, to: number): Tensor[] => {
    const rows = { starts: [from * width], ends: [to * width] };
    const bias = in_proj_bias && slice(in_proj_bias, rows);
    const all = linear(source, { weight: slice(in_proj_weight, rows), bias });
    const [batch, length] = source.shape;
    const split = transpose(reshape(all, [batch, length, to - from, heads, width / heads]), [2, 0, 3, 1, 4]);
    return Array.from({ length: to - from }, (_, k) =>
      reshape(slice(split, { starts: [k], ends: [k + 1] }), [batch, heads, length, width / heads]),
    );
  };
  const [q, k, v] = memory === x ? project(x, 0, 3) : [...project(x, 0, 1), ...project(memory, 1, 3)];
  const placed = (t: Tensor): Tensor => (rotary ? rotaryEmbedding(t, rotary) : t);
  const scores = matmul(mul(placed(q), Math.sqrt(heads / width)), placed(k), { transposeB: true });
  const allowed = allowedPairs(x.shape[1], memory.shape[1], causal, mask);
  const weights = softmax(allowed ? where(allowed, scores, forbidden) : scores);
  return linear(reshape(transpose(matmul(weights, v), [0, 2, 1, 3]), x.shape), out_proj);
}

function allowedPairs(
  rows: number,
  columns: number,
  causal: boolean,
  mask: Tensor | undefined,
): Tensor | undefined {
  if (!causal) return mask;
  const data = Uint8Array.from(
    { length: rows * columns },
    (_, p) => +(p % columns <= Math.floor(p / columns)),
  );
  const lower = constant(ndarray(data, [rows, columns]));
  return mask ? logicalAnd(lower, mask) : lower;
}
