import type { Tensor } from "isoloss";
import { turnPairs } from "isoloss/internal";
import {
  add,
  broadcastTo,
  cast,
  concat,
  expandDims,
  fill,
  gather,
  greater,
  less,
  lessEqual,
  logicalAnd,
  logicalNot,
  matmul,
  minimum,
  mul,
  pad,
  reshape,
  softmax,
  sub,
  tanh,
  transpose,
  where,
} from "isoloss/ops";
import type { Call, Operator } from "../call.js";
import { iota } from "./indexing.js";
import { along } from "./reductions.js";

/** [batch, length, heads * width] as [batch, heads, length, width]. */
function byHead(call: Call, x: Tensor, heads: number): Tensor {
  if (x.rank === 4) return x;
  const [batch, length, width] = x.shape;
  if (heads === 0 || width % heads !== 0) return call.fail(`${heads} heads do not divide the width ${width}`);
  return transpose(reshape(x, [batch, length, heads, width / heads]), [0, 2, 1, 3]);
}

/** The inverse of {@link byHead}. */
function joined(x: Tensor): Tensor {
  const [batch, heads, length, width] = x.shape;
  return reshape(transpose(x, [0, 2, 1, 3]), [batch, length, heads * width]);
}

/**
 * Turns pairs among the first elements of each head by angles that depend on the position.
 *
 * @param x [batch, heads, length, width]
 * @param tables cosines and sines: [batch, length, half], or [positions, half] with the position of each element
 */
function rotated(
  x: Tensor,
  tables: readonly [Tensor, Tensor],
  positions: Tensor | undefined,
  isInterleaved: boolean,
): Tensor {
  const [cos, sin] = tables.map((table) => expandDims(positions ? gather(table, positions) : table, 1));
  const [width, turned] = [x.shape[3], 2 * cos.shape[3]];
  const y = turnPairs(along(x, 3, 0, turned), cos, sin, isInterleaved);
  return turned === width ? y : concat([y, along(x, 3, turned, width)], { axis: 3 });
}

/** Operands: x, and by their places the tables of cosines and sines and the positions. */
function rotaryEmbedding(call: Call, cos: number, at: number): Tensor {
  const given = call.tensor(0);
  const tables = [call.tensor(cos), call.tensor(cos + 1)] as const;
  const width = given.shape[given.rank - 1];
  const half = tables[0].shape[tables[0].rank - 1];
  const x = byHead(call, given, call.int("num_heads", 0) || width / (2 * half));
  const places = call.has(at) ? call.tensor(at) : undefined;
  // ONNX Runtime's operator takes the first position alone, too.
  const positions =
    places?.rank === 1 ? add(reshape(places, [1, 1]), reshape(iota(x.shape[2]), [1, -1])) : places;
  const y = rotated(x, tables, positions, call.int("interleaved", 0) === 1);
  return given.rank === 3 ? joined(y) : y;
}

/** Score of a masked pair: its exponential is zero, and unlike -Infinity it gives no NaN where all are masked. */
const forbidden = -1e30;

/** Where a query may attend to a key by their positions and the number of keys: bool, broadcasts to the scores. */
function allowed(call: Call, queries: number, keys: number): Tensor | undefined {
  const key = iota(keys);
  const past = call.has(4) ? call.tensor(4).shape[2] : 0;
  const lengths = call.has(6) ? reshape(call.tensor(6), [call.tensor(6).size, 1, 1, 1]) : undefined;
  const isPresent = lengths && less(key, lengths);
  if (call.int("is_causal", 0) === 0) return isPresent;
  const query = reshape(iota(queries), [1, 1, queries, 1]);
  // The last query goes with the last key that is present.
  const first = lengths && !call.has(4) ? sub(lengths, queries) : past;
  const isPast = lessEqual(reshape(key, [1, 1, 1, keys]), add(query, first));
  return isPresent ? logicalAnd(isPast, isPresent) : isPast;
}

/** A mask for all keys: those that it lacks are masked. */
function wholeMask(mask: Tensor, keys: number): Tensor {
  const last = mask.rank - 1;
  const missing = keys - mask.shape[last];
  return pad(
    mask,
    mask.shape.map((_, d): [number, number] => [0, d === last ? missing : 0]),
    mask.dtype === "bool" ? 0 : forbidden,
  );
}

