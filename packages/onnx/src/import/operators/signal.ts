import { type NdArray, sizeOf, type Tensor } from "isoloss";
import { constant, gather, matmul, mul, reshape } from "isoloss/ops";
import type { Call, Operator } from "../call.js";
import { converted } from "../kinds.js";
import { listed } from "../limits.js";
import type { Value } from "../value.js";
import { kindOf } from "./elements.js";
import { along, integers, moveAxis, range } from "./reductions.js";
import { axisOf } from "./shapes.js";

interface Transform {
  /** Number of samples; further ones are cut off, missing ones are zeros. */
  readonly length: number;
  readonly inverse: boolean;
  /** Number of frequencies in the result. */
  readonly frequencies: number;
}

/**
 * Discrete Fourier transform along an axis of numbers [..., 1] (real) or [..., 2] (real and imaginary part), with
 * results [..., 2], as one product of matrices.
 */
function transformed(x: Tensor, axis: number, { length, inverse, frequencies }: Transform): Tensor {
  const last = x.rank - 1;
  const moved = moveAxis(x, axis, last - 1);
  const samples = Math.min(length, x.shape[axis]);
  const parts = x.shape[last];
  const used = along(moved, last - 1, 0, samples);
  const outer = used.shape.slice(0, -2);
  const matrix = Float64Array.from({ length: listed(samples * parts * frequencies * 2) }, (_, at) => {
    const [column, row] = [at % (2 * frequencies), Math.floor(at / (2 * frequencies))];
    const [frequency, sample] = [Math.floor(column / 2), Math.floor(row / parts)];
    // Multiples of a whole turn are left out first, as large angles lose digits.
    const turns = ((frequency * sample) % length) / length;
    const angle = (inverse ? 2 : -2) * Math.PI * turns;
    const scale = inverse ? 1 / length : 1;
    // (a + b i) e^(i angle), by part of the result and of the sample.
    if (row % parts === column % 2) return scale * Math.cos(angle);
    return scale * (column % 2 === 1 ? Math.sin(angle) : -Math.sin(angle));
  });
  const rows = reshape(used, [sizeOf(outer), samples * parts]);
  const product = matmul(
    rows,
    constant({ shape: [samples * parts, frequencies * 2], data: matrix }, x.dtype),
  );
  return moveAxis(reshape(product, [...outer, frequencies, 2]), last - 1, axis);
}

/** Frequencies of a real signal beyond the half are conjugates of those below it. */
const half = (length: number): number => Math.floor(length / 2) + 1;

/** The axis is an attribute before operator set 20. */
function dft(call: Call): Tensor {
  const x = call.tensor(0);
  const axis = axisOf(call, call.opset < 20 ? call.int("axis", 1) : (call.known(2)?.[0] ?? -2));
  const length = call.known(1)?.[0] ?? x.shape[axis];
  const [inverse, oneSided] = ["inverse", "onesided"].map((name) => call.int(name, 0) === 1);
  if (inverse && oneSided) return call.fail("the inverse of a one-sided transform is not supported");
  return transformed(x, axis, { length, inverse, frequencies: oneSided ? half(length) : length });
}

/** Transforms of windows of a signal [batch, samples, parts]: [batch, windows, frequencies, 2]. */
function stft(call: Call): Tensor {
  const signal = call.tensor(0);
  const step = call.known(1)?.[0] ?? call.fail("there is no frame_step");
  const window = call.has(2) ? call.tensor(2) : undefined;
  const length = call.known(3)?.[0] ?? window?.shape[0] ?? call.fail("there is no window or frame_length");
  const count = Math.floor((signal.shape[1] - length) / step) + 1;
  if (count < 1) return call.fail(`a window of ${length} is longer than the signal`);
  const places = range(count).flatMap((k) => range(length).map((i) => step * k + i));
  const frames = gather(signal, integers(places, [count, length]), { axis: 1 });
  const weighted = window ? mul(frames, reshape(window, [length, 1])) : frames;
  const frequencies = call.int("onesided", 1) === 1 ? half(length) : length;
  return transformed(weighted, 2, { length, inverse: false, frequencies });
}

export const fourier: Readonly<Record<string, Operator>> = { DFT: dft, STFT: stft };

// Windows of signals and filters of the mel scale: constants that follow from sizes.

/** A constant of the element type that an attribute names. */
function typed(call: Call, attribute: string, value: NdArray): Value {
  const kind = kindOf(call, attribute, "float32");
  const tensor = constant(value, call.dtype);
  return converted({ tensor, kind: "float64" }, kind, call.dtype);
}

/** sum_k c_k cos(2 pi k n / N), where N is the size, or one less for a symmetric window. */
const cosines =
  (...coefficients: readonly number[]): Operator =>
  (call) => {
    const size = call.known(0)?.[0] ?? call.fail("there is no size");
    const period = call.int("periodic", 1) === 1 ? size : size - 1;
    const at = (n: number) =>
      coefficients.reduce((sum, c, k) => sum + c * Math.cos((2 * Math.PI * k * n) / period), 0);
    const data = Float64Array.from({ length: call.listed(size) }, (_, n) => at(n));
    return typed(call, "output_datatype", { shape: [size], data });
  };

const toMel = (hertz: number): number => 2595 * Math.log10(1 + hertz / 700);
const toHertz = (mel: number): number => 700 * (10 ** (mel / 2595) - 1);

/** Triangles over the bins of a spectrum, whose corners are spread evenly in mel; one triangle a column. */
function melWeights(call: Call): Value {
  const [count, length, rate, low, high] = [0, 1, 2, 3, 4].map(
    (i) => call.known(i)?.[0] ?? call.fail("an operand is missing"),
  );
  const step = (toMel(high) - toMel(low)) / (count + 2);
  const corner = (k: number) => Math.floor(((length + 1) * toHertz(toMel(low) + k * step)) / rate);
  const rows = Math.floor(length / 2) + 1;
  const weight = (row: number, column: number) => {
    const [left, center, right] = [corner(column), corner(column + 1), corner(column + 2)];
    if (row === center) return 1;
    if (row < left || row >= right) return 0;
    return row < center ? (row - left) / (center - left) : (right - row) / (right - center);
  };
  const data = Float64Array.from({ length: call.listed(rows * count) }, (_, i) =>
    weight(Math.floor(i / count), i % count),
  );
  return typed(call, "output_datatype", { shape: [rows, count], data });
}

export const signalWindows: Readonly<Record<string, Operator>> = {
  BlackmanWindow: cosines(0.42, -0.5, 0.08),
  HammingWindow: cosines(25 / 46, -21 / 46),
  HannWindow: cosines(0.5, -0.5),
  MelWeightMatrix: melWeights,
};
