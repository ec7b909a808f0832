import { astype, isNdArray, type NdArray } from "../../array.js";
import { describeValue, IsolossError, OptionError, ShapeError } from "../../errors.js";
import { type Graph, isGraph, requireGraph } from "../../graph/graph.js";
import { simplify } from "../../graph/simplify.js";
import { formatType, sameShape } from "../../graph/tensor.js";
import { requireKnown } from "../../options.js";
import type { Values } from "../executable.js";
import { encodeModel } from "./codec.js";
import { emitModel, inputName } from "./emit.js";
import { onnxTensor } from "./emitter.js";
import { probeSizes, withOpenBatch } from "./open-batch.js";
import type { OnnxTensor } from "./schema.js";

export interface ToOnnxOptions {
  /** Values of inputs that are stored in the file, such as trained parameters, by input name. */
  readonly constants?: Values | undefined;
  /** Metadata strings stored with the model. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/**
 * A graph as the bytes of an `.onnx` file of standard operators (opset 18), which any ONNX program reads.
 * Inputs, outputs and constants keep their names. `fromOnnx` reads it back.
 *
 * @param graph a graph, whose sizes are those of the file; or a function that traces it for any size of a batch,
 *   which then stays open: an axis named `batch`
 * @throws ShapeError when a constant does not fit its input; IsolossError for a constant without an input; DataError
 *   when the graph is another one for another size of the batch
 *
 * @example
 * const graphOf = (batch) =>
 *   trace(({ p, x }) => model.apply(p, x).output, { p: params, x: spec([batch, 64]) }).graph;
 * const file = toOnnx(graphOf, { constants: { "p.layers.0.weight": weight } });
 */
export function toOnnx(graph: Graph | ((batch: number) => Graph), options: ToOnnxOptions = {}): Uint8Array {
  const graphs = typeof graph === "function" ? probeSizes.map((size) => tracedFor(size, graph)) : [graph];
  for (const one of graphs) requireGraph("toOnnx", one);
  const example = "toOnnx(graph, { constants: namedArrays({ params }) })";
  requireKnown("toOnnx", options, ["constants", "metadata"], example);
  const { constants = {}, metadata = {} } = options;
  for (const [name, value] of Object.entries(constants)) {
    if (!isNdArray(value)) {
      throw new OptionError(
        `toOnnx: constants are arrays by input name; "${name}" is ${describeValue(value)}. Write ${example} for a tree.`,
      );
    }
  }
  const models = graphs.map((one) => emitModel(simplify(one), { portable: true, metadata }));
  const model = models.length === 1 ? models[0] : withOpenBatch(models);
  const initializers = Object.entries(constants).map(([name, value]) => stored(graphs[0], name, value));
  const bound = new Set(initializers.map(({ name }) => name));
  return encodeModel({
    ...model,
    graph: {
      ...model.graph,
      inputs: model.graph.inputs.filter(({ name }) => !bound.has(name)),
      initializers: [...initializers, ...model.graph.initializers],
    },
  });
}

function tracedFor(size: number, graphOf: (batch: number) => Graph): Graph {
  let graph: unknown;
  try {
    graph = graphOf(size);
  } catch (cause) {
    throw refused(
      graphOf,
      `which failed for a batch of ${size}: ${(cause instanceof Error ? cause.message : String(cause)).replace(/\.$/, "")}`,
      cause,
    );
  }
  if (isGraph(graph)) return graph;
  throw refused(graphOf, `which returned ${describeValue(graph)}`);
}

const refused = (graphOf: unknown, why: string, cause?: unknown): OptionError =>
  new OptionError(
    `toOnnx takes a graph, or a function that traces one for a size of the batch; got ${describeValue(graphOf)}, ${why}. ` +
      "Write toOnnx((batch) => trace(f, [spec([batch, 3])]).graph), say.",
    { cause },
  );

/** The value of an input as a tensor of the file, under the input's name. */
function stored(graph: Graph, name: string, value: NdArray): OnnxTensor {
  const port = graph.inputs.find((p) => p.name === name);
  if (!port) {
    throw new IsolossError(
      `toOnnx: the graph has no input "${name}"; it has ${graph.inputs.map((p) => p.name).join(", ")}.`,
    );
  }
  const { shape, dtype } = port.tensor;
  if (!sameShape(shape, value.shape)) {
    throw new ShapeError(
      `toOnnx: input "${name}" is ${formatType(port.tensor)}; got a constant of shape [${value.shape}].`,
    );
  }
  return onnxTensor(inputName(graph, name), astype(value, dtype));
}
