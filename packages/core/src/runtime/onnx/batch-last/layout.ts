import type { Shape } from "../../../array.js";
import { broadcastTo } from "../../../graph/ops/broadcast.js";
import { reshape, transpose } from "../../../graph/ops/reshape.js";
import type { Tensor } from "../../../graph/tensor.js";

// Images [n, c, h, w] with the batch as the last axis, in parts of m = n / s images and in tiles of th x tw places:
//
// [s, c, th tw, (h / th) (w / tw) m]: part of the batch; channel; place in its tile; tile and image
//
// All images of a part are adjacent at each place. Moving places then copies whole rows, a convolution is one
// matrix product for each part, and the places of a pooling window are ranges of equal length. Threads work
// on parts: as the first axis, these are the same for every operation, and stay in the caches of one core.

/** Height and width of a tile. */
export type Tile = readonly [number, number];

/** A tile of one place: for all images that are not pooled. */
export const single: Tile = [1, 1];

export const placesOf = ([th, tw]: Tile): number => th * tw;

export const sameTile = (a: Tile, b: Tile): boolean => a[0] === b[0] && a[1] === b[1];

/** Height and width of the window that all places of a tile see together through a kernel [o, c, kh, kw]. */
export const windowOf = ([, , kh, kw]: Shape, [th, tw]: Tile): readonly [number, number] => [
  kh + th - 1,
  kw + tw - 1,
];

/**
 * Largest number of parts of a batch, whatever the number of threads, so that results do not depend on the
 * threads.
 */
const mostParts = 4;

/** With fewer images in a part the rows are too short. */
const fewestImages = 32;

/** The number s of parts of a batch. */
export function partsOf(n: number): number {
  let parts = 1;
  while (parts < mostParts && n % (2 * parts) === 0 && n / (2 * parts) >= fewestImages) parts *= 2;
  return parts;
}

/** The shape of images in the layout. */
export function lastShape([n, c, h, w]: Shape, tile: Tile): Shape {
  const s = partsOf(n);
  return [s, c, placesOf(tile), (h * w * n) / (placesOf(tile) * s)];
}

/** Converts plain images, or a tensor that broadcasts to them, to the layout. */
export function toLast(x: Tensor, tile: Tile): Tensor {
  return broadcastLast(x, tile) ?? turn(x, tile);
}

function turn(x: Tensor, tile: Tile): Tensor {
  const [n, c, h, w] = x.shape;
  const [th, tw] = tile;
  const s = partsOf(n);
  const turned =
    placesOf(tile) === 1
      ? transpose(reshape(x, [s, n / s, c * h * w]), [0, 2, 1])
      : transpose(reshape(x, [s, n / s, c, h / th, th, w / tw, tw]), [0, 2, 4, 6, 3, 5, 1]);
  return reshape(turned, lastShape(x.shape, tile));
}

/** In the layout, a tensor that repeats one number, or one number for each channel; undefined for other tensors. */
function broadcastLast(x: Tensor, tile: Tile): Tensor | undefined {
  if (x.op.name !== "broadcast") return undefined;
  const [source] = x.inputs;
  const [n, c, h, w] = [...new Array<number>(4 - source.rank).fill(1), ...source.shape];
  if (n !== 1 || h !== 1 || w !== 1) return undefined;
  return broadcastTo(reshape(source, [1, c, 1, 1]), lastShape(x.shape, tile));
}

/** Converts images in the layout to plain images of a shape. */
export function toPlain(x: Tensor, shape: Shape, tile: Tile): Tensor {
  const [n, c, h, w] = shape;
  const [th, tw] = tile;
  const s = partsOf(n);
  const turned =
    placesOf(tile) === 1
      ? transpose(reshape(x, [s, c * h * w, n / s]), [0, 2, 1])
      : transpose(reshape(x, [s, c, th, tw, h / th, w / tw, n / s]), [0, 6, 1, 4, 2, 5, 3]);
  return reshape(turned, shape);
}
