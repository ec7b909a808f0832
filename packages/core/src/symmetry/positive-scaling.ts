// Positive scaling of hidden units: Zhao et al., NeurIPS 2022, section 4.2; Armenta et al., arXiv 2012.01118.
import type { NdArray } from "../array.js";
import { OptionError } from "../errors.js";
import { mul, sub } from "../graph/ops/arithmetic.js";
import { constant, fillLike } from "../graph/ops/leaf.js";
import { reshape } from "../graph/ops/reshape.js";
import type { Tensor } from "../graph/tensor.js";
import type { TensorsOf } from "../graph/trace.js";
import type { LinearParams } from "../nn/linear.js";
import type { MlpParams } from "../nn/models/mlp.js";
import { hiddenLayers } from "./hidden-layers.js";
import type { Symmetry } from "./symmetry.js";

/**
 * Scales each hidden unit by a factor and takes it back in the next layer: for relu and leakyRelu,
 *
 * W_m <- diag(a) W_m,  b_m <- a b_m,  W_{m+1} <- W_{m+1} diag(1/a),  a = exp(T) > 0
 *
 * exact on all data, since s(a z) = a s(z). T holds one vector of log factors a hidden layer.
 *
 * @param params of an `mlp` with one hidden layer or more
 * @param options `activation` of the network; default `relu`
 * @throws OptionError for an activation that does not commute with positive factors, and for a network without hidden
 *   layers
 *
 * @example
 * const symmetry = positiveScaling(params, { activation: "leakyRelu" });
 */
export function positiveScaling(
  params: MlpParams,
  { activation = "relu" }: { readonly activation?: string } = {},
): Symmetry<MlpParams> {
  if (activation !== "relu" && activation !== "leakyRelu" && activation !== "identity") {
    throw new OptionError(
      `positiveScaling keeps the loss for relu, leakyRelu and identity only; got "${activation}". For other bijective activations use hiddenAction.`,
    );
  }
  const widths = hiddenLayers(params, "positiveScaling").map(({ weight }) => weight.shape[0]);
  return {
    name: "positive scaling",
    exact: "everywhere",
    algebra: widths.map((n) => [n]),
    bound: { kind: "element", value: 0.3 },
    contextShapes: () => [],
    context: async () => [],
    derivative: ({ layers }, T) => ({ layers: layers.map((layer, m) => tangent(layer, T[m], T[m - 1])) }),
    act: async ({ layers }, T) => ({ layers: layers.map((layer, m) => scaled(layer, T[m], T[m - 1])) }),
    dispose: async () => {},
  };
}

/** d/de of a layer: weights change by (out_i - into_j) w_ij, biases by out_i b_i. */
function tangent(
  { weight, bias }: TensorsOf<LinearParams>,
  out?: Tensor,
  into?: Tensor,
): TensorsOf<LinearParams> {
  const rows = out ? reshape(out, [out.size, 1]) : constant(0, weight.dtype);
  const change = mul(into ? sub(rows, into) : rows, weight);
  return bias ? { weight: change, bias: out ? mul(out, bias) : fillLike(bias, 0) } : { weight: change };
}

/** Scales a layer's rows by exp(out) and its columns by exp(-into), in float64 before rounding. */
function scaled({ weight, bias }: LinearParams, out?: NdArray, into?: NdArray): LinearParams {
  const [rows, columns] = weight.shape;
  const data = weight.data.slice() as Float64Array;
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      data[i * columns + j] *= Math.exp(Number(out?.data[i] ?? 0) - Number(into?.data[j] ?? 0));
    }
  }
  const moved = { shape: weight.shape, data };
  if (!bias) return { weight: moved };
  const shifted = (bias.data as Float64Array).map((b, i) => b * Math.exp(Number(out?.data[i] ?? 0)));
  return { weight: moved, bias: { shape: bias.shape, data: shifted } };
}
