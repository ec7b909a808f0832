import type { NdArray } from "../../array.js";
import { IsolossError, ShapeError } from "../../errors.js";
import { type Graph, topologicalOrder } from "../../graph/graph.js";
import { constant } from "../../graph/ops/leaf.js";
import { simplify } from "../../graph/simplify.js";
import { apply, formatType, sameShape, type Tensor } from "../../graph/tensor.js";

import type { Values } from "../executable.js";
import { encodeModel } from "./codec.js";
import { emitModel } from "./emit.js";

export interface ToOnnxOptions {
  /** Values of inputs that become part of the file, such as trained parameters, by input name. */
  readonly constants?: Values;
  /** Text entries stored with the model. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * A graph as the bytes of an `.onnx` file of standard operators (opset 18), which any ONNX program reads.
 * Inputs and outputs keep their names.
 *
 * @throws ShapeError when a constant does not fit its input; IsolossError for a constant without an input
 *
 * @example
 * const { graph } = trace((params, x) => model.apply(params, x).output, [params, spec([1, 64])], { names: ["params", "x"] });
 * const file = toOnnx(graph, { constants: { "params.layers.0.weight": weight } });
 */
export function toOnnx(graph: Graph, { constants = {}, metadata = {} }: ToOnnxOptions = {}): Uint8Array {
  const bound = Object.keys(constants).length === 0 ? graph : bindConstants(graph, constants);
  return encodeModel(emitModel(simplify(bound), { portable: true, metadata }));
}

/** The graph with some inputs replaced by constants. */
function bindConstants(graph: Graph, constants: Values): Graph {
  const forms = new Map<Tensor, Tensor>();
  for (const [name, value] of Object.entries(constants)) {
    const port = graph.inputs.find((p) => p.name === name);
    if (!port) {
      throw new IsolossError(
        `toOnnx: the graph has no input "${name}"; it has ${graph.inputs.map((p) => p.name).join(", ")}.`,
      );
    }
    const { tensor } = port;
    if (!sameShape(tensor.shape, value.shape)) {
      throw new ShapeError(
        `toOnnx: input "${name}" is ${formatType(tensor)}; got a constant of shape [${value.shape}].`,
      );
    }
    forms.set(tensor, constantLike(value, tensor));
  }
  for (const node of topologicalOrder(graph.outputs.map((o) => o.tensor))) {
    if (forms.has(node)) continue;
    const inputs = node.inputs.map((x) => forms.get(x) as Tensor);
    forms.set(node, inputs.every((x, i) => x === node.inputs[i]) ? node : apply(node.op, inputs, node.attrs));
  }
  return {
    inputs: graph.inputs.filter((p) => !(p.name in constants)),
    outputs: graph.outputs.map(({ name, tensor }) => ({ name, tensor: forms.get(tensor) as Tensor })),
  };
}

const constantLike = (value: NdArray, { dtype }: Tensor): Tensor => constant(value, dtype);
