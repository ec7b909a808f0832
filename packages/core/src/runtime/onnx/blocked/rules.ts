import { int, ints } from "../../../graph/onnx-rule.js";
import type { ConvAttributes } from "../../../graph/ops/conv-attributes.js";
import { mirroredPadding, mirroredShape, reversal } from "../../../graph/ops/conv-input-gradient.js";
import type { Attributes, Tensor } from "../../../graph/tensor.js";
import { type BlockEmitter, blockedWeights, blockFor, emitBlockedConv } from "./layout.js";
import { emitBlockedWeightGradient } from "./weight-gradient.js";

type Rule = (
  e: BlockEmitter,
  operands: readonly string[],
  node: Tensor,
  attrs: ConvAttributes,
) => string | undefined;

const forward: Rule = (e, [x, w, bias], node, attrs) => {
  const { shape } = node.inputs[1];
  const block = blockFor(e.convBlock, shape, node.shape, attrs);
  if (block === undefined) return undefined;
  return emitBlockedConv(e, x, () => blockedWeights(e, w, shape, block), shape, attrs, bias);
};

/** Convolution of the gradient with the mirrored kernel. */
const inputGradient: Rule = (e, [g, w], node, attrs) => {
  const weight = node.inputs[1];
  const padding = mirroredPadding(weight.shape, attrs);
  if (padding === undefined) return undefined;
  const mirrored = { ...attrs, padding };
  const shape = mirroredShape(weight.shape);
  const block = blockFor(e.convBlock, shape, node.shape, mirrored);
  if (block === undefined) return undefined;
  const [out, inputs, kh, kw] = weight.shape;
  const taps = kh * kw;
  const kernel = () => {
    // [taps, out, in]: the elements of a block are then moved together.
    const flat = () => e.emit("Reshape", [w, e.indices([out * inputs, taps])]);
    const reversed =
      taps === 1 ? w : e.emit("Gemm", [reversal(e, taps, weight.dtype), flat()], { transB: int(1) });
    const split = e.indices([taps, out / block, block, inputs / block, block]);
    const turned = e.emit("Transpose", [e.emit("Reshape", [reversed, split])], {
      perm: ints([3, 1, 0, 2, 4]),
    });
    return e.emit("Reshape", [turned, e.indices(shape)]);
  };
  return emitBlockedConv(e, g, kernel, shape, mirrored);
};

const rules: Readonly<Record<string, Rule>> = {
  conv2d: forward,
  convBias: forward,
  conv2dInputGradient: inputGradient,
  conv2dWeightGradient: emitBlockedWeightGradient,
};

/**
 * The nodes of a convolution in ONNX Runtime's blocked layout; undefined if the layout does not fit or is not
 * faster.
 */
export function emitBlocked(e: BlockEmitter, operands: readonly string[], node: Tensor): string | undefined {
  if (e.convBlock === undefined) return undefined;
  return rules[node.op.name]?.(e, operands, node, node.attrs as Attributes & ConvAttributes);
}
