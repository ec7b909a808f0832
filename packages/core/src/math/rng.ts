// Counter-based generator, after J. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011:
// a draw is a hash of a key and a counter, here with 32-bit words, which JavaScript multiplies exactly.
import { DataError, describeValue, OptionError } from "../errors.js";

const GOLDEN_RATIO = 0x9e3779b9;

/**
 * Mixes the bits of a 32-bit integer: a bijection of [0, 2^32) in which an input bit changes half the output bits.
 *
 * x ^= x >>> 16; x *= 0x21f0aaad; x ^= x >>> 15; x *= 0x735a2d97; x ^= x >>> 15, all modulo 2^32.
 *
 * @example
 * hash32(1); // 2261973619
 */
export function hash32(x: number): number {
  let h = x ^ (x >>> 16);
  h = Math.imul(h, 0x21f0aaad);
  h ^= h >>> 15;
  h = Math.imul(h, 0x735a2d97);
  return (h ^ (h >>> 15)) >>> 0;
}

/** The state of an {@link Rng} as plain data that JSON preserves. */
export interface RngState {
  readonly kind: "counter";
  readonly key: readonly [number, number];
  /** 32-bit words drawn so far. */
  readonly counter: number;
}

/** A seeded source of random numbers. Equal seeds and calls give equal numbers on every platform, except `normal`. */
export interface Rng {
  /** A multiple of 2^-53 in [0, 1). */
  next(): number;
  /** An integer in [0, n), without bias, for 1 <= n <= 2^32. */
  int(n: number): number;
  /** Shuffles in place (Fisher-Yates) and returns its argument. */
  shuffle<A extends Shufflable>(values: A): A;
  /** A standard normal number, by Box-Muller; its last bits depend on the platform's log and cosine. */
  normal(): number;
  /** An independent stream for a label; it depends on the seed and the path of labels, not on earlier draws. */
  fork(label: string | number): Rng;
  /** Returns a snapshot of the state. */
  state(): RngState;
  /** Restores a snapshot. Throws DataError for an invalid one. */
  restore(state: RngState): void;
}

type Shufflable = unknown[] | Int32Array | Float32Array | Float64Array | Uint8Array | BigInt64Array;
type Key = readonly [number, number];

function absorb([k0, k1]: Key, word: number): Key {
  const next = hash32((k0 ^ word) + GOLDEN_RATIO);
  return [next, hash32(k1 ^ next)];
}

function absorbInteger(key: Key, value: number): Key {
  return absorb(absorb(key, value >>> 0), Math.floor(value / 2 ** 32) >>> 0);
}

function absorbLabel(key: Key, label: string | number): Key {
  if (typeof label === "number") {
    return absorbInteger(absorb(key, 1), requireInteger(label, "A fork's number"));
  }
  let out = absorb(absorb(key, 2), label.length);
  for (let i = 0; i < label.length; i++) out = absorb(out, label.charCodeAt(i));
  return out;
}

function requireInteger(value: number, what: string): number {
  if (!Number.isSafeInteger(value)) {
    throw new OptionError(`${what} must be an integer of at most 2^53 - 1 in magnitude; got ${value}.`);
  }
  return value;
}

/** The word at a position of a stream. A sum of two keyed bijections, since one alone would never repeat a word. */
function wordAt([k0, k1]: Key, counter: number): number {
  const low = counter >>> 0;
  const high = Math.floor(counter / 2 ** 32);
  const a = hash32(hash32(low ^ k0) ^ k1 ^ high);
  const b = hash32(hash32(low + k1) + k0 + high);
  return (a + b) >>> 0;
}

function fromKey(initial: Key): Rng {
  let key = initial;
  let counter = 0;
  const word = () => wordAt(key, counter++);
  const next = () => ((word() >>> 5) * 2 ** 26 + (word() >>> 6)) * 2 ** -53;
  const int = (n: number): number => {
    if (!Number.isInteger(n) || n < 1 || n > 2 ** 32) {
      throw new OptionError(`int(n) takes an integer n in 1..2^32; got ${n}.`);
    }
    // Words at or above the largest multiple of n would favor small results.
    const limit = 2 ** 32 - (2 ** 32 % n);
    let w = word();
    while (w >= limit) w = word();
    return w % n;
  };
  return {
    next,
    int,
    shuffle(values) {
      const items: { [index: number]: unknown } = values;
      for (let i = values.length - 1; i > 0; i--) {
        const j = int(i + 1);
        const kept = items[i];
        items[i] = items[j];
        items[j] = kept;
      }
      return values;
    },
    normal() {
      const radius = Math.sqrt(-2 * Math.log(1 - next()));
      return radius * Math.cos(2 * Math.PI * next());
    },
    fork: (label) => fromKey(absorbLabel(key, label)),
    state: () => ({ kind: "counter", key: [key[0], key[1]], counter }),
    restore(state) {
      const isWord = (w: unknown) => Number.isInteger(w) && Number(w) >= 0 && Number(w) < 2 ** 32;
      const { kind, key: words, counter: drawn } = state;
      const isKey = Array.isArray(words) && words.length === 2 && words.every(isWord);
      if (kind !== "counter" || !isKey || !Number.isSafeInteger(drawn) || drawn < 0) {
        throw new DataError(
          `A generator's state is {kind: "counter", key: two words in [0, 2^32), counter: an integer >= 0}; ` +
            `got ${describeValue(state)}.`,
        );
      }
      key = [words[0], words[1]];
      counter = drawn;
    },
  };
}

/**
 * A random number generator from a seed.
 *
 * Word i of a stream is hash32(hash32(i ^ k0) ^ k1) + hash32(hash32(i + k1) + k0) modulo 2^32, for the 64-bit key
 * (k0, k1) of the seed and the fork labels. Not for cryptography.
 *
 * @throws OptionError when the seed is not a safe integer
 *
 * @example
 * const rng = createRng(0);
 * const dropout = rng.fork("dropout");
 * rng.int(6) + 1;
 */
export function createRng(seed: number): Rng {
  return fromKey(absorbInteger([0, 0], requireInteger(seed, "A seed")));
}

/**
 * The numbers 0..n-1 in an order that depends on the seed and the epoch alone.
 *
 * @throws OptionError when n is not an integer in 0..2^31 - 1
 *
 * @example
 * permutation(60000, 0, 3); // the fourth pass over 60000 examples
 */
export function permutation(n: number, seed: number, epoch = 0): Int32Array {
  if (!Number.isInteger(n) || n < 0 || n >= 2 ** 31) {
    throw new OptionError(`permutation(n) takes an integer n in 0..2^31 - 1; got ${n}.`);
  }
  const order = Int32Array.from({ length: n }, (_, i) => i);
  return createRng(seed).fork("permutation").fork(epoch).shuffle(order);
}