interface Scoring {
  /** Factor of the scores; default 1 / sqrt(width). */
  readonly scale?: number | undefined;
  /** Scores s become cap tanh(s / cap). */
  readonly cap?: number | undefined;
  /** What is added to the scores. */
  readonly bias?: Tensor | undefined;
  /** bool: where a query may attend to a key; a query that may attend to none gets zeros. */
  readonly visible?: Tensor | undefined;
  /** Of each head, the score of a key without a value. */
  readonly sink?: Tensor | undefined;
}

/**
 * softmax(cap(scale q k') + bias) v in each head; several heads of queries may share one of keys and values.
 *
 * @returns the attention, and the scores at four stages
 */
function attend(
  call: Call,
  [q, k, v]: readonly Tensor[],
  { scale, cap = 0, bias, visible, sink }: Scoring,
): readonly [attention: Tensor, stages: readonly Tensor[]] {
  const [heads, groups] = [q.shape[1], k.shape[1]];
  if (heads % groups !== 0) call.fail(`${groups} heads of keys do not divide ${heads} heads of queries`);
  const scores = mul(perGroup(q, k, true), scale ?? 1 / Math.sqrt(q.shape[3]));
  const capped = cap > 0 ? mul(tanh(mul(scores, 1 / cap)), cap) : scores;
  const biased = bias ? add(capped, bias) : capped;
  const logits = visible ? where(visible, biased, forbidden) : biased;
  const shares = sink ? softmaxWith(sink, logits) : softmax(logits);
  const weights = visible ? where(visible, shares, 0) : shares;
  return [perGroup(weights, v, false), [scores, capped, logits, weights]];
}

/** The softmax of scores and one more of each head, without the share of that one. */
function softmaxWith(sink: Tensor, scores: Tensor): Tensor {
  const [batch, heads, queries, keys] = scores.shape;
  const more = broadcastTo(reshape(sink, [1, heads, 1, 1]), [batch, heads, queries, 1]);
  return along(softmax(concat([scores, more], { axis: 3 })), 3, 0, keys);
}

/** Keys or values with those of the past before them, which are an operand that may be left out. */
const withPast = (call: Call, index: number, x: Tensor): Tensor =>
  call.has(index) ? concat([call.tensor(index), x], { axis: 2 }) : x;

/** Results: the attention, keys and values with those of the past, and the scores at one of four stages. */
function attention(call: Call): readonly Tensor[] {
  const kvHeads = call.int("kv_num_heads", 0);
  const q = byHead(call, call.tensor(0), call.int("q_num_heads", 0));
  const [k, v] = [0, 1].map((i) => withPast(call, 4 + i, byHead(call, call.tensor(1 + i), kvHeads)));
  const [queries, keys] = [q.shape[2], k.shape[2]];
  const mask = call.has(3) ? wholeMask(call.tensor(3), keys) : undefined;
  const byPosition = allowed(call, queries, keys);
  const isBool = mask?.dtype === "bool";
  const [y, stages] = attend(call, [q, k, v], {
    scale: call.attribute("scale", "float"),
    cap: call.float("softcap", 0),
    bias: isBool ? undefined : mask,
    visible: isBool ? (byPosition ? logicalAnd(mask, byPosition) : mask) : byPosition,
  });
  return [call.tensor(0).rank === 3 ? joined(y) : y, k, v, stages[call.int("qk_matmul_output_mode", 0)]];
}

// The operators of ONNX Runtime's domain.

/**
 * What a mask of padding adds to the scores: an operand [batch] with the numbers of keys, [2 batch] with the ends and the
 * starts, or [batch, keys] or [batch, queries, keys] with 0 where a key is masked.
 */
function padding(call: Call, index: number, batch: number, keys: number): Tensor | undefined {
  if (!call.has(index)) return undefined;
  const mask = call.tensor(index);
  const at = iota(keys);
  const bound = (k: number) => reshape(along(mask, 0, k * batch, (k + 1) * batch), [batch, 1]);
  const ends = () => {
    if (mask.size === batch) return less(at, bound(0));
    if (mask.size !== 2 * batch) return call.fail("masks of packed sequences are not supported");
    return logicalAnd(less(at, bound(0)), lessEqual(bound(1), at));
  };
  if (mask.rank > 3) return call.fail("masks of four axes are not supported");
  const isKept = mask.rank === 1 ? ends() : greater(mask, 0);
  const filter = mul(cast(logicalNot(isKept), call.dtype), call.float("mask_filter_value", -10000));
  return expandDims(isKept.rank === 3 ? filter : expandDims(filter, 1), 1);
}

