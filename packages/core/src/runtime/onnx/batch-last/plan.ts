import { type Shape, sizeOf } from "../../../array.js";
import { type Graph, nodesOf } from "../../../graph/graph.js";
import type { ConvAttributes } from "../../../graph/ops/conv-attributes.js";
import { type PoolAttributes, tiles } from "../../../graph/ops/pool-tiles.js";
import { type Readers, readersOf } from "../../../graph/readers.js";
import { sameShape, type Tensor } from "../../../graph/tensor.js";
import { blockFor } from "../blocked/layout.js";
import { placesOf, sameTile, type Tile, windowOf } from "./layout.js";

// When the layout is faster: measured on 1 to 256 images of 8 to 64 places, 1 to 64 channels, kernels of 3
// and 5, on one and two threads, against plain convolutions and those in blocks of channels.

/** With fewer images the copied rows are too short. */
const fewestImages = 8;

/** Largest ratio of a window's operations to the kernel's. */
const mostGrowth = 3;

/**
 * Largest number of places of an image, for each output channel, whose overlapping gradients are summed fast
 * enough.
 */
const mostPlaces = 32;

/** Largest number of elements of the matrix that sums overlaps: 4 MB. */
const mostOverlaps = 2 ** 20;

export const convAttributes = ({ attrs }: Tensor): ConvAttributes => attrs as unknown as ConvAttributes;

export const poolAttributes = ({ attrs }: Tensor): PoolAttributes => attrs as unknown as PoolAttributes;

/**
 * Whether each element of a node depends on the same place of all its inputs: `flat` says that the offsets
 * are equal, and the shapes are equal.
 */
export function isElementwise({ op, inputs, shape }: Tensor): boolean {
  return op.js.flat === true && inputs.length > 0 && inputs.every((x) => sameShape(x.shape, shape));
}

/** Whether a sum is over all images and places. */
export function isPerChannel({ op, attrs }: Tensor): boolean {
  return op.name === "sum" && String(attrs.axes) === "0,2,3";
}

/** Whether a slice is the first element of each channel, which batch norm subtracts. */
export function isFirstPerChannel({ op, inputs: [x], shape, attrs }: Tensor): boolean {
  return (
    op.name === "slice" &&
    sameShape(shape, [1, x.shape[1], 1, 1]) &&
    (attrs.starts as readonly number[]).every((start) => start === 0)
  );
}

/** Whether the windows have stride 1 and no dilation, in one group of channels. */
export function isDense({ stride, dilation, groups }: ConvAttributes): boolean {
  return groups === 1 && [...stride, ...dilation].every((n) => n === 1);
}

/**
 * Whether an image's gradient can be computed in tiles, which must divide images and windows evenly, and is
 * faster.
 */
export function hasTiledGradient(image: Shape, kernel: Shape, output: Shape, tile: Tile): boolean {
  const cuts = [0, 1].every((d) => image[2 + d] % tile[d] === 0 && (kernel[2 + d] - 1) % tile[d] === 0);
  const places = image[2] * image[3];
  const overlaps = (places * sizeOf(windowOf(kernel, tile)) * output[2] * output[3]) / placesOf(tile) ** 2;
  return cuts && places <= mostPlaces * kernel[0] && overlaps <= mostOverlaps;
}

/**
 * The tiles of all convolutions whose outputs are only pooled, if the layout is faster: never without
 * derivatives, whose plain forms take most of the time.
 */
