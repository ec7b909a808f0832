// The symmetries of an ONNX model's parameters.
import { sum } from "es-toolkit";
import { describeDiscovery, type GroupDescription } from "isoloss/symmetry";
import type { ModelFile } from "../formats/read-model.js";
import { type DiscoverySettings, discoveryOf, type StoppingOperator } from "./discovery.js";
import type { Sizes } from "./sizes.js";

export interface FoundInModel {
  readonly file: string;
  /** Results that are kept. */
  readonly outputs: readonly string[];
  /** Sizes of open axes with which the model was traced. */
  readonly sizes: Sizes;
  readonly parameters: { readonly tensors: number; readonly numbers: number };
  /** Parameters that discrete groups alone act on. */
  readonly discreteOnly: readonly string[];
  /** Parameters that no group acts on. */
  readonly unreached: readonly string[];
  /** Operators at which scalings end. */
  readonly stops: readonly StoppingOperator[];
  readonly groups: readonly GroupDescription[];
  /** What all groups come to, in a sentence. */
  readonly total: string;
  /** Why spaces cannot be rotated, a sentence each, with the weights that prevent it. */
  readonly blocked: readonly string[];
}

/** Finds the symmetries of a model's outputs, as a function of its parameters, on all inputs. */
export function symmetriesOfModel(file: ModelFile, settings: DiscoverySettings): FoundInModel {
  const { model, found, sizes, bounds, stops } = discoveryOf(file, settings);
  // Of the file: bounds that count as parameters are named in the groups that move them.
  const own = Object.entries(model.params).filter(([name]) => !bounds.has(name));
  const names = own.map(([name]) => name);
  const { groups, total, blocked } = describeDiscovery(model.params, found);
  const onAllData = groups.filter(({ kind }) => kind !== "bijection");
  const reached = (list: readonly GroupDescription[]) =>
    new Set(list.flatMap(({ axes }) => axes.map((axis) => axis.path)));
  const byAny = reached(onAllData);
  const byContinuous = reached(onAllData.filter(({ degreesOfFreedom }) => degreesOfFreedom !== undefined));
  return {
    file: file.path,
    outputs: model.outputs,
    sizes,
    parameters: {
      tensors: names.length,
      numbers: sum(own.map(([, { data }]) => data.length)),
    },
    groups,
    total,
    blocked,
    discreteOnly: names.filter((name) => byAny.has(name) && !byContinuous.has(name)),
    unreached: names.filter((name) => !byAny.has(name)),
    stops: stops(),
  };
}