/** Attention with masks that are operands: of padding, and what is added to the scores. */
function maskedAttention(
  call: Call,
  heads: readonly Tensor[],
  mask: number,
  bias: number | undefined,
): readonly Tensor[] {
  const [q, k] = heads;
  const [batch, , queries] = q.shape;
  const keys = k.shape[2];
  const given = bias !== undefined && call.has(bias) ? call.tensor(bias) : undefined;
  const added = [padding(call, mask, batch, keys), given].flatMap((x) => x ?? []);
  const query = reshape(iota(queries), [queries, 1]);
  const [y, stages] = attend(call, heads, {
    // The default is also written as 0.
    scale: call.float("scale", 0) || undefined,
    bias: added.length > 0 ? added.reduce(add) : undefined,
    visible:
      call.int("unidirectional", 0) === 1 ? lessEqual(iota(keys), add(query, keys - queries)) : undefined,
  });
  return [joined(y), ...heads.slice(1), stages[2]];
}

/** Throws for attributes and operands of which the default alone is supported. */
function requireDefaults(call: Call, attributes: readonly string[], operands: readonly number[]): void {
  const attribute = attributes.find((name) => call.int(name, 0) !== 0);
  if (attribute !== undefined) call.fail(`${attribute} is not supported`);
  const operand = operands.find((index) => call.has(index));
  if (operand !== undefined) call.fail(`operand ${operand} (${call.node.inputs[operand]}) is not supported`);
}

/** Results: the attention, keys and values with those of the past, and the scores before the softmax. */
function multiHeadAttention(call: Call): readonly Tensor[] {
  requireDefaults(call, [], [8, 9]);
  const wide = call.tensor(0).shape[2];
  const heads = [0, 1, 2].map((i) => {
    const x = call.tensor(i);
    if (x.rank === 5) return call.fail("packed queries, keys and values are not supported");
    if (x.rank === 4) return x;
    const bias = call.has(3) ? along(call.tensor(3), 0, i * wide, i * wide + x.shape[2]) : undefined;
    return byHead(call, bias ? add(x, bias) : x, call.int("num_heads", 0));
  });
  const [q, k, v] = heads;
  return maskedAttention(call, [q, withPast(call, 6, k), withPast(call, 7, v)], 4, 5);
}

/**
 * The attention to itself of what has been projected, [batch, length, width of queries, keys and values], with operands by
 * their places. Results: the attention, and keys and values with those of the past.
 */
export function selfAttention(
  call: Call,
  projected: Tensor,
  operands: { readonly mask: number; readonly past: number; readonly bias?: number },
): readonly Tensor[] {
  requireDefaults(call, ["do_rotary", "past_present_share_buffer"], []);
  const sizes = call.ints("qkv_hidden_sizes") ?? Array<number>(3).fill(projected.shape[2] / 3);
  const past = call.has(operands.past) ? call.tensor(operands.past) : undefined;
  const [q, k, v] = sizes.map((size, i) => {
    const start = sizes.slice(0, i).reduce((a, b) => a + b, 0);
    const x = byHead(call, along(projected, 2, start, start + size), call.int("num_heads", 0));
    if (i === 0 || past === undefined) return x;
    const before = reshape(along(past, 0, i - 1, i), past.shape.slice(1));
    return concat([before, x], { axis: 2 });
  });
  const [y] = maskedAttention(call, [q, k, v], operands.mask, operands.bias);
  if (!call.node.outputs[1]) return [y];
  return [
    y,
    concat(
      [k, v].map((x) => expandDims(x, 0)),
      { axis: 0 },
    ),
  ];
}

