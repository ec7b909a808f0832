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
    skip: fused && rng.next() < 0.5,
  };
}
