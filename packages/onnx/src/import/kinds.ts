// The element types of ONNX: the graph has one type for its floats and int64 for all integers.

import type { Tensor } from "isoloss";
import { isFloat, type OnnxDType } from "isoloss/internal";
import type { FloatDType } from "isoloss/nn";
import { add, cast, maximum, minimum, mod, roundTo, sub } from "isoloss/ops";
import type { Value } from "./value.js";

export const isFloatKind = (kind: OnnxDType): boolean => kind.includes("float");

/** Floats of 8 bits: stored ones are read as constants, and none are made. */
export const isByteFloat = (kind: OnnxDType): boolean => kind.startsWith("float8");

/** The least and largest number of an integer type; undefined for floats and bool. */
export function rangeOf(kind: OnnxDType): readonly [low: number, high: number] | undefined {
  const [, unsigned, bits] = /^(u?)int(\d+)$/.exec(kind) ?? [];
  if (bits === undefined) return undefined;
  const count = 2 ** Number(bits);
  return unsigned ? [0, count - 1] : [-count / 2, count / 2 - 1];
}

/**
 * Integers modulo 2^bits of their type, in two's complement. Those of 64 bits stay as they are: the graph's are exact
 * up to 2^53.
 */
export function wrapped(x: Tensor, kind: OnnxDType): Tensor {
  const [low, high] = rangeOf(kind) ?? [0, Infinity];
  if (isFloat(x.dtype) || high > 2 ** 32) return x;
  const count = high - low + 1;
  return low === 0 ? mod(x, count) : add(mod(sub(x, low), count), low);
}

/** Numbers beyond the range of an integer type become its ends. */
export function clamped(x: Tensor, kind: OnnxDType): Tensor {
  const [low, high] = rangeOf(kind) ?? [-Infinity, Infinity];
  return minimum(maximum(x, low), high);
}

/**
 * A value in another element type: floats become integers by truncation, narrow integers wrap around. Floats beyond
 * the four bits of int4 and uint4 become the nearest of their ends; the standard leaves this open.
 */
export function converted(value: Value, kind: OnnxDType, float: FloatDType): Value {
  if (value.kind === kind) return value;
  if (kind === "bool") return { tensor: cast(value.tensor, "bool"), kind };
  if (isFloatKind(kind)) {
    const tensor = cast(value.tensor, float);
    return { tensor: kind === "float16" || kind === "bfloat16" ? roundTo(tensor, kind) : tensor, kind };
  }
  const tensor = cast(value.tensor, "int64");
  if (isFloat(value.tensor.dtype) && kind.endsWith("int4")) return { tensor: clamped(tensor, kind), kind };
  return { tensor: contains(kind, value.kind) ? tensor : wrapped(tensor, kind), kind };
}

/** Whether all numbers of a type are numbers of the integer type `kind`. */
function contains(kind: OnnxDType, other: OnnxDType): boolean {
  if (other === "bool") return true;
  const [range, inner] = [rangeOf(kind), rangeOf(other)];
  return range !== undefined && inner !== undefined && range[0] <= inner[0] && inner[1] <= range[1];
}
