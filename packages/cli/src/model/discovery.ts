// The symmetries of an ONNX model's parameters, found in its graph.
import { OptionError, spec, trace } from "isoloss";
import { fromOnnx, type ImportedModel } from "isoloss/onnx";
import { analyze, type Discovery } from "isoloss/symmetry";
import { oneOf } from "../config/nearest.js";
import { type ModelFile, namingFile } from "./read-model.js";
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
}

/** Finds the symmetries of a model's outputs, as a function of its parameters, on all inputs. */
export function discoveryOf(
  { path, bytes }: ModelFile,
  { sizes: given, outputs = [] }: DiscoverySettings,
): DiscoveryOfModel {
  const whole = namingFile(path, () => fromOnnx(bytes));
  const unknown = outputs.find((name) => !whole.outputs.includes(name));
  if (unknown !== undefined) throw new OptionError(`--output must be ${oneOf(unknown, whole.outputs)}`);
  const model = outputs.length === 0 ? whole : fromOnnx(bytes, { outputs });
  const sizes = sizesOf(model.inputs, given);
  const shapes = shapesOf(model.inputs, sizes);
  const x = Object.fromEntries(model.inputs.map(({ name, dtype }) => [name, spec(shapes[name], dtype)]));
  const { inputs, outputs: results } = tracing(path, sizes, () =>
    trace((at) => model.apply(at.p, at.x), { p: model.params, x }),
  ).graph;
  const named = inputs.map(({ name, tensor }) => ({ name: name.replace(/^p\./, ""), tensor }));
  const graph = { inputs: named, outputs: results };
  return { model, found: analyze(graph, Object.keys(model.params)), sizes };
}
