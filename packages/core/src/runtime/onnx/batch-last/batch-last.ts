import { type Graph, nodesOf } from "../../../graph/graph.js";
import { mul } from "../../../graph/ops/arithmetic.js";
import { broadcastTo } from "../../../graph/ops/broadcast.js";
import type { ConvAttributes } from "../../../graph/ops/conv-attributes.js";
import { matmul } from "../../../graph/ops/matmul.js";
import { sum } from "../../../graph/ops/reduce.js";
import { reshape } from "../../../graph/ops/reshape.js";
import { concat, slice } from "../../../graph/ops/slice.js";
import { simplify } from "../../../graph/simplify.js";
import { apply, type Tensor } from "../../../graph/tensor.js";
import { TiledConv } from "./conv.js";
import { lastShape, placesOf, sameTile, single, type Tile, toLast, toPlain } from "./layout.js";
import {
  convAttributes,
  hasTiledGradient,
  isDense,
  isElementwise,
  isFirstPerChannel,
  isPerChannel,
  poolAttributes,
  poolsTiles,
  tilesOf,
} from "./plan.js";
import { firstLargest, pooled, put, putInputs, take } from "./pool.js";

/** Images in the layout. */
interface Last {
  readonly x: Tensor;
  readonly tile: Tile;
}

/**
 * Moves convolutions before max pooling, and the operations after them, to the batch-last layout. On the CPU
 * provider of ONNX Runtime, convolutions of few channels, their gradients and those of pooling are slower
 * than matrix products. The result is an equal graph, for emission only, except that an infinite or NaN pixel
 * or weight spreads to all places of the tiles that see it, since their windows multiply it by zero.
 *
 * @param block channels of the blocked layout, which is even faster if it fits
 */
export function toBatchLast(graph: Graph, block: number | undefined): Graph {
  const tiles = tilesOf(graph, block);
  if (tiles.size === 0) return graph;
  const layouts = new Layouts(graph, tiles);
  for (const node of nodesOf(graph)) layouts.add(node);
  const outputs = graph.outputs.map(({ name, tensor }) => ({ name, tensor: layouts.plain(tensor) }));
  return stackProducts(simplify({ inputs: graph.inputs, outputs }));
}

/** Every value of a graph in the layout in which it is computed, converted to the other layout on demand. */
class Layouts {
  private readonly plains: Map<Tensor, Tensor>;
  private readonly lasts = new Map<Tensor, Last>();
  private readonly convs = new Map<string, TiledConv>();

  constructor(
    { inputs }: Graph,
    private readonly tiles: ReadonlyMap<Tensor, Tile>,
  ) {
    this.plains = new Map(inputs.map(({ tensor }) => [tensor, tensor]));
  }

  /** Computes a node whose inputs are already computed. */
  add(node: Tensor): void {
    if (this.plains.has(node)) return;
    const made = this.rules[node.op.name]?.(node) ?? this.elementwise(node);
    if (made === undefined)
      this.plains.set(
        node,
        apply(
          node.op,
          node.inputs.map((x) => this.plain(x)),
          node.attrs,
        ),
      );
    else if ("tile" in made) this.lasts.set(node, made);
    else this.plains.set(node, made);
  }

  plain(x: Tensor): Tensor {
    const known = this.plains.get(x);
    if (known) return known;
    const { x: images, tile } = this.lasts.get(x) as Last;
    const made = toPlain(images, x.shape, tile);
    this.plains.set(x, made);
    return made;
  }

  private last(x: Tensor, tile: Tile): Tensor {
    const known = this.lasts.get(x);
    return known && sameTile(known.tile, tile) ? known.x : toLast(this.plain(x), tile);
  }

  /** [s, c p, tiles m] */
  private matrices(x: Tensor, tile: Tile): Tensor {
    const [s, c, p, columns] = lastShape(x.shape, tile);
    return reshape(this.last(x, tile), [s, c * p, columns]);
  }

  private conv(
    image: Tensor,
    kernel: Tensor,
    output: Tensor,
    tile: Tile,
    { padding }: ConvAttributes,
  ): TiledConv {
    const key = JSON.stringify([image.shape, kernel.shape, output.shape, tile, padding]);
    const made = this.convs.get(key) ?? new TiledConv(image.shape, kernel.shape, output.shape, tile, padding);
    this.convs.set(key, made);
    return made;
  }

