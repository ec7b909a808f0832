// A file to be converted, with what is known of it: its graph, its scalings, the ranges of its values.
import { isFloat, nodesOf } from "isoloss/internal";
import { type ScalingGenerator, scalesOf } from "isoloss/symmetry";
import type { NamedValues } from "../model-file/compare/random-inputs.js";
import { GraphEditor } from "../model-file/edit/graph-editor.js";
import { imported, type OnnxFile } from "../model-file/edit/onnx-file.js";
import { type TracedFile, tracedFile } from "../model-file/traced-file.js";
import { type ActivationCell, activationOf, cellsOf } from "./descend.js";
import { type Ranges, rangesOf } from "./value-ranges.js";

/** A file of float32 with what is known of its graph. */
export interface ReadSource {
  readonly file: OnnxFile;
  readonly traced: TracedFile;
  /** Names of its values that are floats. */
  readonly floats: ReadonlySet<string>;
  /** Those of them that inputs give or nodes make, in this order. */
  readonly inside: readonly string[];
}

export function readSource(file: OnnxFile, sizes: Readonly<Record<string, number>>): ReadSource {
  const { graph } = file.model;
  const { params } = imported(file);
  // Those of the file as it is: where values inside it are outputs, others might be parameters.
  const isParameter = (name: string) => Object.hasOwn(params, name.replaceAll(":", "_"));
  const traced = tracedFile(
    "toHalf",
    withInnerValues("toHalf", file),
    { sizes, isParameter, epsilons: true, factors: true },
    graph.outputs.map(({ name }) => name),
  );
  const { values, model } = traced;
  const floats = new Set([...values].filter(([, { dtype }]) => isFloat(dtype)).map(([name]) => name));
  const inside = [
    ...model.inputs.filter(({ dtype }) => isFloat(dtype)).map(({ name }) => name),
    ...graph.nodes.flatMap(({ outputs }) => outputs).filter((name) => floats.has(name)),
  ];
  return { file, traced, floats, inside };
}

/** A source with its scalings, and its values on some batches. */
export interface Source extends ReadSource {
  readonly ranges: Ranges;
  /** The exact scalings; none where nothing is to be moved. */
  readonly generators: readonly ScalingGenerator[];
  readonly cells: readonly ActivationCell[];
}

export async function observed(
  source: ReadSource,
  batches: readonly NamedValues[],
  move: boolean,
): Promise<Source> {
  const { file, inside, traced } = source;
  const generators = move ? traced.found.scalings.filter(({ exact }) => exact) : [];
  const inGraph = new Set(nodesOf(traced.graph));
  const known = new Set(inside);
  const named = [...traced.values].filter(([name, tensor]) => known.has(name) && inGraph.has(tensor));
  const scales = scalesOf(
    traced.graph,
    generators,
    named.map(([, tensor]) => tensor),
  );
  const activations = new Map(
    named.flatMap(([name, tensor], i) => {
      const own = activationOf(tensor, scales[i]);
      return own === undefined ? [] : [[name, own] as const];
    }),
  );
  const ranges = await rangesOf(file, inside, batches, activations);
  return { ...source, ranges, generators, cells: [...activations.values()].flatMap(cellsOf) };
}

/** The file with the values that nodes read of one another as outputs, too. */
export function withInnerValues(op: string, file: OnnxFile): OnnxFile {
  const editor = new GraphEditor(op, file);
  for (const { opType, outputs } of editor.nodes) {
    if (opType === "Constant" || opType.includes("Sequence")) continue;
    for (const name of outputs) {
      if (name !== "" && editor.uses.isRead(name)) editor.addOutput(name);
    }
  }
  return editor.finish();
}
