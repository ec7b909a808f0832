// The symmetries of an ONNX model's parameters, as a document.
import { mapValues, sum } from "es-toolkit";
import { type DiscoverySettings, discoveryOf } from "./discovery.js";
import type { ModelFile } from "./read-model.js";
import type { Sizes } from "./sizes.js";
import { reportsOf, type SymmetryReport } from "./symmetry-reports.js";

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

/** Finds the symmetries of a model's outputs, as a function of its parameters, on all inputs. */
export function symmetriesOfModel(file: ModelFile, settings: DiscoverySettings): SymmetriesOfModel {
  const { model, found, sizes } = discoveryOf(file, settings);
  const names = Object.keys(model.params);
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
    file: file.path,
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
