// The symmetries of an ONNX model's parameters, found in its graph.
import { OptionError, spec, trace } from "isoloss";
import type { ImportedModel } from "isoloss/onnx";
import { analyze, type Discovery } from "isoloss/symmetry";
import { fromOnnx, liftBounds, modelOperators } from "isoloss-onnx";
import { oneOf } from "../config/nearest.js";
import { countText } from "../experiments/results/format-number.js";
import { type ModelFile, namingFile } from "../formats/read-model.js";
import { type Sizes, shapesOf, sizesOf, tracing } from "./sizes.js";

export interface DiscoverySettings {
  readonly sizes: Sizes;
  /** Results of the model that must be kept; default all. */
  readonly outputs?: readonly string[] | undefined;
}

export interface DiscoveryOfModel {
  readonly model: ImportedModel;
  /** Paths are the names in `model.params`. */
  readonly found: Discovery;
  /** Sizes of open axes with which the model was traced. */
  readonly sizes: Sizes;
  /** The file that was traced: the bounds of Clip, Max and Min are parameters of it, one number a channel; so are epsilons, without axes. */
  readonly lifted: Uint8Array;
  /** Names of these bounds and epsilons. */
  readonly bounds: ReadonlySet<string>;
  /** Finds the nodes, by operator, that end scalings between layers. */
  stops(): readonly StoppingOperator[];
}

export interface StoppingOperator {
  /** With its domain, if that is not the standard. */
  readonly operator: string;
  /** Of it between layers with weights, or with weights. */
  readonly nodes: number;
}

/** Finds the symmetries of a model's outputs, as a function of its parameters, on all inputs. */
export function discoveryOf(
  file: ModelFile,
  { sizes: given, outputs = [] }: DiscoverySettings,
): DiscoveryOfModel {
  const { path, bytes } = file;
  const own = namingFile(path, () => fromOnnx(bytes)).params;
  const lifted = liftBounds(bytes).bytes;
  const whole = fromOnnx(lifted, { epsilons: true });
  const unknown = outputs.find((name) => !whole.outputs.includes(name));
  if (unknown !== undefined) throw new OptionError(`--output must be ${oneOf(unknown, whole.outputs)}`);
  const model = outputs.length === 0 ? whole : fromOnnx(lifted, { epsilons: true, outputs });
  const sizes = sizesOf(model.inputs, given);
  const shapes = shapesOf(model.inputs, sizes);
  const x = Object.fromEntries(model.inputs.map(({ name, dtype }) => [name, spec(shapes[name], dtype)]));
  const { inputs, outputs: results } = tracing(file, sizes, () =>
    trace((at) => model.apply(at.p, at.x), { p: model.params, x }),
  ).graph;
  const named = inputs.map(({ name, tensor }) => ({ name: name.replace(/^p\./, ""), tensor }));
  const graph = { inputs: named, outputs: results };
  const stops = () =>
    modelOperators(lifted, { shapes }).flatMap(({ name: operator, stops: nodes = 0 }) =>
      nodes === 0 ? [] : [{ operator, nodes }],
    );
  const names = Object.keys(model.params);
  const bounds = new Set(names.filter((name) => !Object.hasOwn(own, name)));
  return { model, found: analyze(graph, names), sizes, lifted, bounds, stops };
}

/** Which operators end scalings. */
export function stopsText(stops: readonly StoppingOperator[]): string {
  if (stops.length === 0) {
    return "No single operator stops them. A unit can be scaled only if a later layer with weights can undo it.";
  }
  const names = stops.map(({ operator, nodes }) => `${operator} (${countText(nodes, "node")})`);
  return `Scalings of units end at ${names.join(", ")}.`;
}

/** What to do where batch normalizations end scalings. */
export const foldAdvice =
  "isoloss model fold moves batch normalizations into the layers before them, where it can.";

/** The same, and what to do for more scalings. */
export function stopsAdvice(stops: readonly StoppingOperator[]): string {
  const isUnfolded = stops.some(({ operator }) => operator === "BatchNormalization");
  return `${stopsText(stops)}${isUnfolded ? ` ${foldAdvice}` : ""}`;
}
