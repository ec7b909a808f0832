import { OptionError } from "../../errors.js";
import { type Graph, type Port, requireGraph } from "../../graph/graph.js";
import { requireKnown } from "../../options.js";
import type { Scan } from "../executable.js";
import { invariantsOf } from "../loop-invariants.js";
import { toBatchLast } from "./batch-last/batch-last.js";
import { toBranches } from "./branches.js";
import { Emitter, type EmitterOptions } from "./emitter.js";
import { fuse } from "./fuse.js";
import { nameResults, valueInfo } from "./names.js";
import { graph as graphAttribute, type OnnxGraph, type OnnxModel, type OnnxNode } from "./schema.js";

export interface EmitModelOptions {
  /** Whether to use only operators of the ONNX standard, so that every ONNX program reads the file; default false. */
  readonly portable?: boolean | undefined;
  /** Channels of a block in ONNX Runtime's blocked convolution layout; default: plain convolutions. */
  readonly convBlock?: number | undefined;
  /** Whether images that are pooled may be computed with the batch as the last axis (see {@link toBatchLast}); default false. */
  readonly batchLast?: boolean | undefined;
  /** Whether a selection by one bool may become a branch (see {@link toBranches}); default false. */
  readonly branches?: boolean | undefined;
  readonly scan?: Scan | undefined;
  /** Metadata strings stored with the model. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/** Name of the extra input that gives a scan's number of steps. */
export const stepsInput = "steps:count";

/** An input's name in the model: its own name, unless an output has the same one. */
export function inputName(graph: Graph, name: string): string {
  return graph.outputs.some((o) => o.name === name) ? `${name}:in` : name;
}

/** An ONNX model that computes a simplified graph, or a scan of it as one Loop. */
export function emitModel(graph: Graph, options: EmitModelOptions = {}): OnnxModel {
  requireGraph("emitModel", graph);
  const known = ["portable", "convBlock", "batchLast", "branches", "scan", "metadata"] as const;
  requireKnown("emitModel", options, known, "emitModel(graph, { portable: true })");
  const { portable = false, convBlock, batchLast = false, branches = false, scan, metadata = {} } = options;
  for (const port of [...graph.inputs, ...graph.outputs]) checkName(port);
  const fused = fuse(batchLast && !portable ? toBatchLast(graph, convBlock) : graph);
  const form = { portable, convBlock, branches };
  // What stays the same in all steps of a scan would be computed in its branches.
  const body = scan ? loopGraph(fused, scan, form) : plainGraph(branches ? toBranches(fused) : fused, form);
  return {
    irVersion: 9,
    opsets: [
      { domain: "", version: 18 },
      ...(portable ? [] : [{ domain: "com.microsoft", version: 1 }]),
      ...(convBlock && !portable ? [{ domain: "com.microsoft.nchwc", version: 1 }] : []),
    ],
    producer: "isoloss",
    metadata,
    graph: body,
  };
}

/** Generated names contain a colon, so that they never collide with the graph's own names. */
function checkName({ name }: Port): void {
  if (name === "" || name.includes(":")) {
    throw new OptionError(
      `emitModel: inputs and outputs need names that are not empty and have no colon; got "${name}". Rename the argument or key.`,
    );
  }
}

function plainGraph(graph: Graph, options: EmitterOptions): OnnxGraph {
  const emitter = new Emitter(graph, options);
  for (const { name, tensor } of graph.inputs) emitter.bind(tensor, inputName(graph, name));
  const results = emitter.emitGraph();
  return {
    name: "graph",
    inputs: graph.inputs.map(({ name, tensor }) => valueInfo(inputName(graph, name), tensor)),
    outputs: graph.outputs.map(({ name, tensor }) => valueInfo(name, tensor)),
    initializers: emitter.initializers,
    nodes: nameResults(
      emitter.nodes,
      results,
      graph.outputs.map((o) => o.name),
    ),
  };
}

/**
 * A Loop whose body is the graph. Inputs that do not change, and what is computed from them alone, are read from the
 * surrounding scope.
 */
function loopGraph(graph: Graph, scan: Scan, options: EmitterOptions): OnnxGraph {
  const carriedInputs = Object.values(scan.carry);
  const carriedOutputs = graph.outputs.filter((o) => o.name in scan.carry);
  const stackedOutputs = graph.outputs.filter((o) => !(o.name in scan.carry));
  const inputOf = (name: string) => graph.inputs.find((p) => p.name === name) as Graph["inputs"][number];
  const emitter = new Emitter(graph, options);
  const isCarried = (name: string) => carriedInputs.includes(name);
  for (const { name, tensor } of graph.inputs) {
    if (scan.sequences?.includes(name)) continue;
    emitter.bind(tensor, isCarried(name) ? `${name}:state` : inputName(graph, name));
  }
  const invariant = invariantsOf(graph, scan);
  const before = emitter.emitFirst((tensor) => invariant.has(tensor));
  for (const { name, tensor } of graph.inputs) {
    if (!scan.sequences?.includes(name)) continue;
    emitter.bind(tensor, emitter.emit("Gather", [inputName(graph, name), "step:index"]));
  }
  const results = emitter.emitGraph();
  const byOutput = new Map(graph.outputs.map((o, i) => [o.name, results[i]]));
  const ordered = [...carriedOutputs, ...stackedOutputs];
  const bodyNames = ordered.map((o) => `${o.name}:next`);
  const body: OnnxGraph = {
    name: "body",
    inputs: [
      { name: "step:index", dtype: "int64", shape: [] },
      { name: "loop:going", dtype: "bool", shape: [] },
      ...carriedOutputs.map((o) =>
        valueInfo(`${scan.carry[o.name]}:state`, inputOf(scan.carry[o.name]).tensor),
      ),
    ],
    outputs: [
      { name: "loop:going:next", dtype: "bool", shape: [] },
      ...ordered.map((o, i) => valueInfo(bodyNames[i], o.tensor)),
    ],
    initializers: [],
    nodes: [
      { opType: "Identity", inputs: ["loop:going"], outputs: ["loop:going:next"], attributes: {} },
      ...nameResults(
        emitter.nodes,
        ordered.map((o) => byOutput.get(o.name) as string),
        bodyNames,
      ),
    ],
  };
  const loop: OnnxNode = {
    opType: "Loop",
    inputs: [stepsInput, "", ...carriedOutputs.map((o) => inputName(graph, scan.carry[o.name]))],
    outputs: ordered.map((o) => o.name),
    attributes: { body: graphAttribute(body) },
  };
  return {
    name: "scan",
    inputs: [
      { name: stepsInput, dtype: "int64", shape: [] },
      ...graph.inputs.map(({ name, tensor }) =>
        valueInfo(inputName(graph, name), tensor, ...(scan.sequences?.includes(name) ? ["steps"] : [])),
      ),
    ],
    outputs: ordered.map((o) =>
      o.name in scan.carry ? valueInfo(o.name, o.tensor) : valueInfo(o.name, o.tensor, "steps"),
    ),
    initializers: emitter.initializers,
    nodes: [...before, loop],
  };
}
