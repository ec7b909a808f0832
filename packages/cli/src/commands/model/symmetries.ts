import { resolve } from "node:path";
import { sum } from "es-toolkit";
import { groupBy } from "isoloss/internal";
import type { AxisDescription, GroupDescription } from "isoloss/symmetry";
import { countText } from "../../experiments/results/format-number.js";
import { textList } from "../../experiments/results/table.js";
import { readModelFile } from "../../formats/read-model.js";
import { stopsAdvice } from "../../model/discovery.js";
import { sizeOption, sizesText } from "../../model/sizes.js";
import { type FoundInModel, symmetriesOfModel } from "../../model/symmetries.js";
import { json, texts, type Values } from "../../option-rows.js";
import { colors } from "../../terminal.js";
import type { Result } from "../command.js";

const options = {
  output: texts("<name>", "a result that must be kept; may be given several times (default all)"),
  size: sizeOption,
  json: json(),
};

const help = `Each line is a group: which units, and what happens to which axes of which weights. Every symmetry that is printed is
valid; others may exist. Kinds overlap: linear maps include scalings, signs and permutations, which are listed, too.
The bounds of Clip, such as that of ReLU6, count as weights, one for each channel. Operators at which scalings end are named, such
as a batch normalization with running statistics.

The document of --json: file, outputs, sizes, parameters {tensors, numbers}, symmetries [{kind, size, copies,
degreesOfFreedom (null: discrete), exact, activation, axes [{parameter, shape, part, view, axis, copyAxes, gains, attributes}]}],
blocked (why spaces cannot be rotated), discreteOnly, unreached (names of parameters), stops [{operator, nodes}].

Examples:
  isoloss model symmetries model.onnx
  isoloss model symmetries model.onnx --output logits --size batch=2 --json`;

/** The document of `isoloss model symmetries --json`. */
export interface SymmetriesOfModel extends Omit<FoundInModel, "groups" | "total"> {
  /** That were found; there may be more. */
  readonly symmetries: readonly SymmetryReport[];
}

/** An axis of a parameter that a group acts on. */
interface AxisReport extends Omit<AxisDescription, "path"> {
  /** Its name in the file. */
  readonly parameter: string;
}

/** A group of changes of the parameters that keeps what the model computes. */
interface SymmetryReport extends Pick<GroupDescription, "kind" | "size" | "copies" | "exact" | "activation"> {
  /** Dimension of the group; null for a group that is discrete. */
  readonly degreesOfFreedom: number | null;
  /** What it acts on. */
  readonly axes: readonly AxisReport[];
}

function reportOf(group: GroupDescription): SymmetryReport {
  const { kind, size, copies, degreesOfFreedom = null, exact, activation, axes } = group;
  return {
    kind,
    size,
    copies,
    degreesOfFreedom,
    exact,
    ...(activation === undefined ? {} : { activation }),
    axes: axes.map(({ path, ...axis }) => ({ parameter: path, ...axis })),
  };
}

/** `isoloss model symmetries`: which changes of the weights keep what a model computes. */
async function run(path: string, { size, output }: Values<typeof options>): Promise<Result> {
  const found = symmetriesOfModel(await readModelFile(path), { sizes: size, outputs: output });
  const { groups, total: _, discreteOnly, unreached, stops, ...model } = found;
  const document: SymmetriesOfModel = {
    ...model,
    file: resolve(path),
    symmetries: groups.map(reportOf),
    discreteOnly,
    unreached,
    stops,
  };
  return { document, text: foundText(found) };
}

export const symmetries = { options, help, run };

function foundText(found: FoundInModel): string[] {
  const {
    file,
    outputs,
    sizes,
    parameters,
    groups: all,
    total,
    discreteOnly,
    unreached,
    stops,
    blocked,
  } = found;
  const { bold } = colors();
  const head: readonly (readonly [string, string])[] = [
    ["model", file],
    ["parameters", `${parameters.numbers.toLocaleString("en-US")} numbers in ${parameters.tensors} tensors`],
    ["kept", `${outputs.join(", ")} on all inputs`],
    ...(Object.keys(sizes).length === 0 ? [] : [["traced with", sizesText(sizes)] as const]),
  ];
  const groups = [...groupBy(all, ({ title }) => title)].map(([title, list]) =>
    [bold(`${title} (${countsText(list)})`), textList(list.map(({ units, text }) => [units, text]))].join(
      "\n",
    ),
  );
  const rest: readonly (readonly [string, string])[] = [
    ["discrete groups alone act on", discreteOnly.join(", ")],
    ["no symmetry that was found reaches", unreached.join(", ")],
  ];
  const named = rest.filter(([, names]) => names !== "");
  return [
    textList(head, ""),
    ...(groups.length === 0 ? [nothingText(parameters.tensors)] : [...groups, total]),
    ...blocked,
    ...(named.length === 0 ? [] : [textList(named, "")]),
    ...(stops.length === 0 ? [] : [stopsAdvice(stops)]),
  ];
}

const nothingText = (tensors: number): string =>
  tensors === 0
    ? "The model has no weights of its own: its file holds no array of floats that an operator computes with."
    : "No symmetry was found.";

/** How many groups there are, and of which dimension. */
function countsText(list: readonly GroupDescription[]): string {
  const count = countText(list.length, "group");
  const dimensions = list.flatMap(({ degreesOfFreedom }) => degreesOfFreedom ?? []);
  if (dimensions.length === 0) return `${count}, discrete`;
  const freedom = sum(dimensions);
  return `${count}, ${freedom.toLocaleString("en-US")} ${freedom === 1 ? "degree" : "degrees"} of freedom`;
}
