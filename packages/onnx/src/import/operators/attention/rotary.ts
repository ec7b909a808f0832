import type { Tensor } from "isoloss";
import { turnPairs } from "isoloss/internal";
import { concat, expandDims, gather } from "isoloss/ops";
import type { Call } from "../../call.js";
import { along } from "../axes.js";
import { byHead, joined } from "./heads.js";

/** Turns pairs of elements by angles that depend on the position, given by their cosines and sines. */
export function rotaryEmbedding(call: Call): Tensor {
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
