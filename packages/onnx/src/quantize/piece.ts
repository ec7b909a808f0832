import type { NdArray } from "isoloss";
import { type FileSession, type OnnxNode, operandsOf } from "isoloss/internal";
import { encodeModel, type OnnxModel } from "isoloss/onnx";
import type { NamedValues } from "../model-file/compare/random-inputs.js";
import { openFile } from "../model-file/compare/run-model.js";
import type { RunSettings } from "./inner-values.js";

/** Finds the parts of a model that compute values, and runs them. */
export class Pieces {
  readonly #makers = new Map<string, OnnxNode>();
  readonly #stored: ReadonlySet<string>;

  constructor(readonly model: OnnxModel) {
    const { nodes, initializers } = model.graph;
    for (const node of nodes) for (const name of node.outputs) if (name !== "") this.#makers.set(name, node);
    this.#stored = new Set(initializers.map(({ name }) => name));
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

  /** The part that makes values from those that are given and the model's inputs: its nodes, and names of what it takes. */
  to(
    values: readonly string[],
    given: ReadonlySet<string>,
  ): { readonly inputs: readonly string[]; readonly nodes: readonly OnnxNode[] } {
    const nodes = new Set<OnnxNode>();
    const inputs = new Set<string>();
    const open = [...values];
    for (let name = open.pop(); name !== undefined; name = open.pop()) {
      const maker = this.#makers.get(name);
      if (given.has(name) || maker === undefined) {
        if (name !== "" && !this.#stored.has(name)) inputs.add(name);
      } else if (!nodes.has(maker)) {
        nodes.add(maker);
        open.push(...operandsOf(maker));
      }
    }
    return { inputs: [...inputs], nodes: this.model.graph.nodes.filter((node) => nodes.has(node)) };
  }

  /** Makes the part to some values ready to run; those that are given are of float32. */
  open(values: readonly string[], given: ReadonlySet<string>, settings: RunSettings): Promise<FileSession> {
    const { graph } = this.model;
    const { inputs, nodes } = this.to(values, given);
    const used = new Set(nodes.flatMap(operandsOf));
    const model: OnnxModel = {
      ...this.model,
      graph: {
        name: graph.name,
        inputs: inputs.map(
          (name) => graph.inputs.find((input) => input.name === name) ?? { name, dtype: "float32" },
        ),
        outputs: values.map((name) => ({ name })),
        initializers: graph.initializers.filter(({ name }) => used.has(name)),
        nodes,
      },
    };
    const file = {
      model,
      get bytes() {
        return encodeModel(model);
      },
    };
    return openFile(file, settings);
  }
}

/** Values of float32 in a model, one after another, each computed from those before: so all of them cost about one run of it. */
export class LayerWalk {
  readonly #carried: readonly Map<string, NdArray>[];
  /** The last place among the wanted values for which each one is taken. */
  readonly #lastUse = new Map<string, number>();

  /**
   * @param wanted values, in the order of the graph
   * @param kept the values that are carried on: the one at a place is made from that of `wanted` there, or is it
   * @param batches inputs
   */
  constructor(
    readonly pieces: Pieces,
    readonly wanted: readonly string[],
    readonly kept: readonly string[],
    readonly batches: readonly NamedValues[],
    readonly settings: RunSettings,
  ) {
    this.#carried = batches.map((batch) => new Map(Object.entries(batch)));
    for (const [k, name] of wanted.entries()) {
      const { inputs } = pieces.to([name], new Set(kept.slice(0, k)));
      for (const input of inputs) this.#lastUse.set(input, k);
    }
  }

  /** The wanted value at a place for each batch; what is changed in it counts for later ones where it is carried on. */
  async at(k: number): Promise<readonly NdArray[]> {
    this.settings.signal?.throwIfAborted();
    const { wanted, kept, batches } = this;
    const isKept = (name: string) => (this.#lastUse.get(name) ?? 0) > k;
    // What is made from the value before is part of the way to this one.
    const before = kept.slice(Math.max(0, k - 1), k).filter(isKept);
    await this.#carry([wanted[k], ...before]);
    for (const [i, values] of this.#carried.entries()) {
      for (const name of values.keys()) {
        if (name !== wanted[k] && !isKept(name) && !Object.hasOwn(batches[i], name)) values.delete(name);
      }
    }
    return this.#carried.map((values) => values.get(wanted[k]) as NdArray);
  }

  /** Adds values to those that are carried, from which they are computed. */
  async #carry(values: readonly string[]): Promise<void> {
    const known = new Set(this.#carried[0].keys());
    const missing = [...new Set(values)].filter((name) => !known.has(name));
    if (missing.length === 0) return;
    const session = await this.pieces.open(missing, known, this.settings);
    try {
      for (const own of this.#carried) {
        const made = await session.run(Object.fromEntries(own));
        for (const name of missing) own.set(name, made[name]);
      }
    } finally {
      await session.dispose();
    }
  }
}
