import { sizeOf } from "../array.js";
import { ShapeError } from "../errors.js";
import { add } from "../graph/ops/arithmetic.js";
import { matmul } from "../graph/ops/matmul.js";
import { reshape } from "../graph/ops/reshape.js";
import { formatShape, requireTensor, type Tensor } from "../graph/tensor.js";
import type { TensorsOf } from "../graph/trace.js";
import type { Mt19937 } from "../math/mt19937.js";
import { requireKnown } from "../options.js";
import { initAffine } from "./initializers.js";
import type { InitOptions, WeightAndBias } from "./model.js";
import { requireParams } from "./params.js";

/** `weight` [out, in], `bias` [out]. */
export interface LinearParams extends WeightAndBias {}

/** Parameters of `torch.nn.Linear(inputs, outputs, bias)`, bit for bit. */
export function initLinear(
  rng: Mt19937,
  inputs: number,
  outputs: number,
  options: InitOptions & { readonly bias?: boolean | undefined } = {},
): LinearParams {
  requireKnown("initLinear", options, ["bias", "dtype"], "initLinear(rng, 784, 10, { bias: false })");
  return initAffine(rng, [outputs, inputs], outputs, options);
}

/**
 * Affine map of the last axis, y = x W' + b.
 *
 * @param x [..., in]
 * @param params `weight` [out, in]; `bias` [out] or absent
 * @returns [..., out]
 * @throws ShapeError when the last axis of `x` is not of size `in`
 *
 * @example
 * linear(x, { weight, bias }); // [32, 784], [10, 784], [10] -> [32, 10]
 */
export function linear(x: Tensor, params: TensorsOf<LinearParams>): Tensor {
  requireTensor("linear", x);
  requireParams("linear", params, ["weight"]);
  const { weight, bias } = params;
  const inputs = x.shape.at(-1);
  if (weight.rank !== 2 || inputs !== weight.shape[1]) {
    throw new ShapeError(
      `linear: takes x [..., in] and weight [out, in]; got ${formatShape(x.shape)} and ${formatShape(weight.shape)}.`,
    );
  }
  // The leading axes are joined into one: product and bias then become one node in ONNX.
  const rows = reshape(x, [sizeOf(x.shape.slice(0, -1)), inputs]);
  const product = matmul(rows, weight, { transposeB: true });
  return reshape(bias ? add(product, bias) : product, [...x.shape.slice(0, -1), weight.shape[0]]);
}
