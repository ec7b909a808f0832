import { mapValues } from "es-toolkit";
import { astype, dtypeOf, type NdArray } from "isoloss";
import { balanced } from "isoloss/moves";
import { formatNumber } from "../../experiments/results/format-number.js";
import { type Columns, tableOf } from "../../experiments/results/table.js";
import { dataHelp } from "../../model/data-options.js";
import type { DiscoveryOfModel, StoppingOperator } from "../../model/discovery.js";
import type { PageParts } from "../../model/page.js";
import { type MovedFile, writeMoved } from "../../model/write-moved.js";
import type { Written } from "../../model/write-prepared.js";
import { choice, flag, type Values } from "../../option-rows.js";
import { htmlTable } from "../../run/report-html.js";
import type { Result } from "../command.js";
import { groupsText, type ImbalanceFigures, imbalanceFigures } from "./imbalance.js";
import { moving } from "./options.js";

const options = {
  by: choice(
    "<measure>",
    "norm: the least sum of squares; range: equal largest weights, for int8",
    ["norm", "range"],
    "norm",
  ),
  powersOfTwo: flag("round factors to powers of 2, by which floats are multiplied exactly"),
  ...moving("the groups of units and their weights"),
};

type Settings = Values<typeof options>;

const help = `It pays before what is not invariant under scalings: training from a start that is badly scaled, int8 with one scale for a
tensor, pruning by magnitude. By norm, linear maps such as those of attention heads are balanced, too. By range,
units whose weights are below 1/256 of their bias stay. With --powers-of-two, scalings alone, and results are the same in every
bit where nothing over- or underflows and the same kernels run. The bounds of Clip move with the weights: where they do, a Relu
and a Min with a bound for each channel take the place of the Clip, for which ONNX Runtime may choose other kernels: its default
session has given results apart by 4e-7, and the same bits at the optimization level "extended" and below, where it changes no
layout. Operators at which scalings end are named. Before the file is written, the new model is compared with the old one.

${dataHelp}

The document of --json: file, out, bytes, largest (difference), inFloat64 (null: not needed), by, powersOfTwo, changed (tensors),
lifted (whether bounds moved), stops [{operator, nodes}], before and after (as of isoloss model imbalance), ranges [{parameter, before, after}].

Example:
  isoloss model balance model.onnx --by range --out balanced.onnx`;

/** The document of `isoloss model balance --json`. */
export interface BalancedModel extends Written {
  /** `norm` or `range`. */
  readonly by: "norm" | "range";
  readonly powersOfTwo: boolean;
  /** Number of tensors that were scaled. */
  readonly changed: number;
  /** Whether the new file has bounds of channels in the place of those of Clip, Max and Min. */
  readonly lifted: boolean;
  /** Operators at which scalings end. */
  readonly stops: readonly StoppingOperator[];
  /** Of the file before. */
  readonly before: ImbalanceFigures;
  /** Of the new file. */
  readonly after: ImbalanceFigures;
  /** The weights with the largest ranges, before or after. */
  readonly ranges: readonly WeightRange[];
}

/** Largest magnitude of a parameter. */
interface WeightRange {
  readonly parameter: string;
  /** Its largest magnitude. */
  readonly before: number;
  readonly after: number;
}

const LARGEST = 8;

const columns: Columns<WeightRange> = [
  ["largest weights", ({ parameter }) => parameter],
  ["before", ({ before }) => formatNumber(before, 3)],
  ["after", ({ after }) => formatNumber(after, 3)],
];

/** `isoloss model balance`: the same function with balanced weights. */
async function run(path: string, settings: Settings): Promise<Result> {
  const { by, powersOfTwo, out } = settings;
  const moved = await writeMoved(path, settings, (from) => balancedWeights(from, { by, powersOfTwo }));
  const { discovery, params, changed, isLifted, written, checked } = moved;
  const document: BalancedModel = {
    ...written,
    by,
    powersOfTwo,
    changed: Object.keys(changed).length,
    lifted: isLifted,
    stops: discovery.stops(),
    before: imbalanceFigures(discovery),
    after: imbalanceFigures(discovery, params),
    ranges: rangesOf(discovery, params),
  };
  const { before, after, stops, ranges } = document;
  const bounds = isLifted
    ? "Bounds of Clip, Max and Min became numbers of channels, which move with the weights. "
    : "";
  const text =
    document.changed === 0
      ? [`There was nothing to change: wrote ${out} as it was.`]
      : [
          tableOf(columns, ranges),
          `before: ${before.advice}`,
          `after: ${after.advice}`,
          `Wrote ${out}. ${bounds}${checked}`,
        ];
  return {
    document,
    text: [groupsText(before, stops), ...text],
    page: (parts) => pageOf(document, moved, { ...parts, out }),
  };
}

