import { resolve } from "node:path";
import { fromOnnx, type ReducedGroup, type ReducedRank, reduceRank } from "isoloss-onnx";
import { bytesText, countText, formatNumber } from "../../experiments/results/format-number.js";
import { type Columns, firstOf, tableOf, textList } from "../../experiments/results/table.js";
import { readModelFile } from "../../formats/read-model.js";
import { dataHelp } from "../../model/data-options.js";
import {
  cautions,
  changing,
  constantText,
  errorColumns,
  type MeasuredChange,
  measuredChange,
  measuredInputs,
} from "../../model/measured-change.js";
import { writeModelFile } from "../../model/write-prepared.js";
import { type Values, value } from "../../option-rows.js";
import { requireOutputs } from "../../output.js";
import { positiveInteger, positiveShare } from "../../parse.js";
import { withProgress } from "../../progress.js";
import { htmlTable } from "../../run/report-html.js";
import type { Result } from "../command.js";
import { measuring, writing } from "./options.js";

const options = {
  ...writing,
  rank: value("<n>", "largest rank of each space; default what is used", positiveInteger),
  energy: value(
    "<share>",
    "share of the squared singular values that stays in each space, such as 0.99; default all",
    positiveShare,
  ),
  heldOut: value("<path>", "inputs to measure on; default random numbers"),
  ...measuring("the choices, the spaces and their weights"),
};

type Settings = Values<typeof options>;

const help = `Where no activation stands between two layers, a model sees only the product of their weights: between the two factors of
a layer, at a bottleneck, in the queries and keys of an attention head and in its values and outputs. Rank that this
product does not have goes first: the weights get smaller, and the model computes the same to rounding. With --rank or
--energy the product is replaced by the best one of less rank (a truncated singular value decomposition), which changes
what the model computes: the table says how much on the held-out inputs, and the list how far each product is from the old
one. With both, the smaller rank counts; all heads of a layer get the rank of the one that needs most. Train the new model
further. Batch normalizations stand between layers: fold them first.

A space stays, with the reason, where the file states its size elsewhere, such as in a Reshape into heads, or in the Split
of one product into queries, keys and values.

${dataHelp}

The document of --json: file, out, bytes {before, after}, rank and energy (null: not given), measured, table [{choice, numbers,
bytes, sqnr, sqnrInterval, carriedBy, broken, agreement, agreementInterval, largest, constant}], groups [{parameters, size,
copies, rank, error, reason}].

Examples:
  isoloss model low-rank model.onnx --out smaller.onnx
  isoloss model low-rank model.onnx --energy 0.99 --held-out photos --out smaller.onnx`;

/** A file of smaller spaces; null where a number is infinite or was not measured. */
export interface LowRankRow extends MeasuredChange {
  /** What went: rank that is not used, or more. */
  readonly choice: "without unused rank" | "truncated";
  /** Of the parameters. */
  readonly numbers: number;
  readonly bytes: number;
}

/** The document of `isoloss model low-rank --json`. */
export interface LowRankModel {
  /** Paths of the old and the new file, absolute. */
  readonly file: string;
  /** Path of the new file. */
  readonly out: string;
  readonly bytes: { readonly before: number; readonly after: number };
  /** `--rank`. */
  readonly rank: number | null;
  /** `--energy`. */
  readonly energy: number | null;
  /** The inputs of the measurement. */
  readonly measured: string;
  /** The last row is the written file. */
  readonly table: readonly LowRankRow[];
  /** The spaces of the written file. */
  readonly groups: readonly SpaceRow[];
}

interface SpaceRow extends Omit<ReducedGroup, "reason"> {
  /** Why it could not be smaller. */
  readonly reason: string | null;
}

const columns: Columns<LowRankRow> = [
  ["choice", ({ choice }) => choice],
  ...errorColumns,
  ["numbers", ({ numbers }) => `${numbers}`],
  ["size", ({ bytes }) => bytesText(bytes)],
];

const spaceColumns: Columns<SpaceRow> = [
  ["space", ({ parameters }) => firstOf(parameters)],
  ["size", ({ size, copies }) => (copies === 1 ? `${size}` : `${copies} x ${size}`)],
  ["rank", ({ rank }) => `${rank}`],
  ["error of the product", ({ error }) => formatNumber(error, 2)],
];

