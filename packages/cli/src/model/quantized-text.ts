// What a quantization came to, as text.
import type { ChoiceRow, Quantized } from "../commands/model-quantize.js";
import { groupBy } from "../experiments/results/groups.js";
import { textList, textTable } from "../experiments/results/table.js";
import { bytesText } from "./bytes-text.js";
import { errorCells, errorColumns } from "./measured-change.js";

/** The table of choices, and what was written. */
export function quantizedText(document: Quantized, file: string, out: string): string {
  const { table, recommended, skipped, bytes, nodes } = document;
  const { columns, rows } = choicesTable(table);
  const texts = [
    textTable(columns, rows),
    ...(nodes.some(({ bits, runs }) => (bits ?? 32) < 32 || runs !== "float") ? [] : [NOTHING]),
    ...(skipped.length === 0 ? [] : [`not tried\n${textList(skipped.map(entryOf))}`]),
    ...leftTexts(nodes),
  ];
  return [
    ...texts,
    ...operandsText(document),
    `Wrote ${out}: ${nameOf(recommended)}, ${bytesText(bytes.after)} instead of the ${bytesText(bytes.before)} of ${file}. ${judgedText(document)}`,
  ].join("\n\n");
}

/** What the kernel of products costs that weights alone do not; empty where it rounds nothing. */
export const operandsText = ({ floatOperandsSqnr: sqnr, judged }: Quantized): readonly string[] =>
  sqnr === null
    ? []
    : [
        `By default ONNX Runtime rounds what products with stored integers read to 8 bits, too (MatMulNBits), and the table counts that. With its session option session.qdq_matmulnbits_accuracy_level at 1 it reads floats, and the written file has ${sqnr.toFixed(1)} dB${judged === null ? "" : " on the examples that did not choose it"}.`,
      ];

const NOTHING =
  "No layer was quantized: in the new file all stays float. Layers are convolutions and products with weights of the file's main graph, not of the branches of an If, and no recurrences.";

/** The table of choices. */
export const choicesTable = (
  table: Quantized["table"],
): { readonly columns: readonly string[]; readonly rows: readonly (readonly string[])[] } => ({
  columns: ["choice", ...errorColumns, "on integers", "size"],
  rows: table.map((row) => [nameOf(row), ...errorCells(row), `${row.integerNodes}`, bytesText(row.bytes)]),
});

/** The examples that chose the file. */
export function chosenOn({ examples: { choosing, calibration, split, random } }: Quantized): string {
  if (random) return `${choosing} random inputs`;
  return split
    ? `${choosing} of the ${calibration} examples, held out for that`
    : `${choosing} held-out examples`;
}

/** Which examples chose the file, and what it is worth on others. */
export function judgedText(document: Quantized): string {
  const { examples, judged, held } = document;
  const chosen = `The table is of ${chosenOn(document)}, which chose the file`;
  if (judged === null) {
    return `${chosen}: it may look better than it is. Give two held-out examples or more to judge it on others.`;
  }
  const [sqnr, agreement] = errorCells(judged);
  const same = judged.agreement === null ? "" : `, same largest ${agreement}`;
  const others = `on the ${examples.heldOut - examples.choosing} others`;
  const broken = `The limit is not held ${others}: give a larger --limit-error for some margin, or more held-out examples.`;
  const hint = examples.random ? " Random inputs say little of real ones: give some by --held-out." : "";
  return `${chosen}; ${others} it has ${sqnr}${same}.${held === false ? ` ${broken}` : ""}${hint}`;
}

export const nameOf = ({ candidate, per, corrected, left, widened }: ChoiceRow): string =>
  [
    `${candidate}, per ${per}`,
    ...(corrected ? ["biases corrected"] : []),
    ...(left.length === 0 ? [] : [`${layers(left.length)} in float`]),
    ...(widened === 0 ? [] : [`${layers(widened)} of 8 bits`]),
  ].join(", ");

const layers = (count: number): string => `${count} ${count === 1 ? "layer" : "layers"}`;

function leftTexts(nodes: Quantized["nodes"]): readonly string[] {
  const left = nodes.filter(({ note }) => note !== null);
  return [...groupBy(left, ({ bits }) => bits)].map(
    ([bits, rows]) =>
      `${bits === 32 ? "in float" : `weights of ${bits} bits`}\n${textList(rows.map(({ node, opType, note }) => [`${node} (${opType})`, note ?? ""]))}`,
  );
}

function entryOf(text: string): readonly [string, string] {
  const [name, ...reason] = text.split(": ");
  return [name, reason.join(": ")];
}
