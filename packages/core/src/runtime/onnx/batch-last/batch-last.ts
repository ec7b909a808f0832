import { type Graph, nodesOf } from "../../../graph/graph.js";
import type { ConvAttributes } from "../../../graph/ops/conv-attributes.js";
import { matmul } from "../../../graph/ops/matmul.js";
import { sum } from "../../../graph/ops/reduce.js";
import { reshape } from "../../../graph/ops/reshape.js";
import { slice } from "../../../graph/ops/slice.js";
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
import { pooled, put, take } from "./pool.js";
import { stackProducts } from "./stack.js";

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
