import type { NdArray } from "../array.js";
import { gather } from "../graph/ops/gather.js";
import type { Tensor } from "../graph/tensor.js";
import type { TensorsOf } from "../graph/trace.js";
import type { Mt19937 } from "../math/mt19937.js";
import { requireKnown } from "../options.js";
import { normal } from "./initializers.js";
import type { InitOptions } from "./model.js";
import { requireParams } from "./params.js";

/** `weight`, of shape [count, width], has one row for each index. */
export interface EmbeddingParams {
  readonly weight: NdArray;
}

/** Parameters of `torch.nn.Embedding(count, width)`: standard normal, to the precision of {@link normal}. */
export function initEmbedding(
  rng: Mt19937,
  count: number,
  width: number,
  options: InitOptions = {},
): EmbeddingParams {
  requireKnown("initEmbedding", options, ["dtype"], 'initEmbedding(rng, 100, 16, { dtype: "float64" })');
  return { weight: normal(rng, [count, width], options) };
}

/**
 * Looks up rows of a table.
 *
 * @param indices int64 [...], as in {@link gather}: an index outside the table is an error when the graph
 *   runs
 * @returns [..., width]
 */
export function embedding(indices: Tensor, params: TensorsOf<EmbeddingParams>): Tensor {
  requireParams("embedding", params, ["weight"]);
  return gather(params.weight, indices);
}