export const balance = { options, help, run };

/** A factor by which bounds are too small to count while the weights are balanced, which they follow. */
const HIDDEN = 2 ** -100;

async function balancedWeights(
  { model, found, bounds }: DiscoveryOfModel,
  options: Pick<Settings, "by" | "powersOfTwo">,
): Promise<DiscoveryOfModel["model"]["params"]> {
  // Of one axis, as biases are: arrays of more count as weights in ranges, and where all others are 0 even a small one would.
  const times = (array: NdArray, factor: number, shape: readonly number[]): NdArray => ({
    shape,
    data: (astype(array, "float64").data as Float64Array).map((v) => factor * v),
  });
  const hidden = mapValues(model.params, (array, name) =>
    bounds.has(name) ? times(array, HIDDEN, [array.data.length]) : array,
  );
  const scalings = found.scalings.map((generator) => ({
    ...generator,
    axes: generator.axes.map((leg) =>
      leg.part && bounds.has(leg.path) ? { ...leg, part: { ...leg.part, axis: 0 } } : leg,
    ),
  }));
  const moved = await balanced(hidden, { ...found, scalings }, options);
  return mapValues(moved, (array, name) => {
    const { [name]: given } = model.params;
    return bounds.has(name) ? astype(times(array, 1 / HIDDEN, given.shape), dtypeOf(given)) : array;
  });
}

function rangesOf(
  { model, bounds }: DiscoveryOfModel,
  params: DiscoveryOfModel["model"]["params"],
): WeightRange[] {
  const weights = Object.keys(model.params).filter((name) => !bounds.has(name));
  const ranges = weights.map((parameter) => ({
    parameter,
    before: rangeOf(model.params[parameter]),
    after: rangeOf(params[parameter]),
  }));
  const largest = ({ before, after }: WeightRange) => Math.max(before, after);
  return ranges.sort((a, b) => largest(b) - largest(a)).slice(0, LARGEST);
}

const rangeOf = ({ data }: NdArray): number =>
  (data as Float64Array).reduce((a, v) => Math.max(a, Math.abs(v)), 0);

type What = readonly [name: string, value: (figures: ImbalanceFigures) => number | null];

const measures: readonly What[] = [
  ["largest factor of a group", ({ factor }) => factor],
  ["largest sigma of a group", ({ sigma }) => sigma],
  ["bits lost with one scale for a tensor", ({ lostBits }) => lostBits?.now ?? null],
  ["weights above the range of float16", ({ float16 }) => float16.now.overflows],
  ["weights below it", ({ float16 }) => float16.now.subnormals],
];

function pageOf(
  { by, changed, before, after }: BalancedModel,
  { file, bytes, discovery: { sizes }, checked }: MovedFile,
  { weightsSection, unitsSection, out }: PageParts & { readonly out: string },
) {
  const number = (value: number | null) => (value === null ? "not measured" : formatNumber(value, 3));
  return {
    title: `${file.path}, balanced`,
    conclusion:
      changed === 0 ? "There was nothing to change." : `Written to ${out}: balanced by ${by}. ${checked}`,
    sections: [
      {
        heading: "Imbalance",
        text: `Before: ${before.advice}\n\nAfter: ${after.advice}`,
        tables: [
          htmlTable({
            columns: ["measure", "before", "after"],
            rows: measures.map(([name, of]) => [name, number(of(before)), number(of(after))]),
          }),
          htmlTable({
            caption:
              "Factor: by how much balancing would still scale the units of a group, all alike; sigma: how differently",
            columns: ["weights", "units", "factor before", "factor after", "sigma before", "sigma after"],
            rows: before.groups.map(({ parameters, size, factor, sigma }, i) => [
              ...[parameters.join(", "), size],
              ...[number(factor), number(after.groups[i].factor)],
              ...[number(sigma), number(after.groups[i].sigma)],
            ]),
          }),
        ],
      },
      ...weightsSection(file.bytes, bytes, "What the model computes is the same before and after."),
      unitsSection(file, sizes, {
        kinds: ["scaling", "linear"],
        text: "What these groups do to the weights keeps what the model computes.",
      }),
    ],
  };
}
