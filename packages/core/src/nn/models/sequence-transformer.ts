// R. Xiong et al., "On layer normalization in the transformer architecture", ICML 2020 (norms before blocks); blocks of H. Touvron
// et al., "LLaMA", arXiv 2302.13971, section 2.2: RMSNorm, rotary embedding, gated perceptrons (N. Shazeer, arXiv 2002.05202).

import { OptionError } from "../../errors.js";
import { add, mul } from "../../graph/ops/arithmetic.js";
import { mean } from "../../graph/ops/reduce.js";
import type { Tensor } from "../../graph/tensor.js";
import type { TensorsOf } from "../../graph/trace.js";
import type { Mt19937 } from "../../math/mt19937.js";
import { flag, integerFrom, type OptionsOf, optionTable, positive } from "../../options.js";
import { activation } from "../activation.js";
import { type AttentionParams, initMultiHeadAttention, multiHeadAttention } from "../attention.js";
import { type EmbeddingParams, embedding, initEmbedding } from "../embedding.js";
import { initLinear, type LinearParams, linear } from "../linear.js";
import { type InitOptions, resolveInit, type StatelessModel } from "../model.js";
import { initRmsNorm, type RmsNormParams, rmsNorm } from "../norm.js";
import { requireSequences } from "./sequences.js";

export interface SequenceTransformerOptions extends OptionsOf<typeof sequenceTransformerOptions> {}

const sequenceTransformerOptions = optionTable("sequenceTransformer", {
  /** Numbers of an element that is a vector; default 8. */
  inputs: integerFrom(1).default(8),
  /** Different tokens, if elements are such: integers below it, each with an embedding; default 0: elements are vectors. */
  tokens: integerFrom(0).default(0),
  /** Default 32. */
  width: integerFrom(1).default(32),
  /** Attention heads; the width must be an even multiple of them; default 4. */
  heads: integerFrom(1).default(4),
  /** Blocks; default 2. */
  depth: integerFrom(0).default(2),
  /** Hidden units of a block's perceptron; default 64. */
  hidden: integerFrom(1).default(64),
  /** Whether an element sees only those before it and itself; default false. */
  causal: flag.default(false),
  /** Base of the rotary embedding; default 10000. */
  base: positive.default(10000),
  /** Default 10. */
  classes: integerFrom(1).default(10),
  /** Whether each element gets its class (tagging, language models), or the whole sequence one; default false. */
  perElement: flag.default(false),
});

export interface PreNormBlockParams {
  readonly norm1: RmsNormParams;
  readonly self_attn: AttentionParams;
  readonly norm2: RmsNormParams;
  /** [hidden, width], [hidden, width] and [width, hidden]. */
  readonly gate: LinearParams;
  readonly up: LinearParams;
  readonly down: LinearParams;
}

export interface SequenceTransformerParams {
  readonly embedding: EmbeddingParams | LinearParams;
  readonly layers: readonly PreNormBlockParams[];
  readonly norm: RmsNormParams;
  readonly head: LinearParams;
}

/**
 * Pre-norm transformer on sequences, without biases: elements become vectors t of the width; blocks
 *
 * t <- t + attention(norm1(t)),  t <- t + down(silu(gate(n)) up(n)) with n = norm2(t)
 *
 * follow, with rotary embeddings of positions in the attention; then a norm, the mean over elements unless each gets its
 * class, and a linear layer. Norms divide by the root mean square.
 *
 * Sequences [batch, length, inputs], or int64 tokens [batch, length]; outputs [batch, classes], or [batch, length, classes].
 *
 * @throws OptionError when the width is no even multiple of the heads, or a number is out of range
 *
 * @example
 * const model = sequenceTransformer({ tokens: 50, causal: true, classes: 50, perElement: true });
 * const { params } = model.init(torchGenerator(0));
 * const { graph } = trace((p, x) => model.apply(p, x).output, [params, spec([4, 20], "int64")]); // -> [4, 20, 50]
 */
export function sequenceTransformer(
  options: SequenceTransformerOptions = {},
): StatelessModel<SequenceTransformerParams> {
  const { inputs, tokens, width, heads, depth, hidden, causal, base, classes, perElement } =
    sequenceTransformerOptions.read(options);
  if (width % (2 * heads) !== 0) {
    throw new OptionError(
      `sequenceTransformer: the width must be an even multiple of the heads; got ${width} for ${heads}.`,
    );
  }
  return {
    init(rng, initOptions = {}) {
      const { dtype } = resolveInit("sequenceTransformer", initOptions);
      const plain = { dtype, bias: false } as const;
      return {
        params: {
          embedding:
            tokens > 0 ? initEmbedding(rng, tokens, width, { dtype }) : initLinear(rng, inputs, width, plain),
          layers: Array.from({ length: depth }, () => initBlock(rng, width, hidden, { dtype })),
          norm: initRmsNorm(width, { dtype }),
          head: initLinear(rng, width, classes, plain),
        },
        state: {},
      };
    },
    apply(params, x) {
      requireSequences("sequenceTransformer", x, { inputs, tokens });
      const start = tokens > 0 ? embedding(x, params.embedding) : linear(x, params.embedding);
      const attend = (t: Tensor, p: TensorsOf<AttentionParams>) =>
        multiHeadAttention(t, p, { heads, causal, rotary: { base } });
      const last = params.layers.reduce<Tensor>((t, layer) => applyBlock(t, layer, attend), start);
      const read = rmsNorm(last, params.norm);
      return { output: linear(perElement ? read : mean(read, { axes: [1] }), params.head), state: {} };
    },
  };
}

function initBlock(rng: Mt19937, width: number, hidden: number, { dtype }: InitOptions): PreNormBlockParams {
  const plain = { dtype, bias: false } as const;
  return {
    norm1: initRmsNorm(width, { dtype }),
    self_attn: initMultiHeadAttention(rng, width, plain),
    norm2: initRmsNorm(width, { dtype }),
    gate: initLinear(rng, width, hidden, plain),
    up: initLinear(rng, width, hidden, plain),
    down: initLinear(rng, hidden, width, plain),
  };
}

const silu = activation("silu");

function applyBlock(
  t: Tensor,
  { norm1, self_attn, norm2, gate, up, down }: TensorsOf<PreNormBlockParams>,
  attend: (t: Tensor, params: TensorsOf<AttentionParams>) => Tensor,
): Tensor {
  const attended = add(t, attend(rmsNorm(t, norm1), self_attn));
  const n = rmsNorm(attended, norm2);
  return add(attended, linear(mul(silu(linear(n, gate)), linear(n, up)), down));
}
