// M. Matsumoto and T. Nishimura, "Mersenne Twister", ACM TOMACS 8(1), 1998; floats are derived from it as in
// PyTorch 2.6.
import { allocate, type NdArray, requireSizes, type Shape, sizeOf } from "../array.js";
import { DataError, DTypeError, describeValue, OptionError } from "../errors.js";
import { requireKnown } from "../options.js";
import { fma, fmaFloat32 } from "./fma.js";

const WORDS = 624;
const SHIFT = 397;

/** The state of an {@link Mt19937} as plain data that JSON preserves. */
export interface Mt19937State {
  readonly kind: "mt19937";
  /** The 624 state words, each in [0, 2^32). */
  readonly words: readonly number[];
  /** Number of words used of the current block, 0..624. */
  readonly position: number;
  /** The second value of the last scalar normal pair, not yet returned. */
  readonly spareNormal: number | null;
}

/**
 * The 32-bit Mersenne Twister, seeded as `init_genrand(seed)`: the generator behind `torch.manual_seed` on the CPU.
 *
 * Only the low 32 bits of the seed count, as in PyTorch: 2^33 + 5 gives the sequence of 5, and -1 that of 2^32 - 1.
 *
 * @throws OptionError when the seed is not a safe integer
 *
 * @example
 * const rng = torchGenerator(5489);
 * rng.nextUint32(); // 3499211612
 */
export class Mt19937 {
  #words = new Uint32Array(WORDS);
  #position = WORDS;
  #spareNormal: number | null = null;

  constructor(seed: number) {
    if (!Number.isSafeInteger(seed)) {
      throw new OptionError(
        `A seed must be an integer of at most 2^53 - 1 in magnitude; got ${describeValue(seed)}.`,
      );
    }
    const words = this.#words;
    words[0] = seed >>> 0;
    for (let i = 1; i < WORDS; i++) {
      const previous = words[i - 1] ^ (words[i - 1] >>> 30);
      words[i] = Math.imul(1812433253, previous) + i;
    }
  }

