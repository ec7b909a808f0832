// A. Dosovitskiy et al., "An image is worth 16x16 words", ICLR 2021, with mean pooling in place of a class token;
// blocks, names and initial values as in PyTorch's TransformerEncoderLayer with norm_first.

import type { NdArray } from "../../array.js";
import { OptionError, ShapeError } from "../../errors.js";
import { add } from "../../graph/ops/arithmetic.js";
import { mean } from "../../graph/ops/reduce.js";
import { reshape, transpose } from "../../graph/ops/reshape.js";
import { formatShape, sameShape, type Tensor } from "../../graph/tensor.js";
import type { TensorsOf } from "../../graph/trace.js";
import type { Mt19937 } from "../../math/mt19937.js";
import { integerFrom, listOf, type OptionsOf, oneOf, optionTable, positive } from "../../options.js";
import { type Activation, activation, activations } from "../activation.js";
import { type AttentionParams, initMultiHeadAttention, multiHeadAttention } from "../attention.js";
import { normal } from "../initializers.js";
import { initLinear, type LinearParams, linear } from "../linear.js";
import { type InitOptions, resolveInit, type StatelessModel } from "../model.js";
import { initLayerNorm, layerNorm, type NormParams } from "../norm.js";

export interface PatchTransformerOptions extends OptionsOf<typeof patchTransformerOptions> {}

export const patchTransformerOptions = optionTable("patchTransformer", {
  /** Height and width of the images; default [28, 28]. */
  imageSize: listOf(integerFrom(1), { length: 2 }).default([28, 28]),
  /** Channels of the images; default 1. */
  channels: integerFrom(1).default(1),
  /** Side of a square patch; must divide height and width; default 4. */
  patch: integerFrom(1).default(4),
  /** Size of a patch's vector; default 32. */
  width: integerFrom(1).default(32),
  /** Attention heads; must divide the width; default 4. */
  heads: integerFrom(1).default(4),
  /** Blocks; default 2. */
  depth: integerFrom(0).default(2),
  /** Ratio of the hidden units of a block's perceptron to the width; default 2. */
  mlpRatio: positive.default(2),
  /** Default 10. */
  classes: integerFrom(1).default(10),
  /** Activation of the perceptrons; default relu. */
  activation: oneOf<Activation>(activations).default("relu"),
});

/** Parameters of `torch.nn.TransformerEncoderLayer`. */
export interface TransformerBlockParams {
  readonly self_attn: AttentionParams;
  readonly linear1: LinearParams;
  readonly linear2: LinearParams;
  readonly norm1: NormParams;
  readonly norm2: NormParams;
}

export interface PatchTransformerParams {
  /** Maps the pixels of a patch, [channels, patch, patch] flattened, to its vector. */
  readonly patches: LinearParams;
  /** Position embeddings [patches, width]; patches in rows from the top left. */
  readonly position: NdArray;
  readonly layers: readonly TransformerBlockParams[];
  readonly norm: NormParams;
  readonly head: LinearParams;
}

/** Initial standard deviation of position embeddings, as in the paper's code. */
const positionDeviation = 0.02;

/**
 * Transformer on image patches: each patch of p x p pixels becomes a vector, t = W x + b + the embedding of
 * its position; blocks
 *
 * t <- t + attention(norm1(t)),  t <- t + linear2(s(linear1(norm2(t))))
 *
 * follow, then a layer norm, the mean over patches and a linear layer.
 *
 * Images [batch, channels, height, width], or flattened, [batch, channels height width].
 *
 * @throws OptionError when patches do not tile the image, heads do not divide the width, or a number is out of range
 *
 * @example
 * const model = patchTransformer({ imageSize: [8, 8], patch: 2 });
 * const { params } = model.init(torchGenerator(0));
 * const { graph } = trace((p, x) => model.apply(p, x).output, [params, spec([32, 64])]); // [32, 64] -> [32, 10]
 */
export function patchTransformer(
  options: PatchTransformerOptions = {},
): StatelessModel<PatchTransformerParams> {
  const {
    imageSize,
    channels,
    patch,
    width,
    heads,
    depth,
    mlpRatio,
    classes,
    activation: name,
  } = patchTransformerOptions.read(options);
  const [height, breadth] = imageSize;
  const hidden = mlpRatio * width;
  if (!Number.isInteger(hidden)) {
    throw new OptionError(`patchTransformer: mlpRatio times the width must be an integer; got ${hidden}.`);
  }
  if (height % patch !== 0 || breadth % patch !== 0) {
    throw new OptionError(
      `patchTransformer: patches must tile the image; got ${patch} x ${patch} for ${height} x ${breadth}.`,
    );
  }
  if (width % heads !== 0) {
    throw new OptionError(`patchTransformer: heads must divide the width ${width}; got ${heads}.`);
  }
  const act = activation(name);
  const [rows, columns] = [height / patch, breadth / patch];
  const pixels = channels * patch * patch;

  /** [batch, patches, pixels of a patch]. */
  const cut = (x: Tensor): Tensor => {
    const [batch] = x.shape;
    const own = [batch, channels, height, breadth];
    if (!sameShape(x.shape, own) && !sameShape(x.shape, [batch, pixels * rows * columns])) {
      throw new ShapeError(
        `patchTransformer: takes images [batch, ${own.slice(1).join(", ")}], or these in rows; got ${formatShape(x.shape)}.`,
      );
    }
    const split = reshape(x, [batch, channels, rows, patch, columns, patch]);
    return reshape(transpose(split, [0, 2, 4, 1, 3, 5]), [batch, rows * columns, pixels]);
  };

  return {
    init(rng, initOptions = {}) {
      const { dtype = "float32" } = resolveInit("patchTransformer", initOptions);
      const patches = initLinear(rng, pixels, width, { dtype });
      const position = normal(rng, [rows * columns, width], { deviation: positionDeviation, dtype });
      const layers = Array.from({ length: depth }, () => initBlock(rng, width, hidden, { dtype }));
      const norm = initLayerNorm(width, { dtype });
      const head = initLinear(rng, width, classes, { dtype });
      return { params: { patches, position, layers, norm, head }, state: {} };
    },
    apply({ patches, position, layers, norm, head }, x) {
      const tokens = add(linear(cut(x), patches), position);
      const last = layers.reduce<Tensor>((t, layer) => applyBlock(t, layer, heads, act), tokens);
      return { output: linear(mean(layerNorm(last, norm), { axes: [1] }), head), state: {} };
    },
  };
}

function initBlock(
  rng: Mt19937,
  width: number,
  hidden: number,
  options: InitOptions,
): TransformerBlockParams {
  return {
    self_attn: initMultiHeadAttention(rng, width, options),
    linear1: initLinear(rng, width, hidden, options),
    linear2: initLinear(rng, hidden, width, options),
    norm1: initLayerNorm(width, options),
    norm2: initLayerNorm(width, options),
  };
}

function applyBlock(
  t: Tensor,
  { self_attn, linear1, linear2, norm1, norm2 }: TensorsOf<TransformerBlockParams>,
  heads: number,
  act: (x: Tensor) => Tensor,
): Tensor {
  const attended = add(t, multiHeadAttention(layerNorm(t, norm1), self_attn, { heads }));
  return add(attended, linear(act(linear(layerNorm(attended, norm2), linear1)), linear2));
}
