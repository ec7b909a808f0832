// Sobol's sequence (I. Sobol', USSR Comput. Math. Math. Phys. 7, 1967) in natural order, with Owen's scrambling as a hash of
// the digits (B. Burley, "Practical hash-based Owen scrambling", JCGT 9(4), 2020).
import { OptionError } from "isoloss";
import { createRng } from "isoloss/data";
import type { Space } from "../space.js";
import type { Sampler } from "../types.js";
import { joeKuo } from "./joe-kuo.js";

/** Most dimensions: those that the table has numbers for. */
export const mostDimensions = joeKuo.length + 1;

const bits = 32;

/** Direction numbers v_0, ..., v_31 of a dimension, from 0; the first digit is the highest bit. */
function directions(dimension: number): Uint32Array {
  const v = new Uint32Array(bits);
  if (dimension === 0) return v.map((_, i) => 2 ** (bits - 1 - i));
  const { a, m } = joeKuo[dimension - 1];
  const s = m.length;
  for (let i = 0; i < bits; i++) {
    if (i < s) {
      v[i] = m[i] * 2 ** (bits - 1 - i);
      continue;
    }
    v[i] = v[i - s] ^ (v[i - s] >>> s);
    for (let k = 1; k < s; k++) if ((a >>> (s - 1 - k)) & 1) v[i] ^= v[i - k];
  }
  return v;
}

function reversed(x: number): number {
  let y = (x >>> 16) | (x << 16);
  for (const [shift, mask] of [
    [8, 0x00ff00ff],
    [4, 0x0f0f0f0f],
    [2, 0x33333333],
    [1, 0x55555555],
  ]) {
    y = ((y >>> shift) & mask) | ((y & mask) << shift);
  }
  return y >>> 0;
}

/** Owen's scrambling of 32 digits: each is flipped by a hash of the digits before it. */
function scrambled(x: number, seed: number): number {
  let y = (reversed(x) + seed) | 0;
  for (const factor of [0x6c50b47c, 0xb82f1e52, 0xc7afe638, 0x8d22f6e6]) y ^= Math.imul(y, factor);
  return reversed(y);
}

/**
 * Points of Sobol's sequence in [0, 1)^d: the function gives point n.
 *
 * @param dimensions d, at most 32
 * @param seed of the scrambling; left out: none
 * @throws OptionError for more dimensions
 *
 * @example
 * sobolPoints(3)(5); // [0.625, 0.125, 0.875]
 */
export function sobolPoints(dimensions: number, seed?: number): (n: number) => number[] {
  if (dimensions > mostDimensions) {
    throw new OptionError(
      `Sobol's sequence has at most ${mostDimensions} dimensions here; the sweep has ${dimensions} parameters that vary. Use method: random.`,
    );
  }
  const rng = createRng(seed ?? 0).fork("sobol");
  const axes = Array.from({ length: dimensions }, (_, j) => ({
    v: directions(j),
    seed: rng.fork(j).int(2 ** 32),
  }));
  return (n) =>
    axes.map(({ v, seed: own }) => {
      let x = 0;
      for (let i = 0; i < bits; i++) if ((n >>> i) & 1) x ^= v[i];
      return (seed === undefined ? x >>> 0 : scrambled(x, own)) / 2 ** bits;
    });
}

/** Trial n is point n of the scrambled sequence. */
export function sobolSampler(space: Space, seed: number): Sampler {
  const point = sobolPoints(space.dimensions.length, seed);
  return {
    size: Number.POSITIVE_INFINITY,
    ask: (trial) => space.at(point(trial)),
  };
}
