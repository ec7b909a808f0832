import { OptionError } from "isoloss";
import { listOf, type OptionsOf, oneOf, optionTable, text } from "isoloss/internal";
import { OnnxFile } from "../model-file/edit/onnx-file.js";
import type { QuantizedFile } from "./report.js";
import { blockSizes, requireSettings } from "./settings.js";
import { weightsAlone } from "./weights-alone.js";

export interface QuantizeWeightsOptions extends OptionsOf<typeof quantizeWeightsOptions> {}

const quantizeWeightsOptions = optionTable("quantizeWeights", {
  /** Bits of a weight: 8 (default) or 4. */
  bits: oneOf([8, 4]).default(8),
  /** What shares a scale: `tensor`, `channel` (default for 8 bits) or `block` of inputs (default for 4 bits). */
  per: oneOf(["tensor", "channel", "block"]).otherwise("channel for 8 bits, block for 4"),
  /** Inputs of a block: 16, 32 (default), 64, 128 or 256. */
  blockSize: oneOf(blockSizes).default(32),
  /** Layers that stay float, by the names of their results; default none. */
  leave: listOf(text("the name of a layer's result")).default([]),
});

/**
 * Stores the weights of Conv, ConvTranspose, Gemm and MatMul (also those that a Transpose makes of stored ones), and the rows of embeddings, as integers: the file is about 4 times smaller at 8 bits
 * and 7 times at 4, and needs no data to calibrate on. With s the scale of a tensor, channel or block and Q = 127 or 7:
 *
 *     s = max |w| / Q,    q = round(w / s),    w' = s q,    |w' - w| <= s / 2
 *
 * Activations and biases stay float: the file has a DequantizeLinear for each weight, for 4 bits and blocks that of
 * operator set 21, to which the file is brought. ONNX Runtime's CPU (1.30) makes of it and a MatMul the kernel
 * MatMulNBits, which reads the integers, and by default rounds its operand to 8 bits, too (a relative error of about a
 * percent; the session option `session.qdq_matmulnbits_accuracy_level: "1"` keeps floats). For that a Gemm becomes
 * MatMul and Add, its factors multiplied into what it stores for itself alone, and a Relu or Clip behind it Max and Min. For a Conv it makes the floats anew in each run, which costs
 * time; the session option `session.disable_quant_qdq: "1"` makes them once.
 *
 * A layer with fewer inputs than a block, such as a depthwise convolution, gets 8 bits and a scale for each channel; an
 * embedding (a Gather of rows) 8 bits and a scale for each row, and a run makes floats of the rows that it takes.
 *
 * @param bytes of an `.onnx` file of float32
 * @returns the new file; in its report, a row for each layer with its bits
 * @throws OptionError for an option out of its range; DataError for weights that are not finite, for a file that is quantized already, that is of float16 or float64,
 *   that is of an operator set that cannot be brought to a newer one, and for what is no ONNX model
 *
 * @example
 * const { bytes: small, report } = quantizeWeights(before, { bits: 4, leave: ["y"] });
 * report.nodes.map(({ node, bits }) => `${node}: ${bits} bits`);
 */
export function quantizeWeights(bytes: Uint8Array, options: QuantizeWeightsOptions = {}): QuantizedFile {
  const op = "quantizeWeights";
  const {
    bits,
    per = bits === 8 ? "channel" : "block",
    blockSize,
    leave,
  } = quantizeWeightsOptions.read(options);
  const weights = { bits, per, blockSize };
  requireSettings(op, { weights, activations: "none", leave: new Set(leave) });
  const { file, report } = weightsAlone(op, OnnxFile.decode(op, bytes), weights, new Set(leave));
  const layers = report.nodes.map(({ node }) => node);
  const unknown = leave.find((name) => !layers.includes(name));
  if (unknown === undefined) return { bytes: file.bytes, report };
  throw new OptionError(
    `${op}: leave has "${unknown}", which is the result of no layer; layers make ${layers.join(", ") || "nothing"}.`,
  );
}
