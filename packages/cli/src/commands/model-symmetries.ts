import { resolve } from "node:path";
import { sum } from "es-toolkit";
import type { GroupDescription } from "isoloss/symmetry";
import { groupBy } from "../experiments/results/groups.js";
import { textList } from "../experiments/results/table.js";
import { stopsAdvice } from "../model/discovery.js";
import { readModelFile } from "../model/read-model.js";
import { type Sizes, sizesText } from "../model/sizes.js";
import { type FoundInModel, type SymmetriesOfModel, symmetriesOfModel } from "../model/symmetries.js";
import { reportOf } from "../model/symmetry-reports.js";
import { colors } from "../terminal.js";

export interface SymmetriesOptions {
  readonly size: Sizes;
  readonly output: readonly string[];
  readonly json: boolean;
}

/** `isoloss model symmetries`: which changes of the weights keep what a model computes. */
export async function symmetries(path: string, { size, output, json }: SymmetriesOptions): Promise<void> {
  const found = symmetriesOfModel(await readModelFile(path), { sizes: size, outputs: output });
  if (json) {
    const { groups, total: _, discreteOnly, unreached, stops, ...model } = found;
    const document: SymmetriesOfModel = {
      ...model,
      file: resolve(path),
      symmetries: groups.map(reportOf),
      discreteOnly,
      unreached,
      stops,
    };
    process.stdout.write(`${JSON.stringify(document)}\n`);
    return;
  }
  process.stdout.write(`${foundText(found)}\n`);
}

function foundText(found: FoundInModel): string {
  const { file, outputs, sizes, parameters, groups: all, total, discreteOnly, unreached, stops } = found;
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
    ...(named.length === 0 ? [] : [textList(named, "")]),
    ...(stops.length === 0 ? [] : [stopsAdvice(stops)]),
  ].join("\n\n");
}

const nothingText = (tensors: number): string =>
  tensors === 0
    ? "The model has no weights of its own: its file holds no array of floats that an operator computes with."
    : "No symmetry was found.";

/** How many groups there are, and of which dimension. */
function countsText(list: readonly GroupDescription[]): string {
  const count = list.length === 1 ? "1 group" : `${list.length} groups`;
  const dimensions = list.flatMap(({ degreesOfFreedom }) => degreesOfFreedom ?? []);
  if (dimensions.length === 0) return `${count}, discrete`;
  const freedom = sum(dimensions);
  return `${count}, ${freedom.toLocaleString("en-US")} ${freedom === 1 ? "degree" : "degrees"} of freedom`;
}
