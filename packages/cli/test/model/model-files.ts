// Small ONNX files for the tests of `isoloss model`.
import { type Activation, namedArrays, spec, toOnnx, torchGenerator, trace } from "isoloss";
import { mlp } from "isoloss/nn";
import { decodeModel, encodeModel, type OnnxModel } from "isoloss/onnx";

/** A perceptron of 4, 3 and 2 units with an input `x` of so many examples and an output `logits`. */
export function perceptron(activation: Activation, { batch = 5, seed = 0 } = {}): Uint8Array {
  const model = mlp({ sizes: [4, 3, 2], activation });
  const { params } = model.init(torchGenerator(seed));
  const { graph } = trace(({ net, x }) => ({ logits: model.apply(net, x).output }), {
    net: params,
    x: spec([batch, 4]),
  });
  return toOnnx(graph, { constants: namedArrays({ net: params }) });
}

/** A file with another graph. */
export function changed(
  bytes: Uint8Array,
  change: (graph: OnnxModel["graph"]) => Partial<OnnxModel["graph"]>,
): Uint8Array {
  const model = decodeModel(bytes);
  return encodeModel({ ...model, graph: { ...model.graph, ...change(model.graph) } });
}

/** A file whose first input has these sizes; strings are names of open ones. */
export const withShape = (bytes: Uint8Array, shape: readonly (number | string)[]): Uint8Array =>
  changed(bytes, ({ inputs: [x], outputs }) => ({
    inputs: [{ ...x, shape }],
    outputs: outputs.map(({ name, dtype }) => ({ name, dtype })),
  }));
