import { ratioOf } from "isoloss/internal";
import { cast, fillLike, greater, max, maximum, min, minimum, neg, sub, where } from "isoloss/ops";
import type { Call, Operator } from "../../call.js";
import type { Value } from "../../value.js";
import { kindOf } from "../elements/casts.js";
import { products } from "./products.js";
import { dequantized, quantized, spread } from "./scales.js";

const zeroOf = (call: Call, index: number) =>
  call.has(index) ? spread(call, call.tensor(0), call.tensor(index)) : undefined;

function quantizeLinear(call: Call): Value {
  const x = call.tensor(0);
  const kind = call.has(2) ? call.kind(2) : kindOf(call, "output_dtype", "uint8");
  return quantized(ratioOf(x, spread(call, x, call.tensor(1))), zeroOf(call, 2), kind);
}

function dequantizeLinear(call: Call): Value {
  const scale = spread(call, call.tensor(0), call.tensor(1));
  return { tensor: dequantized(call.operand(0), scale, zeroOf(call, 2)), kind: call.kind(1) };
}

/** The range from the least to the largest number, with zero in it, becomes that of uint8. */
function dynamicQuantizeLinear(call: Call): readonly Value[] {
  const x = call.tensor(0);
  const [low, high] = [minimum(min(x), 0), maximum(max(x), 0)];
  const width = sub(high, low);
  // Zeros alone have no range: ONNX Runtime takes the scale 1.
  const scale = where(greater(width, 0), ratioOf(width, fillLike(low, 255)), 1);
  const zero = quantized(ratioOf(neg(low), scale), undefined, "uint8");
  const y = quantized(ratioOf(x, scale), cast(zero.tensor, x.dtype), "uint8");
  return [y, { tensor: scale, kind: "float32" }, zero];
}

export const quantization: Readonly<Record<string, Operator>> = {
  DequantizeLinear: dequantizeLinear,
  DynamicQuantizeLinear: dynamicQuantizeLinear,
  QuantizeLinear: quantizeLinear,
  ...products,
};