  /** Rules by name of the operation; undefined selects the plain operation. */
  private readonly rules: Readonly<Record<string, (node: Tensor) => Last | Tensor | undefined>> = {
    conv2d: (node) => {
      const tile = this.tiles.get(node);
      if (!tile) return undefined;
      const [x, w] = node.inputs;
      const conv = this.conv(x, w, node, tile, convAttributes(node));
      const y = matmul(conv.weights(this.plain(w)), conv.columns(this.last(x, single)));
      return { x: reshape(y, lastShape(node.shape, tile)), tile };
    },
    conv2dWeightGradient: (node) => {
      const [x, g] = node.inputs;
      const tile = this.gradientTile(g, node);
      if (!tile) return undefined;
      const conv = this.conv(x, node, g, tile, convAttributes(node));
      const columns = conv.columns(this.last(x, single));
      return conv.weightGradient(matmul(this.matrices(g, tile), columns, { transposeB: true }));
    },
    conv2dInputGradient: (node) => {
      const [g, w] = node.inputs;
      const tile = this.gradientTile(g, node);
      if (!tile || !hasTiledGradient(node.shape, w.shape, g.shape, tile)) return undefined;
      const conv = this.conv(node, w, g, tile, convAttributes(node));
      return { x: conv.imageGradient(this.matrices(g, tile), conv.weights(this.plain(w))), tile: single };
    },
    maxPool2d: (node) => {
      const image = this.pooledImage(node.inputs[0], node);
      return image && { x: pooled(image.x), tile: single };
    },
    poolPut: (node) => {
      const [g, x] = node.inputs;
      const image = this.pooledImage(x, node);
      return image && { x: put(this.last(g, single), image.x), tile: image.tile };
    },
    poolTake: (node) => {
      const [z, x] = node.inputs;
      const image = this.pooledImage(x, node);
      return image && { x: take(this.last(z, image.tile), image.x), tile: single };
    },
    sum: (node) => {
      const images = this.lasts.get(node.inputs[0]);
      return images && isPerChannel(node)
        ? reshape(sum(images.x, { axes: [0, 2, 3] }), node.shape)
        : undefined;
    },
    slice: (node) => {
      const images = this.lasts.get(node.inputs[0]);
      return images && isFirstPerChannel(node)
        ? reshape(slice(images.x, { ends: [1, node.shape[1], 1, 1] }), node.shape)
        : undefined;
    },
  };

  /** Uses the tiles of an input that has tiles: converting single places to tiles is faster than the reverse. */
  private elementwise(node: Tensor): Last | undefined {
    if (!isElementwise(node)) return undefined;
    const lasts = node.inputs.flatMap((x) => this.lasts.get(x) ?? []);
    if (lasts.length === 0) return undefined;
    const { tile } = lasts.reduce((a, b) => (placesOf(b.tile) > placesOf(a.tile) ? b : a));
    const inputs = node.inputs.map((x) => this.last(x, tile));
    return { x: apply(node.op, inputs, node.attrs), tile };
  }

  /** The images of a max pooling whose windows coincide with the tiles of the images. */
  private pooledImage(x: Tensor, pooling: Tensor): Last | undefined {
    const images = this.lasts.get(x);
    const fits = images && poolsTiles(x, pooling) && sameTile(images.tile, poolAttributes(pooling).kernel);
    return fits ? images : undefined;
  }

  /** The tiles of the output's gradient from which a convolution's derivative is computed. */
  private gradientTile(g: Tensor, node: Tensor): Tile | undefined {
    const tile = this.lasts.get(g)?.tile;
    const fits = tile && placesOf(tile) > 1 && node.dtype === "float32" && isDense(convAttributes(node));
    return fits ? tile : undefined;
  }
}

/** Largest number of elements in the rows of one product: 32 MB in float32. */
const mostNumbers = 2 ** 23;

/**
 * A product dY X', summed over the parts of the batch; dY are the gradients g of pooled images, put back into
 * tiles.
 */
