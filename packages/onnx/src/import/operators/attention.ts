import type { Tensor } from "isoloss";
import { turnPairs } from "isoloss/internal";
import {
  add,
  concat,
  expandDims,
  gather,
  less,
  lessEqual,
  logicalAnd,
  matmul,
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

/** Turns pairs of elements by angles that depend on the position, given by their cosines and sines. */
function rotaryEmbedding(call: Call): Tensor {
  const given = call.tensor(0);
  const x = byHead(call, given, call.int("num_heads", 0));
  const width = x.shape[3];
  const turned = call.int("rotary_embedding_dim", 0) || width;
  // [batch, length, half], or [positions, half] with the position of each element.
  const cache = (i: number) =>
    expandDims(call.has(3) ? gather(call.tensor(i), call.tensor(3)) : call.tensor(i), 1);
  const [cos, sin] = [cache(1), cache(2)];
  const isInterleaved = call.int("interleaved", 0) === 1;
  const y = turnPairs(along(x, 3, 0, turned), cos, sin, isInterleaved);
  const whole = turned === width ? y : concat([y, along(x, 3, turned, width)], { axis: 3 });
  return given.rank === 3 ? joined(whole) : whole;
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

interface Masks {
  /** What is added to the scores. */
  readonly bias: Tensor | undefined;
  /** bool: where a query may attend to a key. */
  readonly visible: Tensor | undefined;
}

function masksOf(call: Call, queries: number, keys: number): Masks {
  const mask = call.has(3) ? wholeMask(call.tensor(3), keys) : undefined;
  const byPosition = allowed(call, queries, keys);
  if (mask?.dtype !== "bool") return { bias: mask, visible: byPosition };
  return { bias: undefined, visible: byPosition ? logicalAnd(mask, byPosition) : mask };
}

/**
 * softmax(cap(scale q k') + mask) v in each head; several heads of queries may share one of keys and values. A
 * query that may attend to no key gets zeros.
 *
 * Results: the attention, keys and values with those of the past, and the scores at one of four stages.
 */
function attention(call: Call): readonly Tensor[] {
  const kvHeads = call.int("kv_num_heads", 0);
  const q = byHead(call, call.tensor(0), call.int("q_num_heads", 0));
  const withPast = (i: number, x: Tensor) => (call.has(i) ? concat([call.tensor(i), x], { axis: 2 }) : x);
  const k = withPast(4, byHead(call, call.tensor(1), kvHeads));
  const v = withPast(5, byHead(call, call.tensor(2), kvHeads));
  const [heads, groups] = [q.shape[1], k.shape[1]];
  if (heads % groups !== 0) call.fail(`${groups} heads of keys do not divide ${heads} heads of queries`);

  const scores = mul(perGroup(q, k, true), call.attribute("scale", "float") ?? 1 / Math.sqrt(q.shape[3]));
  const cap = call.float("softcap", 0);
  const capped = cap > 0 ? mul(tanh(mul(scores, 1 / cap)), cap) : scores;
  const { bias, visible } = masksOf(call, q.shape[2], k.shape[2]);
  const biased = bias ? add(capped, bias) : capped;
  const logits = visible ? where(visible, biased, forbidden) : biased;
  const weights = visible ? where(visible, softmax(logits), 0) : softmax(logits);
  const y = perGroup(weights, v, false);
  const stage = [scores, capped, logits, weights][call.int("qk_matmul_output_mode", 0)];
  return [call.tensor(0).rank === 3 ? joined(y) : y, k, v, stage];
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
  RotaryEmbedding: rotaryEmbedding,
};
