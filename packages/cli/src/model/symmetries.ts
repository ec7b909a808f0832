// The symmetries of an ONNX model's parameters, as a document.
import { mapValues, sum } from "es-toolkit";
import { OptionError, spec, trace } from "isoloss";
import { fromOnnx } from "isoloss/onnx";
import { analyze } from "isoloss/symmetry";
import { oneOf } from "../config/nearest.js";
import { type ModelFile, namingFile } from "./read-model.js";
import { type Sizes, shapesOf, sizesOf, tracing } from "./sizes.js";
import { pathOf, reportsOf, type SymmetryReport } from "./symmetry-reports.js";

/** The document of `isoloss model symmetries --json`. */
export interface SymmetriesOfModel {
  readonly file: string;
  readonly outputs: readonly string[];
  /** Sizes of open axes with which the model was traced. */
  readonly sizes: Sizes;
  readonly parameters: { readonly tensors: number; readonly numbers: number };
  readonly symmetries: readonly SymmetryReport[];
  /** Parameters that discrete groups alone act on. */
  readonly discreteOnly: readonly string[];
  /** Parameters that no group acts on. */
  readonly unreached: readonly string[];
}

export interface SymmetriesSettings {
  readonly sizes: Sizes;
  /** Results of the model that must be kept; default all. */
  readonly outputs: readonly string[];
}

/** Finds the symmetries of a model's outputs, as a function of its parameters, on all inputs. */
export function symmetriesOfModel(
  { path, bytes }: ModelFile,
  { sizes: given, outputs }: SymmetriesSettings,
): SymmetriesOfModel {
  const whole = namingFile(path, () => fromOnnx(bytes));
  const unknown = outputs.find((name) => !whole.outputs.includes(name));
  if (unknown !== undefined) throw new OptionError(`--output must be ${oneOf(unknown, whole.outputs)}`);
  const model = outputs.length === 0 ? whole : fromOnnx(bytes, { outputs });
  const sizes = sizesOf(model.inputs, given);
  const shapes = shapesOf(model.inputs, sizes);
  const x = Object.fromEntries(model.inputs.map(({ name, dtype }) => [name, spec(shapes[name], dtype)]));
  const { graph } = tracing(path, sizes, () =>
    trace((at) => model.apply(at.p, at.x), { p: model.params, x }),
  );
  const names = Object.keys(model.params);
  const found = analyze(graph, names.map(pathOf));
  const symmetries = reportsOf(
    found,
    mapValues(model.params, ({ shape }) => shape),
  );
  const onAllData = symmetries.filter(({ kind }) => kind !== "bijection");
  const reached = (list: readonly SymmetryReport[]) =>
    new Set(list.flatMap(({ axes }) => axes.map(({ parameter }) => parameter)));
  const byAny = reached(onAllData);
  const byContinuous = reached(onAllData.filter(({ degreesOfFreedom }) => degreesOfFreedom !== null));
  return {
    file: path,
    outputs: model.outputs,
    sizes,
    parameters: {
      tensors: names.length,
      numbers: sum(Object.values(model.params).map(({ data }) => data.length)),
    },
    symmetries,
    discreteOnly: names.filter((name) => byAny.has(name) && !byContinuous.has(name)),
    unreached: names.filter((name) => !byAny.has(name)),
  };
}
