// Transformers whose float16 files overflow, with the structure and the sizes of the stream that public threads report.
import type { TransformerOptions } from "./transformer.js";

export interface Fixture {
  readonly name: string;
  readonly options: TransformerOptions;
}

const layers = { width: 48, layers: 3 };
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
      outlier: 1.75e5,
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

/** To what published files clip a stream that norms read in one node; a decomposed norm squares it. */
export const clipBound = ({ fused = false }: TransformerOptions): number => (fused ? 32752 : 255);
