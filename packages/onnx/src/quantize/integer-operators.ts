// What ONNX Runtime's CPU computes in integers between DequantizeLinear and QuantizeLinear:
// onnxruntime/core/optimizer/qdq_transformer/selectors_actions/qdq_selector_action_transformer.cc.

/** An operator without weights that has a kernel on integers. */
export interface IntegerOperator {
  /** The kernel's name in the optimized graph. */
  readonly kernel: string;
  /** How many of the first operands are activations. */
  readonly operands: number;
  /** Whether results are numbers of the operand, so that they need the same scale. */
  readonly keepsNumbers: boolean;
}

const computing = (kernel: string, operands = 1): IntegerOperator => ({
  kernel,
  operands,
  keepsNumbers: false,
});
const moving = (kernel: string): IntegerOperator => ({ kernel, operands: 1, keepsNumbers: true });

export const integerOperators: ReadonlyMap<string, IntegerOperator> = new Map([
  ["Add", computing("QLinearAdd", 2)],
  ["AveragePool", computing("QLinearAveragePool")],
  ["Concat", computing("QLinearConcat", Infinity)],
  ["GlobalAveragePool", computing("QLinearGlobalAveragePool")],
  ["LeakyRelu", computing("QLinearLeakyRelu")],
  ["MatMul", computing("QLinearMatMul", 2)],
  ["Mul", computing("QLinearMul", 2)],
  ["Sigmoid", computing("QLinearSigmoid")],
  ["Softmax", computing("QLinearSoftmax")],
  ...["DepthToSpace", "Flatten", "Gather", "MaxPool", "Reshape", "Resize", "Slice", "Split", "Squeeze"].map(
    (name): [string, IntegerOperator] => [name, moving(name)],
  ),
  ...["Transpose", "Unsqueeze"].map((name): [string, IntegerOperator] => [name, moving(name)]),
]);