/** Results: the attention, and the buffers of keys and values. */
function groupQueryAttention(call: Call): readonly Tensor[] {
  requireDefaults(call, ["sliding_window_cache"], [12, 13, 14, 15]);
  const [own, shared] = [call.int("num_heads", 0), call.int("kv_num_heads", 0)];
  const query = call.tensor(0);
  const [batch, length, width] = query.shape;
  const size = width / (own + 2 * shared);
  const parts = call.has(1)
    ? [query, call.tensor(1), call.tensor(2)]
    : [0, own, own + shared].map((start, i) =>
        along(query, 2, start * size, (start + [own, shared, shared][i]) * size),
      );
  const total = call.known(6)?.[0] ?? call.fail("there is no total_sequence_length");
  const ends = reshape(add(call.tensor(5), 1), [batch, 1]);
  const starts = length === total ? fill([batch, 1], 0, "int64") : sub(ends, length);
  const at = add(starts, reshape(iota(length), [1, length]));

  const rotate = (x: Tensor): Tensor => {
    if (call.int("do_rotary", 0) === 0) return x;
    const tables = [call.tensor(7), call.tensor(8)] as const;
    return rotated(x, tables, call.has(9) ? call.tensor(9) : at, call.int("rotary_interleaved", 0) === 1);
  };
  const [q, k, v] = parts.map((x, i) => byHead(call, x, i === 0 ? own : shared));
  const buffers = [rotate(k), v].map((x, i) =>
    placed(x, call.has(3 + i) ? call.tensor(3 + i) : undefined, starts, total),
  );

  const keys = buffers[0].shape[2];
  const key = iota(keys);
  const last = reshape(at, [batch, 1, length, 1]);
  const window = call.int("local_window_size", -1);
  const visible = [
    less(key, reshape(ends, [batch, 1, 1, 1])),
    ...(call.int("causal", 1) === 1 ? [lessEqual(key, last)] : []),
    ...(window > 0 ? [less(sub(last, window), key)] : []),
  ].reduce(logicalAnd);
  const bias = call.has(10) ? call.tensor(10) : undefined;
  const isSmooth = call.int("smooth_softmax", 0) === 1;
  const [y] = attend(call, [rotate(q), ...buffers], {
    scale: call.float("scale", 0) || undefined,
    cap: call.float("softcap", 0),
    bias: bias && wholeMask(bias, keys),
    visible,
    sink: call.has(11) ? call.tensor(11) : isSmooth ? fill([own], 0, call.dtype) : undefined,
  });
  return [joined(y), ...buffers];
}

/** A buffer [batch, heads, keys, width]: new elements start at a place of their own in each sequence, and zeros follow. */
function placed(x: Tensor, past: Tensor | undefined, starts: Tensor, total: number): Tensor {
  const [batch, heads, length, width] = x.shape;
  const before = past?.shape[2] ?? 0;
  const keys = Math.max(before, total);
  if (past === undefined && keys === length) return x;
  const all = past ? concat([past, x], { axis: 2 }) : x;
  const rows = before + length;
  const key = reshape(iota(keys), [1, keys]);
  const row = where(lessEqual(starts, key), add(sub(key, starts), before), key);
  const first = reshape(mul(iota(batch), rows), [batch, 1]);
  const flat = reshape(transpose(all, [0, 2, 1, 3]), [batch * rows, heads, width]);
  const read = gather(flat, add(minimum(row, rows - 1), first));
  const isWritten = reshape(less(key, add(starts, length)), [batch, keys, 1, 1]);
  return transpose(where(isWritten, read, 0), [0, 2, 1, 3]);
}

/** Products of matrices by head, where consecutive heads of `a` share one of `b`. */
function perGroup(a: Tensor, b: Tensor, transposeB: boolean): Tensor {
  const [batch, heads, rows, columns] = a.shape;
  const groups = b.shape[1];
  const grouped = reshape(a, [batch, groups, heads / groups, rows, columns]);
  const product = matmul(grouped, expandDims(b, 2), { transposeB });
  return reshape(product, [batch, heads, rows, product.shape[4]]);
}

export const attentions: Readonly<Record<string, Operator>> = {
  Attention: attention,
  RotaryEmbedding: (call) => rotaryEmbedding(call, 1, 3),
  "com.microsoft.Attention": (call) => {
    const projected = matmul(call.tensor(0), call.tensor(1));
    const biased = call.has(2) ? add(projected, call.tensor(2)) : projected;
    return selfAttention(call, biased, { mask: 3, past: 4, bias: 5 });
  },
  "com.microsoft.GroupQueryAttention": groupQueryAttention,
  "com.microsoft.MultiHeadAttention": multiHeadAttention,
  "com.microsoft.RotaryEmbedding": (call) => rotaryEmbedding(call, 2, 1),
};
