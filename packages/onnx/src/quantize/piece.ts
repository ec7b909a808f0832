import { graphsIn, type OnnxDType, type OnnxNode } from "isoloss/internal";
import type { OnnxModel } from "isoloss/onnx";
import { encodeModel } from "isoloss/onnx";
import type { Runnable } from "../model-file/edit/onnx-file.js";

/** The part of a model that computes some of its values from others. */
export interface Piece {
  /** Names of the values that it takes. */
  readonly inputs: readonly string[];
  readonly nodes: readonly OnnxNode[];
}

/** Finds the parts of a model that compute values. */
export class Pieces {
  readonly #makers = new Map<string, OnnxNode>();
  readonly #stored: ReadonlySet<string>;

  constructor(readonly model: OnnxModel) {
    const { nodes, initializers } = model.graph;
    for (const node of nodes) for (const name of node.outputs) if (name !== "") this.#makers.set(name, node);
    this.#stored = new Set(initializers.map(({ name }) => name));
  }

  has(value: string): boolean {
    return this.#makers.has(value);
  }

  maker(value: string): OnnxNode | undefined {
    return this.#makers.get(value);
  }

  /** The value that is rounded to a value, where one is: its ranges do not clip it yet. */
  beforeRounding(value: string): string {
    const dequantize = this.#makers.get(value);
    if (dequantize?.opType !== "DequantizeLinear") return value;
    const quantize = this.#makers.get(dequantize.inputs[0]);
    return quantize?.opType === "QuantizeLinear" ? quantize.inputs[0] : value;
  }

  /** The part that makes values from those that are given and the model's inputs. */
  to(values: readonly string[], given: ReadonlySet<string>): Piece {
    const nodes = new Set<OnnxNode>();
    const inputs = new Set<string>();
    const open = [...values];
    for (let name = open.pop(); name !== undefined; name = open.pop()) {
      const maker = this.#makers.get(name);
      if (given.has(name) || maker === undefined) {
        if (name !== "" && !this.#stored.has(name)) inputs.add(name);
      } else if (maker !== undefined && !nodes.has(maker)) {
        nodes.add(maker);
        open.push(...operandsOf(maker));
      }
    }
    return { inputs: [...inputs], nodes: this.model.graph.nodes.filter((node) => nodes.has(node)) };
  }

  /** A piece as a model. The inputs' types are those of the model's own inputs, or `dtypes`. */
  file(
    { inputs, nodes }: Piece,
    values: readonly string[],
    dtypes: ReadonlyMap<string, OnnxDType>,
  ): Runnable {
    const { graph } = this.model;
    const used = new Set(nodes.flatMap(operandsOf));
    const model: OnnxModel = {
      ...this.model,
      graph: {
        name: graph.name,
        inputs: inputs.map((name) => {
          const own = graph.inputs.find((input) => input.name === name);
          return own ?? { name, dtype: dtypes.get(name) };
        }),
        outputs: values.map((name) => ({ name })),
        initializers: graph.initializers.filter(({ name }) => used.has(name)),
        nodes,
      },
    };
    return {
      model,
      get bytes() {
        return encodeModel(model);
      },
    };
  }
}

/** Names of all values that a node reads; those of graphs inside it among them. */
const operandsOf = (node: OnnxNode): readonly string[] => [
  ...node.inputs,
  ...graphsIn(node).flatMap(({ nodes, outputs, inputs, initializers }) => {
    const own = new Set([...inputs, ...initializers].map(({ name }) => name));
    for (const { outputs: made } of nodes) for (const name of made) own.add(name);
    const read = [...nodes.flatMap(operandsOf), ...outputs.map(({ name }) => name)];
    return read.filter((name) => !own.has(name));
  }),
];
