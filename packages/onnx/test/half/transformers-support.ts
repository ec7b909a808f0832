// Random transformers, one a seed, with outliers in the stream that float16 does not hold as they are.
import type { NdArray } from "isoloss";
import { createRng } from "isoloss/data";
import { opened } from "isoloss-test-support/model-file/builder";
import type { TransformerOptions } from "isoloss-test-support/model-file/transformer";
import { shiftedAlong } from "../../src/half/descend.js";
import { tracedFile } from "../../src/model-file/traced-file.js";

/** The parameters of a file with all its streams scaled by 2^k. */
export function streamShifted(bytes: Uint8Array, k: number): Readonly<Record<string, NdArray>> {
  const { model, found } = tracedFile("test", opened(bytes), { sizes: {}, epsilons: true, factors: true });
  const params = { ...model.params };
  const streams = found.scalings.filter(({ exact, stream }) => exact && stream !== undefined);
  for (const { axes } of streams) {
    for (const leg of axes) params[leg.path] = shiftedAlong(params[leg.path], leg, Int32Array.of(k));
  }
  return params;
}

/** To what published files clip a stream that norms read in one node; a decomposed norm squares it. */
export const clipBound = ({ fused = false }: TransformerOptions): number => (fused ? 32752 : 255);

/** The four architectures of which float16 files break: 67.6, 61.6, 67.9 and 66.5 dB by hand. */
export const four: readonly (readonly [string, TransformerOptions])[] = [
  ["LayerNorm before blocks, decomposed", { outlier: 795 }],
  ["RMSNorm decomposed, gated, tied", { outlier: 3e5, norm: "rms", mlp: "gated", tied: true }],
  ["LayerNormalization", { outlier: 9e4, fused: true }],
  ["norms before and behind", { outlier: 3e4, byGain: true, norm: "rms", place: "both", scaledTokens: true }],
].map(([name, options]) => [name as string, { width: 64, layers: 4, ...(options as TransformerOptions) }]);

export function randomTransformer(seed: number): TransformerOptions {
  const rng = createRng(1000 + seed);
  const pick = <T>(...choices: readonly T[]): T => choices[rng.int(choices.length)];
  const norm = pick("layer", "rms") as "layer" | "rms";
  const fused = rng.next() < 0.4;
  const opsets = fused ? (norm === "layer" ? [17, 18, 21, 23] : [23]) : [9, 11, 13, 14, 17, 18, 20, 23];
  const place = pick("pre", "pre", "post", "both") as "pre" | "post" | "both";
  return {
    seed,
    norm,
    fused,
    place,
    opset: pick(...opsets),
    width: pick(16, 24, 32),
    layers: pick(1, 2),
    vocabulary: 64,
    heads: 4,
    length: 4,
    keyHeads: pick(4, 4, 2, 1),
    tied: rng.next() < 0.4,
    parallel: rng.next() < 0.25,
    mlp: pick("relu", "gelu", "gated", "experts") as "relu",
    keyNorms: rng.next() < 0.25,
    scaledTokens: rng.next() < 0.25,
    encoder: rng.next() < 0.2,
    constants: rng.next() < 0.3,
    epsilon: pick(1e-5, 1e-6),
    // Decomposed norms square it: float16 holds from 2^-24 to 2^16, and so the stream half as many powers of two.
    outlier: fused ? 10 ** (4.9 + rng.next()) : 10 ** (2.5 + 2 * rng.next()),
  };
}

/** Of which published float16 files a fixture has the structure: norms, blocks, stem and the sizes of the stream that the threads report. */
export interface Fixture {
  readonly name: string;
  readonly options: TransformerOptions;
}

const layers = { width: 64, layers: 4 };
const rms = { ...layers, norm: "rms" } as const;

/** Two of each of six kinds of models whose float16 files overflow. */
export const fixtures: readonly Fixture[] = [
  {
    name: "Gemma 2: norms before and behind blocks, decomposed",
    options: {
      ...rms,
      place: "both",
      byGain: true,
      outlier: 1.3e5,
      mlp: "gated",
      keyHeads: 2,
      scaledTokens: true,
      tied: true,
    },
  },
  {
    name: "Gemma 3: RMSNormalization, also of queries and keys",
    options: {
      ...rms,
      place: "both",
      byGain: true,
      outlier: 1.3e5,
      mlp: "gated",
      keyHeads: 1,
      scaledTokens: true,
      tied: true,
      fused: true,
      opset: 23,
      keyNorms: true,
      epsilon: 1e-6,
    },
  },
  {
    name: "T5: an encoder, no biases, a scaled head",
    options: { ...rms, encoder: true, scaledHead: true, tied: true, outlier: 2e4, epsilon: 1e-6 },
  },
  {
    name: "T5 1.1: a gated MLP, an own head",
    options: { ...rms, encoder: true, mlp: "gated", outlier: 9e4, epsilon: 1e-6, opset: 13 },
  },
  {
    name: "Whisper: convolutions before a decomposed LayerNorm",
    options: { ...layers, encoder: "audio", mlp: "gelu", tied: true, outlier: 795 },
  },
  {
    name: "Whisper with LayerNormalization",
    options: { ...layers, encoder: "audio", mlp: "gelu", tied: true, outlier: 9e4, fused: true },
  },
  {
    name: "DeepSeek: gated experts and one that all share",
    options: { ...rms, mlp: "gated experts", outlier: 2e4, epsilon: 1e-6 },
  },
  {
    name: "DeepSeek with RMSNormalization",
    options: { ...rms, mlp: "gated experts", outlier: 2e5, fused: true, opset: 23, epsilon: 1e-6 },
  },
  {
    name: "Qwen3-VL: patches of an image before tokens, norms of queries and keys",
    options: {
      ...rms,
      encoder: "image",
      mlp: "gated",
      keyHeads: 2,
      keyNorms: true,
      outlier: 3e3,
      epsilon: 1e-6,
    },
  },
  {
    name: "Qwen3-VL with fused norms",
    options: {
      ...rms,
      encoder: "image",
      mlp: "gated",
      keyHeads: 2,
      keyNorms: true,
      outlier: 1.5e5,
      fused: true,
      opset: 23,
      epsilon: 1e-6,
    },
  },
  {
    name: "gpt-oss: sinks, experts with clamped gates",
    options: { ...rms, mlp: "clamped experts", sinks: true, keyHeads: 2, outlier: 3e3 },
  },
  {
    name: "gpt-oss with RMSNormalization",
    options: {
      ...rms,
      mlp: "clamped experts",
      sinks: true,
      keyHeads: 2,
      outlier: 3e5,
      fused: true,
      opset: 23,
    },
  },
];
