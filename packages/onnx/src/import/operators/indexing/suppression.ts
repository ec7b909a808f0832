import type { Tensor } from "isoloss";
import type { Call } from "../../call.js";
import { integers, range } from "../axes.js";

/** Bounds along two axes. */
type Box = readonly [low: readonly [number, number], high: readonly [number, number]];

/**
 * Boxes in the order of their scores, without those that overlap a better one of their batch and class: rows of
 * batch, class and box.
 */
export function nonMaxSuppression(call: Call): Tensor {
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