interface Product {
  readonly node: Tensor;
  readonly columns: Tensor;
  readonly g: Tensor;
  readonly y: Tensor;
  /** 1 + the largest level among the products that it depends on. */
  readonly level: number;
}

/**
 * Joins products of several gradients of the same pooled images with the same columns X into one product, so
 * that X is packed for the kernel only once. Applies to gradients that do not depend on each other's
 * products, such as those of several tasks.
 */
function stackProducts(graph: Graph): Graph {
  const levels = new Map<Tensor, number>();
  const groups = new Map<string, Product[]>();
  const ids = new Map<Tensor, number>();
  for (const node of nodesOf(graph)) {
    ids.set(node, ids.size);
    const below = node.inputs.reduce((most, x) => Math.max(most, levels.get(x) as number), 0);
    const product = productOf(node, below + 1);
    levels.set(node, product ? product.level : below);
    if (!product) continue;
    const key = [product.columns, product.y].map((x) => ids.get(x)).join();
    const group = groups.get(`${key} ${product.level}`);
    if (group) group.push(product);
    else groups.set(`${key} ${product.level}`, [product]);
  }
  const stacks = new Map<Tensor, readonly Product[]>();
  for (const group of groups.values()) {
    const count = Math.floor(mostNumbers / group[0].y.size);
    for (let k = 0; count > 1 && k + 1 < group.length; k += count) {
      const stack = group.slice(k, k + count);
      for (const { node } of stack) stacks.set(node, stack);
    }
  }
  return stacks.size === 0 ? graph : rebuilt(graph, stacks, levels);
}

function productOf(node: Tensor, level: number): Product | undefined {
  const isSum = node.op.name === "sum" && String(node.attrs.axes) === "0";
  const product = isSum ? node.inputs[0] : node;
  if (product.op.name !== "matmul" || !product.attrs.transposeB) return undefined;
  // A single part needs no sum.
  if (isSum !== product.shape[0] > 1) return undefined;
  const [rows, columns] = product.inputs;
  const inputs = rows.op.name === "reshape" ? putInputs(rows.inputs[0]) : undefined;
  return inputs && { node, columns, g: inputs[0], y: inputs[1], level };
}

function rebuilt(
  graph: Graph,
  stacks: ReadonlyMap<Tensor, readonly Product[]>,
  levels: ReadonlyMap<Tensor, number>,
): Graph {
  const forms = new Map<Tensor, Tensor>(graph.inputs.map(({ tensor }) => [tensor, tensor]));
  const of = (x: Tensor) => forms.get(x) as Tensor;
  // In order of levels, all inputs of a stack come before the first of its products.
  const order = nodesOf(graph).sort((a, b) => (levels.get(a) as number) - (levels.get(b) as number));
  for (const node of order) {
    if (forms.has(node)) continue;
    const stack = stacks.get(node);
    if (!stack) forms.set(node, apply(node.op, node.inputs.map(of), node.attrs));
    else for (const [product, form] of stackedForms(stack, of)) forms.set(product, form);
  }
  return {
    inputs: graph.inputs,
    outputs: graph.outputs.map(({ name, tensor }) => ({ name, tensor: of(tensor) })),
  };
}

function stackedForms(stack: readonly Product[], of: (x: Tensor) => Tensor): [Tensor, Tensor][] {
  const [{ columns: x, y }] = stack;
  const [s, c, p, columns] = y.shape;
  const shape = [s, stack.length, c, p, columns];
  const gradients = stack.map(({ g }) => reshape(of(g), [s, 1, c, 1, columns]));
  const put = mul(
    broadcastTo(reshape(firstLargest(of(y)), [s, 1, c, p, columns]), shape),
    broadcastTo(concat(gradients, { axis: 1 }), shape),
  );
  const rows = reshape(put, [s, stack.length * c * p, columns]);
  const products = matmul(rows, of(x), { transposeB: true });
  const added = sum(products, { axes: 0 });
  return stack.map(({ node }, k) => {
    const part = slice(added, { starts: [k * c * p], ends: [(k + 1) * c * p] });
    return [node, reshape(part, node.shape)];
  });
}