export function tilesOf(graph: Graph, block: number | undefined): Map<Tensor, Tile> {
  const order = nodesOf(graph);
  const readers = readersOf(graph, order);
  const key = (image: Shape, kernel: Shape) => `${image} ${kernel}`;
  const imageGradients = new Set(
    order
      .filter(({ op }) => op.name === "conv2dInputGradient")
      .map(({ shape, inputs: [, w] }) => key(shape, w.shape)),
  );
  const pays = (conv: Tensor, tile: Tile): boolean => {
    const [x, w] = conv.inputs;
    const [n, c] = x.shape;
    const [o, , kh, kw] = w.shape;
    const growth = sizeOf(windowOf(w.shape, tile)) / (kh * kw);
    return (
      conv.dtype === "float32" &&
      isDense(convAttributes(conv)) &&
      n >= fewestImages &&
      c * o <= mostPairs(conv, block) &&
      growth <= mostGrowth &&
      (!imageGradients.has(key(x.shape, w.shape)) || hasTiledGradient(x.shape, w.shape, conv.shape, tile))
    );
  };
  const found = new Map<Tensor, Tile>();
  const seen = new Set<Tensor>();
  for (const node of order) {
    if (node.op.name === "maxPool2d") continue;
    const { kernel } = poolAttributes(node);
    for (const image of pooledBy(node)) {
      if (seen.has(image)) continue;
      seen.add(image);
      const convs = convsBehind(image);
      if (convs?.every((conv) => pays(conv, kernel) && staysTiled(conv, kernel, readers)))
        for (const conv of convs) found.set(conv, kernel);
    }
  }
  return found;
}

/**
 * Largest product of input and output channels for which multiplying is not the dominant cost. Convolutions
 * in blocks of channels are the better alternative if blocks also fill the rows of their gradients.
 */
function mostPairs(conv: Tensor, block: number | undefined): number {
  const [x, w] = conv.inputs;
  const chosen = blockFor(block, w.shape, conv.shape, convAttributes(conv));
  if (chosen === undefined) return 1024;
  return x.shape[3] % chosen === 0 ? 0 : 512;
}

/** The images that a max pooling, or its derivative, searches for the largest elements or takes elements from. */
function pooledBy(node: Tensor): readonly Tensor[] {
  const { op, inputs } = node;
  const images = { maxPool2d: [inputs[0]], poolPut: [inputs[1]], poolTake: [inputs[1], inputs[0]] }[op.name];
  return images && poolsTiles(images[0], node) ? images : [];
}

/** Whether the windows of a pooling cut an image into tiles of several places. */
export function poolsTiles(image: Tensor, pooling: Tensor): boolean {
  const attrs = poolAttributes(pooling);
  return placesOf(attrs.kernel) > 1 && tiles(image.shape, attrs);
}

/** The convolutions from which images are computed place by place; undefined if anything else enters. */
function convsBehind(image: Tensor): Tensor[] | undefined {
  const reached = new Set([image]);
  for (const x of reached) {
    if (x.op.name === "conv2d") continue;
    if (!isElementwise(x)) return undefined;
    for (const input of x.inputs) if (input.op.name !== "broadcast") reached.add(input);
  }
  return [...reached].filter(({ op }) => op.name === "conv2d");
}

/** Whether everything computed place by place from a convolution can stay in tiles: converting back is slow. */
function staysTiled(conv: Tensor, tile: Tile, readers: Readers): boolean {
  const reached = new Set<Tensor>([conv]);
  for (const x of reached) {
    for (const reader of readers.get(x) ?? []) {
      if (reader === undefined) return false;
      const isPooled = pooledBy(reader).includes(x) && sameTile(poolAttributes(reader).kernel, tile);
      if (isElementwise(reader) || (isPooled && reader.op.name === "poolPut")) reached.add(reader);
      else if (!isPooled && !isPerChannel(reader) && !isFirstPerChannel(reader) && !isGradientOf(x, reader))
        return false;
    }
  }
  return true;
}

/** Whether a node is a convolution's derivative, given the gradient of its output. */
function isGradientOf(output: Tensor, node: Tensor): boolean {
  const [a, b] = node.inputs;
  const isOther =
    (node.op.name === "conv2dWeightGradient" && a !== output) ||
    (node.op.name === "conv2dInputGradient" && b !== output);
  return isOther && node.dtype === "float32" && isDense(convAttributes(node));
}
