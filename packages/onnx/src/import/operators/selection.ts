import { sizeOf, type Tensor } from "isoloss";
import { stridesOf } from "isoloss/internal";
import { constant, logicalAnd, reshape, where } from "isoloss/ops";
import type { Call, Operator } from "../call.js";
import type { Result, Value } from "../value.js";
import { asPositions } from "./indexing.js";
import { integers, picked, range } from "./reductions.js";
import { axisOf } from "./shapes.js";

/** Bounds along two axes. */
type Box = readonly [low: readonly [number, number], high: readonly [number, number]];

/**
 * Boxes in the order of their scores, without those that overlap a better one of their batch and class: rows of
 * batch, class and box.
 */
function nonMaxSuppression(call: Call): Tensor {
  const [batches, count] = call.tensor(0).shape;
  const [, classes] = call.tensor(1).shape;
  const corners = call.known(0) ?? call.fail("there are no boxes");
  const scores = call.known(1) ?? call.fail("there are no scores");
  const most = call.known(2)?.[0] ?? 0;
  const overlap = call.known(3)?.[0] ?? 0;
  const lowest = call.known(4)?.[0] ?? -Infinity;
  const isCentered = call.int("center_point_box", 0) === 1;
  const rows: number[] = [];
  for (let b = 0; b < batches; b++) {
    const boxes = range(count).map((k) =>
      boxOf(corners.slice(4 * (b * count + k), 4 * (b * count + k + 1)), isCentered),
    );
    for (let c = 0; c < classes; c++) {
      const own = scores.slice((b * classes + c) * count, (b * classes + c + 1) * count);
      const chosen: number[] = [];
      for (const k of [...own.keys()].sort((i, j) => own[j] - own[i])) {
        if (chosen.length >= most || !(own[k] > lowest)) break;
        if (chosen.every((other) => sharedPart(boxes[k], boxes[other]) <= overlap)) chosen.push(k);
      }
      rows.push(...chosen.flatMap((k) => [b, c, k]));
    }
  }
  return integers(rows, [rows.length / 3, 3]);
}

/** A box from two opposite corners [y, x, y, x], or from its center and size [x, y, width, height]. */
function boxOf([a, b, c, d]: readonly number[], isCentered: boolean): Box {
  const [low, high] = isCentered
    ? [
        [b - d / 2, a - c / 2],
        [b + d / 2, a + c / 2],
      ]
    : [
        [a, b],
        [c, d],
      ];
  return [
    [Math.min(low[0], high[0]), Math.min(low[1], high[1])],
    [Math.max(low[0], high[0]), Math.max(low[1], high[1])],
  ];
}

const area = ([low, high]: Box): number => Math.max(high[0] - low[0], 0) * Math.max(high[1] - low[1], 0);

/** Area of the intersection divided by that of the union. */
function sharedPart(a: Box, b: Box): number {
  const common = area([
    [Math.max(a[0][0], b[0][0]), Math.max(a[0][1], b[0][1])],
    [Math.min(a[1][0], b[1][0]), Math.min(a[1][1], b[1][1])],
  ]);
  const union = area(a) + area(b) - common;
  return union > 0 ? common / union : 0;
}

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
