import type { Batch, BatchLoss } from "../../../src/batch.js";
import { add } from "../../../src/graph/ops/arithmetic.js";
import { trace } from "../../../src/graph/trace.js";
import { torchGenerator, torchRandn } from "../../../src/math/mt19937.js";
import {
  type AttentionParams,
  initMultiHeadAttention,
  multiHeadAttention,
} from "../../../src/nn/attention.js";
import { mseLoss } from "../../../src/nn/losses/mse.js";
import { type ConvnetParams, convnet } from "../../../src/nn/models/convnet.js";
import { type MlpParams, mlp } from "../../../src/nn/models/mlp.js";
import { type LinearMaps, linearMaps } from "../../../src/teleport/search/null-space/layer-inputs.js";

export const random = (seed: number, shape: number[], dtype: "float32" | "float64" = "float64") =>
  torchRandn(torchGenerator(seed), shape, { dtype });

/** A regression by an mlp with tanh. */
export function network(
  sizes: number[],
  samples: number,
  { seed = 1, dtype = "float64" as "float32" | "float64", bias = true } = {},
) {
  const model = mlp({ sizes, activation: "tanh", bias });
  const { params } = model.init(torchGenerator(seed), { dtype });
  const loss: BatchLoss<MlpParams> = (p, { x, y }) => mseLoss(model.apply(p, x).output, y);
  const batch = {
    x: random(seed + 1, [samples, sizes[0]], dtype),
    y: random(seed + 2, [samples, sizes[sizes.length - 1]], dtype),
  };
  return { model, params, loss, batch };
}

export interface Blocks {
  readonly first: AttentionParams;
  readonly second: AttentionParams;
}

/** Two layers of attention; the second attends from the first one's result to the input. */
export function attention() {
  const rng = torchGenerator(7);
  const params: Blocks = {
    first: initMultiHeadAttention(rng, 8, { dtype: "float64" }),
    second: initMultiHeadAttention(rng, 8, { dtype: "float64" }),
  };
  const loss: BatchLoss<Blocks> = (p, { x, y }) => {
    const h = add(x, multiHeadAttention(x, p.first, { heads: 2 }));
    return mseLoss(multiHeadAttention(h, p.second, { heads: 2, memory: x }), y);
  };
  return { params, loss, batch: { x: random(8, [2, 3, 8]), y: random(9, [2, 3, 8]) } };
}

/** Two convolutions and a linear layer. */
export function images(samples: number) {
  const model = convnet({ imageSize: [4, 4], stages: [[4], [3]], classes: 3 });
  const { params } = model.init(torchGenerator(3), { dtype: "float64" });
  const loss: BatchLoss<ConvnetParams> = (p, { x, y }) => mseLoss(model.apply(p, x).output, y);
  return { params, loss, batch: { x: random(4, [samples, 1, 4, 4]), y: random(5, [samples, 3]) } };
}

/** The linear maps of a function of parameters and batch. */
export function mapsOf<P, B extends Batch>(loss: BatchLoss<P, B>, params: P, batch: B): LinearMaps {
  return linearMaps(trace(({ params: p, batch: b }) => loss(p, b), { params, batch }).graph);
}
