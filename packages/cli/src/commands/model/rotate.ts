import type { NdArray } from "isoloss";
import { canTurn, rotated } from "isoloss/moves";
import { describeDiscovery } from "isoloss/symmetry";
import { formatNumber } from "../../experiments/results/format-number.js";
import { type Columns, firstOf, tableOf, tableText } from "../../experiments/results/table.js";
import { dataHelp } from "../../model/data-options.js";
import { writeMoved } from "../../model/write-moved.js";
import type { Written } from "../../model/write-prepared.js";
import { choice, type Values, value } from "../../option-rows.js";
import { seedNumber } from "../../parse.js";
import { htmlTable } from "../../run/report-html.js";
import type { Result } from "../command.js";
import { moving } from "./options.js";

const options = {
  by: choice(
    "<rotation>",
    "hadamard: all entries of one size; random: any rotation; descended: the former, then lowest peaks",
    ["hadamard", "random", "descended"],
    "hadamard",
  ),
  seed: value("<n>", "of signs and random rotations", seedNumber, 0),
  ...moving("the spaces and their weights"),
};

type Settings = Values<typeof options>;

const help = `A few weights that are much larger than the others set the steps in which all of a tensor are rounded. Rotations spread them over
a whole space. Weights before the space turn by R, those behind it by R', and the model computes the same. Where no weight
stands out, as in small transformers, hadamard and random rotations make rounding worse by about a decibel, and descended ones better by as
much: measure it with isoloss model quantize --rotate, which tries descended rotations beside the weights as they are.

Spaces are those of attention heads, linear bottlenecks, and residual streams that only normalizations read; their gains move into
the layers behind them first. Where gains keep a stream from turning, isoloss model symmetries names them. Hadamard matrices exist for sizes 1, 12, 20, 28 and others times powers of 2; other sizes get random
rotations. Batch normalizations stand between layers: fold them first. Before the file is written, the new model is compared with
the old one.

${dataHelp}

The document of --json: file, out, bytes, largest (difference), inFloat64 (null: not needed), by, seed, spaces [{kind, size,
copies, parameters}], weights [{parameter, before, after}] (largest magnitude relative to the root mean square).

Example:
  isoloss model rotate model.onnx --by descended --out rotated.onnx`;

/** The document of `isoloss model rotate --json`. */
export interface RotatedModel extends Written {
  /** `hadamard`, `random` or `descended`. */
  readonly by: Settings["by"];
  readonly seed: number;
  /** The spaces that were turned. */
  readonly spaces: readonly RotatedSpace[];
  /** Each weight that was turned. */
  readonly weights: readonly PeakOfWeight[];
}

interface RotatedSpace {
  /** `linear`: any linear map of it cancels; `orthogonal`: rotations alone. */
  readonly kind: "linear" | "orthogonal";
  readonly size: number;
  /** How many spaces of this size there are, such as heads. */
  readonly copies: number;
  /** That turn. */
  readonly parameters: readonly string[];
}

/** The largest magnitude of a parameter, relative to the root of its mean square, which no rotation changes. */
interface PeakOfWeight {
  readonly parameter: string;
  /** Its largest magnitude. */
  readonly before: number;
  readonly after: number;
}

const spaceColumns: Columns<RotatedSpace> = [
  ["space", ({ parameters }) => firstOf(parameters)],
  ["size", ({ size, copies }) => (copies === 1 ? `${size}` : `${copies} x ${size}`)],
  ["kind", ({ kind }) => kind],
];

const peakColumns: Columns<PeakOfWeight> = [
  ["largest weight / root mean square", ({ parameter }) => parameter],
  ["before", ({ before }) => formatNumber(before, 3)],
  ["after", ({ after }) => formatNumber(after, 3)],
];

/** Weights in the text. */
const SHOWN = 12;

/** `isoloss model rotate`: the same function with rotated hidden spaces. */
async function run(path: string, settings: Settings): Promise<Result> {
  const { by, seed, out } = settings;
  const { discovery, changed, written, checked, file, bytes } = await writeMoved(
    path,
    settings,
    ({ model, found }) => rotated(model.params, found, { by, seed }),
  );
  const { model, found, sizes } = discovery;
  const all = [...found.linear, ...found.orthogonal];
  const spaces = all
    .filter((space) => canTurn(model.params, space))
    .map(({ kind, size, copies, axes }) => ({
      kind,
      size,
      copies,
      parameters: [...new Set(axes.map(({ path: name }) => name))],
    }));
  const { blocked } = describeDiscovery(model.params, found);
  const reason = [
    ...(all.length > 0 ? ["Each space is seen through a gain of 0, or is a plane of rotary positions."] : []),
    ...(all.length + blocked.length === 0 ? ["No space is touched by linear maps or lengths alone."] : []),
    ...blocked,
  ].join(" ");
  const weights = Object.entries(changed)
    .filter(([, { shape }]) => shape.length > 1)
    .map(([parameter, array]) => ({
      parameter,
      before: peakOf(model.params[parameter]),
      after: peakOf(array),
    }))
    .sort((a, b) => b.before - a.before);
  const document: RotatedModel = { ...written, by, seed, spaces, weights };
  const others = weights.length > SHOWN ? `\n.. and ${weights.length - SHOWN} more weights` : "";
  return {
    document,
    text:
      spaces.length === 0
        ? [`No space can be turned. ${reason} Wrote ${out} as it was.`]
        : [
            tableOf(spaceColumns, spaces),
            `${tableText(peakColumns, weights.slice(0, SHOWN))}${others}`,
            `Wrote ${out}. ${checked}`,
          ],
    page: ({ weightsSection, unitsSection }) => ({
      title: `${file.path}, rotated`,
      conclusion:
        spaces.length === 0
          ? `No space can be turned. ${reason}`
          : `Written to ${out}: rotations, ${by}. ${checked}`,
      sections: [
        {
          heading: "Peaks",
          text: "The largest magnitude of a weight, relative to the root of its mean square. No rotation changes the latter, so that with one scale for a tensor the noise of rounding is in proportion to the square of this number.",
          tables: [htmlTable(tableOf(peakColumns, weights)), htmlTable(tableOf(spaceColumns, spaces))],
        },
        ...weightsSection(file.bytes, bytes, "What the model computes is the same before and after."),
        unitsSection(file, sizes, {
          kinds: ["linear", "orthogonal"],
          text: "A rotation of such a space keeps what the model computes.",
        }),
      ],
    }),
  };
}

export const rotate = { options, help, run };

/** The largest magnitude, relative to the root of the mean square; 0 of zeros alone. */
function peakOf({ data }: NdArray): number {
  let [largest, squares] = [0, 0];
  for (const v of data as Float64Array) {
    largest = Math.max(largest, Math.abs(v));
    squares += v * v;
  }
  return squares === 0 ? 0 : largest / Math.sqrt(squares / data.length);
}