  /** The next integer in [0, 2^32). */
  nextUint32(): number {
    if (this.#position === WORDS) this.#refill();
    let y = this.#words[this.#position++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    y ^= y >>> 18;
    return y >>> 0;
  }

  /** The next float32 of `torch.rand`: a multiple of 2^-24 in [0, 1), from one 32-bit word. */
  nextFloat32(): number {
    return (this.nextUint32() & 0xffffff) * 2 ** -24;
  }

  /** The next float64 of `torch.rand`: a multiple of 2^-53 in [0, 1), from two 32-bit words, the high one first. */
  nextFloat64(): number {
    const high = this.nextUint32() & 0x1fffff;
    return (high * 2 ** 32 + this.nextUint32()) * 2 ** -53;
  }

  /**
   * The next normal of PyTorch's scalar path (tensors of fewer than 16 elements).
   *
   * Box-Muller: r = sqrt(-2 log(1 - u2)), theta = 2 pi u1; r cos(theta) now, r sin(theta) at the next call.
   */
  nextNormal(): number {
    if (this.#spareNormal !== null) {
      const spare = this.#spareNormal;
      this.#spareNormal = null;
      return spare;
    }
    const theta = 2 * Math.PI * this.nextFloat64();
    const radius = Math.sqrt(-2 * Math.log1p(-this.nextFloat64()));
    this.#spareNormal = radius * Math.sin(theta);
    return radius * Math.cos(theta);
  }

  /** A snapshot of the state. */
  state(): Mt19937State {
    return {
      kind: "mt19937",
      words: Array.from(this.#words),
      position: this.#position,
      spareNormal: this.#spareNormal,
    };
  }

  /** Restores a snapshot. Throws {@link DataError} for an invalid one. */
  restore(state: Mt19937State): void {
    const { kind, words, position, spareNormal } = state;
    const isWord = (w: number) => Number.isInteger(w) && w >= 0 && w < 2 ** 32;
    if (kind !== "mt19937" || !Array.isArray(words) || words.length !== WORDS || !words.every(isWord)) {
      throw new DataError(`An MT19937 state needs kind "mt19937" and ${WORDS} words in [0, 2^32).`);
    }
    if (!Number.isInteger(position) || position < 0 || position > WORDS) {
      throw new DataError(`An MT19937 state needs a position in 0..${WORDS}; got ${position}.`);
    }
    if (spareNormal !== null && !Number.isFinite(spareNormal)) {
      throw new DataError(`An MT19937 state's spareNormal is null or a finite number; got ${spareNormal}.`);
    }
    this.#words.set(words);
    this.#position = position;
    this.#spareNormal = spareNormal;
  }

  #refill(): void {
    const words = this.#words;
    for (let i = 0; i < WORDS; i++) {
      const y = (words[i] & 0x80000000) | (words[(i + 1) % WORDS] & 0x7fffffff);
      words[i] = words[(i + SHIFT) % WORDS] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.#position = 0;
  }
}

/**
 * PyTorch's generator of random numbers on the CPU, as after `torch.manual_seed(seed)`.
 *
 * @throws OptionError when the seed is not a safe integer
 *
 * @example
 * const { params } = mlp({ sizes: [2, 16, 1] }).init(torchGenerator(0));
 */
export function torchGenerator(seed: number): Mt19937 {
  return new Mt19937(seed);
}

/**
 * Throws unless `value` is a generator.
 *
 * @throws OptionError
 */
function requireGenerator(rng: unknown): void {
  const { nextUint32 } = (rng ?? {}) as Partial<Mt19937>;
  if (typeof nextUint32 === "function") return;
  const seed = Number.isSafeInteger(rng) ? rng : 0;
  const got = typeof rng === "object" && rng !== null ? "another object" : describeValue(rng);
  throw new OptionError(`init takes a generator: model.init(torchGenerator(${seed})); got ${got}.`);
}

type FloatArray = NdArray<Float32Array | Float64Array>;
type FloatOptions = { readonly dtype?: "float32" | "float64" | undefined };

/** Checks the arguments of a function and allocates the array to fill. */
function allocateFloats(op: string, rng: unknown, shape: Shape, options: FloatOptions): FloatArray {
  requireKnown(op, options, ["dtype"], `${op}(torchGenerator(0), [2, 3], { dtype: "float64" })`);
  requireGenerator(rng);
  requireSizes(op, shape);
  const dtype: string = options.dtype ?? "float32";
  if (dtype !== "float32" && dtype !== "float64") {
    throw new DTypeError(`Random floats are of dtype "float32" or "float64"; got "${dtype}".`);
  }
  return { shape: [...shape], data: allocate(dtype, sizeOf(shape)) as Float32Array | Float64Array };
}

/**
 * Uniform numbers in [0, 1), bit for bit those of `torch.rand(shape, dtype)` after `torch.manual_seed(seed)` on the CPU.
 *
 * float32: (w mod 2^24) / 2^24 of one word w; float64: (w mod 2^53) / 2^53 of two.
 *
 * @example
 * torchRand(torchGenerator(12345), [2]); // 0.9817181825637817, 0.8796065449714661
 */
export function torchRand(rng: Mt19937, shape: Shape, options: FloatOptions = {}): FloatArray {
  const out = allocateFloats("torchRand", rng, shape, options);
  const { data } = out;
  const { dtype = "float32" } = options;
  if (dtype === "float32") for (let i = 0; i < data.length; i++) data[i] = rng.nextFloat32();
  else for (let i = 0; i < data.length; i++) data[i] = rng.nextFloat64();
  return out;
}

/**
 * Uniform numbers in [from, to) up to rounding, bit for bit those of `torch.empty(shape).uniform_(from, to)` on
 * the CPU.
 *
 * x (to - from) + from for x of {@link torchRand}, with the bounds and their difference rounded to the dtype and the
 * rest computed by a fused multiply-add, as in PyTorch's kernels for AVX2 and AVX-512. On a processor without
 * fused multiply-add PyTorch differs in the last bit.
 *
 * @throws OptionError when the bounds are not finite or from > to
 *
 * @example
 * torchUniform(torchGenerator(0), [3, 2], -0.5, 0.5, { dtype: "float64" });
 */
export function torchUniform(
  rng: Mt19937,
  shape: Shape,
  from: number,
  to: number,
  options: FloatOptions = {},
): FloatArray {
  requireKnown("torchUniform", options, ["dtype"], 'torchUniform(rng, [2], 0, 1, { dtype: "float64" })');
  const { dtype = "float32" } = options;
  if (!(Number.isFinite(from) && Number.isFinite(to) && from <= to)) {
    throw new OptionError(`Uniform bounds must be finite with from <= to; got from ${from}, to ${to}.`);
  }
  const out = torchRand(rng, shape, options);
  const { data } = out;
  if (dtype === "float32") {
    const low = Math.fround(from);
    const range = Math.fround(Math.fround(to) - low);
    for (let i = 0; i < data.length; i++) data[i] = fmaFloat32(data[i], range, low);
  } else {
    const range = to - from;
    for (let i = 0; i < data.length; i++) data[i] = fma(data[i], range, from);
  }
  return out;
}

/**
 * Standard normal numbers: those of `torch.randn(shape, dtype)` on the CPU to 1e-6 (float32) or 1e-14 (float64).
 *
 * Fewer than 16 elements: consecutive float64 Box-Muller pairs ({@link Mt19937.nextNormal}).
 * Otherwise blocks of 16 uniforms: u1 = 1 - x[j], u2 = x[j + 8], r = sqrt(-2 log u1), theta = 2 pi u2;
 * r cos(theta) goes to j and r sin(theta) to j + 8; a size that 16 does not divide redraws its last 16 elements.
 * Not bit for bit: PyTorch's vectorized log, sine and cosine round differently in the last bits.
 *
 * @example
 * torchRandn(torchGenerator(0), [4, 8]);
 */
export function torchRandn(rng: Mt19937, shape: Shape, options: FloatOptions = {}): FloatArray {
  const out = allocateFloats("torchRandn", rng, shape, options);
  const { data } = out;
  const { dtype = "float32" } = options;
  const size = data.length;
  if (size < 16) {
    for (let i = 0; i < size; i++) data[i] = rng.nextNormal();
    return out;
  }
  // PyTorch rounds the angle to the dtype before it takes sine and cosine: in float32 that moves the result by 1e-6.
  const round = dtype === "float32" ? Math.fround : (x: number) => x;
  const twoPi = round(2 * Math.PI);
  const draw = (start: number, end: number) => {
    for (let i = start; i < end; i++) data[i] = dtype === "float32" ? rng.nextFloat32() : rng.nextFloat64();
  };
  const transform = (start: number) => {
    for (let j = start; j < start + 8; j++) {
      const radius = Math.sqrt(-2 * Math.log(1 - data[j]));
      const theta = round(twoPi * data[j + 8]);
      data[j] = radius * Math.cos(theta);
      data[j + 8] = radius * Math.sin(theta);
    }
  };
  draw(0, size);
  for (let start = 0; start + 16 <= size; start += 16) transform(start);
  if (size % 16 !== 0) {
    draw(size - 16, size);
    transform(size - 16);
  }
  return out;
}
