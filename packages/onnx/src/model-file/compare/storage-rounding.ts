import { parametersOf } from "../../import/parameters.js";
import { type Runnable, runnable } from "../edit/onnx-file.js";

/** By how much numbers of the types that files have weights in are rounded, relative to them; the coarsest first. */
const roundings = { bfloat16: 2 ** -8, float16: 2 ** -11, float32: 2 ** -24 } as const;

/** What rounding does to the weights of a file. */
export interface StorageRounding {
  /** The coarsest type among the weights; float32 also where all are finer. */
  readonly type: keyof typeof roundings;
  /** By how much a number of the type is rounded at most, relative to it. */
  readonly rounding: number;
  /** Difference of outputs, relative to the largest value, up to which it counts as rounding: 1e-4, or ten roundings. */
  readonly tolerance: number;
}

/**
 * By how much the weights of an ONNX file are rounded, and so those of a file that was changed: they are stored in the same type.
 * The tolerance is 1e-4 of float32, 0.0049 of float16 and 0.039 of bfloat16.
 *
 * @param bytes a file that `fromOnnx` reads
 * @throws DataError for bytes that are no ONNX model
 *
 * @example
 * const { type, tolerance } = storageRounding(bytes);
 * type; // "float32"
 * tolerance; // 0.0001
 */
export const storageRounding = (bytes: Uint8Array): StorageRounding =>
  roundingOf(runnable("storageRounding", bytes));

export function roundingOf(file: Runnable): StorageRounding {
  const stored = new Set<string>(parametersOf(file.model.graph).map(({ tensor }) => tensor.dtype));
  const type = (["bfloat16", "float16"] as const).find((coarse) => stored.has(coarse)) ?? "float32";
  const rounding = roundings[type];
  // float32 has 24 bits, and a deep model rounds often.
  return { type, rounding, tolerance: Math.max(1e-4, 10 * rounding) };
}