/** `isoloss model low-rank`: a model without rank that is not used, or with less. */
async function run(path: string, settings: Settings): Promise<Result> {
  const { out, rank, energy, heldOut } = settings;
  const file = await readModelFile(path);
  await requireOutputs(file, settings, [heldOut]);
  const inputs = await measuredInputs(file, settings, heldOut);
  const results: (ReducedRank & { readonly row: LowRankRow })[] = [];
  await withProgress(settings, async (step) => {
    for (const choice of choicesOf(settings)) {
      step(`reducing spaces: ${choice}`);
      const given = choice === "truncated" ? { rank, energy } : {};
      const result = await changing(file, inputs, (sizes) => reduceRank(file.bytes, { ...given, sizes }));
      step(`measuring: ${choice}`);
      const error = await measuredChange(file, result.bytes, inputs);
      const { bytes } = result;
      results.push({ ...result, row: { choice, numbers: numbersIn(bytes), bytes: bytes.length, ...error } });
    }
  });
  const written = results[results.length - 1];
  await writeModelFile(file, out, written.bytes);
  const document: LowRankModel = {
    file: resolve(path),
    out: resolve(out),
    bytes: { before: file.bytes.length, after: written.bytes.length },
    rank: rank ?? null,
    energy: energy ?? null,
    measured: inputs.what,
    table: results.map(({ row }) => row),
    groups: written.groups.map((group) => ({ ...group, reason: group.reason ?? null })),
  };
  const { table, groups } = document;
  const isRandom = inputs.batches === undefined;
  const left = groups.flatMap(({ parameters, reason }) =>
    reason === null ? [] : [[firstOf(parameters), reason] as const],
  );
  return {
    document,
    text:
      groups.length === 0
        ? [
            `No space is touched by linear maps alone: activations and normalizations stand between all layers. Wrote ${out} as it was.`,
          ]
        : [
            tableOf(columns, table),
            tableOf(spaceColumns, groups),
            ...(left.length === 0 ? [] : [`left as they are\n${textList(left)}`]),
            ...cautions(written.row, isRandom),
            `Wrote ${out}: ${summaryText(document, path)}`,
          ],
    page: ({ choicesSection, weightsSection, unitsSection }) => ({
      title: `${file.path} of less rank`,
      conclusion: [
        `Written to ${out}: spaces ${written.row.choice}.`,
        ...constantText(written.row, isRandom),
      ].join(" "),
      lead: summaryText(document, path),
      sections: [
        choicesSection(
          table.map(({ choice: name, sqnr, broken }) => ({ name, sqnr, broken })),
          written.row.choice,
          {
            text: "Rank that no product of weights has is not used: without it the model computes the same to rounding. Same largest: how often the largest output stays at its place.",
            table: tableOf(columns, table),
          },
        ),
        {
          heading: "Spaces",
          text: "A model sees only the product of the weights around a space that no activation touches. Error: the distance of the new product from the old one, relative to its Frobenius norm.",
          tables: [
            htmlTable(tableOf([...spaceColumns, ["why not smaller", ({ reason }) => reason ?? ""]], groups)),
          ],
        },
        ...weightsSection(
          file.bytes,
          written.bytes,
          "Weights around the spaces are factors of the new products.",
        ),
        unitsSection(file, inputs.sizes, {
          kinds: ["linear"],
          text: "Any invertible matrix in such a space keeps what the model computes.",
        }),
      ],
    }),
  };
}

export const lowRank = { options, help, run };

const choicesOf = ({ rank, energy }: Settings): readonly LowRankRow["choice"][] =>
  rank === undefined && energy === undefined ? ["without unused rank"] : ["without unused rank", "truncated"];

const numbersIn = (bytes: Uint8Array): number =>
  Object.values(fromOnnx(bytes).params).reduce((sum, { data }) => sum + data.length, 0);

/** What was written, and where it was measured. */
function summaryText(document: LowRankModel, file: string): string {
  const { groups, table, bytes, measured } = document;
  const smaller = groups.filter((group) => group.rank < group.size).length;
  const spaces = `${smaller} of ${countText(groups.length, "space")} smaller`;
  // A truncation that takes no more than rank that is not used leaves as many numbers.
  const isExact = smaller === 0 || table.every(({ numbers }) => numbers === table[0].numbers);
  const what = isExact
    ? `${smaller === 0 ? "Nothing" : "No rank that is used"} was removed, and it computes the same to rounding`
    : "It computes something else where rank was used";
  return `${spaces}, ${bytesText(bytes.after)} instead of the ${bytesText(bytes.before)} of ${file}. ${what}: the table says how far outputs moved on ${measured}.`;
}
