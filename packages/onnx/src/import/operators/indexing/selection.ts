import type { Tensor } from "isoloss";
import { sizeOf } from "isoloss";
import { stridesOf } from "isoloss/internal";
import { constant, logicalAnd, reshape, where } from "isoloss/ops";
import type { Call, Operator } from "../../call.js";
import type { Result, Value } from "../../value.js";
import { integers, picked, range } from "../axes.js";
import { axisOf } from "../shapes.js";
import { asPositions } from "./places.js";
import { nonMaxSuppression } from "./suppression.js";

/** The upper or lower triangle of matrices, with zeros elsewhere. */
function trilu(call: Call): Tensor {
  const x = call.tensor(0);
  const diagonal = call.known(1)?.[0] ?? 0;
  const isUpper = call.int("upper", 1) === 1;
  const [rows, columns] = x.shape.slice(-2);
  const kept = Uint8Array.from({ length: call.listed(rows * columns) }, (_, at) => {
    const above = (at % columns) - Math.floor(at / columns) - diagonal;
    return Number(isUpper ? above >= 0 : above <= 0);
  });
  const mask = constant({ shape: [rows, columns], data: kept }, "bool");
  return x.dtype === "bool" ? logicalAnd(x, mask) : where(mask, x, 0);
}

/** The slices along an axis, or the elements, whose condition holds. */
function compress(call: Call): Tensor {
  const condition = call.known(1) ?? call.fail("there is no condition");
  const chosen = condition.flatMap((c, k) => (c === 0 ? [] : [k]));
  const x = call.tensor(0);
  const axis = call.attribute("axis", "int");
  if (axis === undefined) return picked(reshape(x, [x.size]), 0, chosen);
  return picked(x, axisOf(call, axis), chosen);
}

/** The index along each axis of the elements that are not zero. */
function nonZero(call: Call): Value {
  const values = call.known(0) ?? call.fail("there is no operand");
  const { shape } = call.tensor(0);
  const flat = values.flatMap((v, k) => (v === 0 ? [] : [k]));
  const strides = stridesOf(shape);
  const rows = shape.flatMap((n, d) => flat.map((k) => Math.floor(k / strides[d]) % n));
  return asPositions(integers(rows, [shape.length, flat.length]));
}

/**
 * The distinct elements, or slices along an axis; where each is first; which of them each element is; how often
 * it occurs.
 */
function unique(call: Call): readonly Result[] {
  const given = call.tensor(0);
  const values = call.known(0) ?? call.fail("there is no operand");
  const attribute = call.attribute("axis", "int");
  const x = attribute === undefined ? reshape(given, [given.size]) : given;
  const axis = attribute === undefined ? 0 : axisOf(call, attribute);
  const inner = sizeOf(x.shape.slice(axis + 1));
  const n = x.shape[axis];
  const slices = range(n).map((): number[] => []);
  values.forEach((v, flat) => {
    slices[Math.floor(flat / inner) % n].push(v);
  });
  const keys = slices.map((s) => s.join());
  const firstOf = new Map(range(n).map((k) => [keys[n - 1 - k], n - 1 - k]));
  const firsts = [...firstOf.values()].sort((a, b) => a - b);
  if (call.int("sorted", 1) === 1) firsts.sort((a, b) => compareLists(slices[a], slices[b]));
  const place = new Map(firsts.map((k, i) => [keys[k], i]));
  const inverse = keys.map((key) => place.get(key) as number);
  const counts = firsts.map(() => 0);
  for (const i of inverse) counts[i]++;
  return [picked(x, axis, firsts), ...[firsts, inverse, counts].map((list) => asPositions(integers(list)))];
}

/** Lexicographic order. */
function compareLists(a: readonly number[], b: readonly number[]): number {
  const d = a.findIndex((v, i) => v !== b[i]);
  return d < 0 ? 0 : a[d] - b[d];
}

export const selection: Readonly<Record<string, Operator>> = {
  Compress: compress,
  NonMaxSuppression: nonMaxSuppression,
  NonZero: nonZero,
  Trilu: trilu,
  Unique: unique,
};
