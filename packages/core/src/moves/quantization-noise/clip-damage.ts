// What a clip at a fixed bound does to a value that is scaled before it and scaled back behind it.

/** Bins of v = z / bound: quarters of octaves from 2^-12 to 2^5, whose edges are powers of two times 1, 1.25, 1.5, 1.75. */
const lowest = -12;
const octaves = 17;
const parts = 4;
const bins = octaves * parts;
/** The bits of a float32 above all but the first two of its mantissa. */
const shift = 21;
const firstBin = (127 + lowest) * parts;

const edges = Float64Array.from(
  { length: bins + 1 },
  (_, k) => 2 ** (lowest + Math.floor(k / parts)) * (1 + (k % parts) / parts),
);
const logEdges = edges.map((v) => Math.log(v));
/** The edge at the bound itself. */
const atBound = -lowest * parts;

/** Sums over the values of some channels, by bins of their magnitude beside the clip's bound. */
export interface ClipHistogram {
  readonly channels: number;
  readonly bound: number;
  /** Number of values of each channel, those <= 0 included. */
  readonly total: Float64Array;
  /** For each channel and bin: the number of values, and the sums of v and v^2. */
  readonly counts: Float64Array;
  readonly sums: Float64Array;
  readonly squares: Float64Array;
}

/** A histogram without values. */
export function clipHistogram(channels: number, bound: number): ClipHistogram {
  const zeros = () => new Float64Array(channels * bins);
  return {
    channels,
    bound,
    total: new Float64Array(channels),
    counts: zeros(),
    sums: zeros(),
    squares: zeros(),
  };
}

const float = new Float32Array(1);
const bits = new Int32Array(float.buffer);

/** Adds the values z >= 0 of a channel. */
export function addToHistogram(
  { bound, total, counts, sums, squares }: ClipHistogram,
  channel: number,
  values: ArrayLike<number>,
): void {
  total[channel] += values.length;
  const first = channel * bins;
  for (let k = 0; k < values.length; k++) {
    const z = values[k];
    if (!(z > 0)) continue;
    const v = z / bound;
    float[0] = v;
    const bin = Math.min((bits[0] >> shift) - firstBin, bins - 1);
    if (bin < 0) continue;
    counts[first + bin]++;
    sums[first + bin] += v;
    squares[first + bin] += v * v;
  }
}

/**
 * The damage of each channel as a function of t: E[(min(z e^t, c) e^-t - min(z, c))^2]. With u = c e^-t, a clip that comes
 * early (t > 0) takes min(z, c) - u from what is above u, and one that comes late adds min(z, u) - c to what is
 * above c. Values are exact at the bins' edges, and derivatives in log u where damage is that of many values; between
 * the edges is the cubic through both.
 */
export interface ClipDamage {
  readonly channels: number;
  readonly values: Float64Array;
  /** Derivatives in log u, limited so that the cubics are monotone. */
  readonly slopes: Float64Array;
}

/** The damage at the bins' edges, from the sums of both sides of the bound. */
export function clipDamage({ channels, bound, total, counts, sums, squares }: ClipHistogram): ClipDamage {
  const values = new Float64Array(channels * (bins + 1));
  const slopes = values.slice();
  for (let i = 0; i < channels; i++) {
    const unit = bound ** 2 / Math.max(total[i], 1);
    // Values between u < 1 and 1, and number of those above 1.
    let [n, s, q, above] = [0, 0, 0, 0];
    for (let k = atBound; k < bins; k++) above += counts[i * bins + k];
    for (let k = atBound - 1; k >= 0; k--) {
      const [at, to, u] = [i * bins + k, i * (bins + 1) + k, edges[k]];
      n += counts[at];
      s += sums[at];
      q += squares[at];
      values[to] = unit * (q - 2 * u * s + u * u * n + above * (1 - u) ** 2);
      slopes[to] = unit * -2 * u * (s - u * n + above * (1 - u));
    }
    // Values between 1 and u > 1, and number of those above u.
    [n, s, q] = [0, 0, 0];
    for (let k = atBound + 1; k <= bins; k++) {
      const [at, to, u] = [i * bins + k - 1, i * (bins + 1) + k, edges[k]];
      n += counts[at];
      s += sums[at];
      q += squares[at];
      above -= counts[at];
      values[to] = unit * (q - 2 * s + n + above * (u - 1) ** 2);
      slopes[to] = unit * 2 * u * above * (u - 1);
    }
  }
  limitSlopes(values, slopes);
  return { channels, values, slopes };
}

/**
 * The damage grows on both sides of the bound. A cubic with slopes up to three times those of the chords beside it does so, too
 * (Fritsch and Carlson, Monotone piecewise cubic interpolation, 1980); with steeper ones, where few values are just
 * above an edge, it would be negative.
 */
function limitSlopes(values: Float64Array, slopes: Float64Array): void {
  for (let at = 0; at < values.length; at++) {
    const k = at % (bins + 1);
    const chord = (from: number) =>
      (values[at - k + from + 1] - values[at - k + from]) / (logEdges[from + 1] - logEdges[from]);
    const least = Math.min(
      k > 0 ? Math.abs(chord(k - 1)) : Infinity,
      k < bins ? Math.abs(chord(k)) : Infinity,
    );
    slopes[at] = Math.sign(slopes[at]) * Math.min(Math.abs(slopes[at]), 3 * least);
  }
}

/** The damage of a channel at t, and its derivative in t. */
export function damageAt(
  { values, slopes }: ClipDamage,
  channel: number,
  t: number,
): { readonly value: number; readonly rate: number } {
  const first = channel * (bins + 1);
  const x = -t;
  // Beyond the edges the damage is that of everything, or stays.
  if (x <= logEdges[0]) return { value: values[first], rate: 0 };
  if (x >= logEdges[bins]) return { value: values[first + bins], rate: 0 };
  let bin = Math.min(Math.floor(x / Math.LN2) - lowest, octaves - 1) * parts;
  while (x >= logEdges[bin + 1]) bin++;
  const h = logEdges[bin + 1] - logEdges[bin];
  const r = (x - logEdges[bin]) / h;
  const at = first + bin;
  const [p, q] = [values[at], values[at + 1]];
  const [dp, dq] = [h * slopes[at], h * slopes[at + 1]];
  const [a, b] = [dp + dq - 2 * (q - p), 3 * (q - p) - 2 * dp - dq];
  const rate = (3 * a * r * r + 2 * b * r + dp) / h;
  return { value: ((a * r + b) * r + dp) * r + p, rate: -rate };
}
