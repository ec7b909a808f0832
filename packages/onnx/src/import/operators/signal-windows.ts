// Windows of signals and filters of the mel scale: constants that follow from sizes.
import type { NdArray } from "isoloss";
import { constant } from "isoloss/ops";
import type { Call, Operator } from "../call.js";
import { converted } from "../kinds.js";
import type { Value } from "../value.js";
import { kindOf } from "./elements/casts.js";

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
