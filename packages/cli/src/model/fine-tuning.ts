// What `isoloss model finetune` prints.
import { resolve } from "node:path";
import type { FineTuned, FineTuneEpoch } from "isoloss-onnx";
import { formatDuration, formatNumber } from "../experiments/results/format-number.js";
import { groupBy } from "../experiments/results/groups.js";
import { textList, textTable } from "../experiments/results/table.js";
import { finite } from "./measured-change.js";

/** The document of `isoloss model finetune --json`. */
export interface FineTuning {
  readonly file: string;
  /** The new file; null where no epoch was better than the model as it came: none is written then. */
  readonly out: string | null;
  readonly bytes: number | null;
  readonly ended: FineTuned["ended"];
  /** Why the training diverged, or null. */
  readonly problem: string | null;
  /** The epoch whose parameters are in the new file. */
  readonly best: number;
  /** First the model as it came, as epoch 0. */
  readonly epochs: readonly {
    readonly epoch: number;
    readonly trainingLoss: number | null;
    readonly validationLoss: number | null;
    readonly validationAccuracy: number | null;
    readonly seconds: number;
  }[];
  /** On examples that neither trained nor chose the epoch; null without such. */
  readonly test: Readonly<Record<"before" | "best", TestRow>> | null;
  readonly examples: FineTuned["examples"];
  readonly parameters: FineTuned["parameters"];
  /** Names of folders, in the order of the outputs; empty where the data are no folders of classes. */
  readonly classes: readonly string[];
  /** Largest differences of outputs by putting batch normalizations back, and by folding them again. */
  readonly differences: FineTuned["differences"];
  readonly report: FineTuned["restored"];
}

interface TestRow {
  readonly loss: number | null;
  readonly accuracy: number | null;
}

export function fineTuningOf(
  result: FineTuned,
  {
    file,
    out,
    classes = [],
  }: {
    readonly file: string;
    readonly out: string | undefined;
    readonly classes?: readonly string[] | undefined;
  },
): FineTuning {
  const { ended, problem, best, history, test, examples, parameters, differences, restored } = result;
  const rowOf = ({ loss, accuracy }: NonNullable<FineTuned["test"]>["best"]): TestRow => ({
    loss: finite(loss),
    accuracy: finite(accuracy),
  });
  return {
    file: resolve(file),
    out: out === undefined ? null : resolve(out),
    bytes: out === undefined ? null : result.bytes.length,
    ended,
    problem: problem ?? null,
    best: best.epoch,
    epochs: history.map(({ epoch, trainingLoss, validation, seconds }) => ({
      epoch,
      trainingLoss: finite(trainingLoss),
      validationLoss: finite(validation.loss),
      validationAccuracy: finite(validation.accuracy),
      seconds,
    })),
    test: test === undefined ? null : { before: rowOf(test.before), best: rowOf(test.best) },
    examples,
    parameters,
    classes,
    differences,
    report: restored,
  };
}

const percent = (share: number): string => `${formatNumber(100 * share, 3)} %`;

/** An epoch as a line of progress. */
export function epochLine(
  { epoch, trainingLoss, validation, seconds }: FineTuneEpoch,
  epochs: number,
): string {
  const parts = [
    ...(trainingLoss === undefined ? [] : [`training loss ${formatNumber(trainingLoss, 4)}`]),
    `validation loss ${formatNumber(validation.loss, 4)}`,
    ...(validation.accuracy === undefined ? [] : [`accuracy ${percent(validation.accuracy)}`]),
    ...(epoch === 0 ? [] : [formatDuration(seconds)]),
  ];
  return `${epoch === 0 ? "as it came" : `epoch ${epoch} of ${epochs}`}: ${parts.join(", ")}`;
}

/** What was done, for a reader. */
export function fineTuningText(
  document: FineTuning,
  {
    path,
    out,
    isConvolutional,
  }: { readonly path: string; readonly out: string; readonly isConvolutional: boolean },
): string {
  const { classes, report } = document;
  const { columns, rows } = epochTable(document);
  const texts = [
    ...(classes.length === 0
      ? []
      : [`classes\n${textList(classes.map((name, k) => [`${k}`, name] as const))}`]),
    ...(isConvolutional ? leftTexts(report) : []),
    textTable(columns, rows),
    trainedText(document),
    writtenText(document, { path, out }),
  ];
  return texts.join("\n\n");
}

/** Layers that got no batch normalization, a line for each reason. */
function leftTexts(report: FineTuning["report"]): readonly string[] {
  const left = report.filter((row) => !row.changed);
  if (left.length === 0) return [];
  const rows = [...groupBy(left, ({ note }) => note)].map(([note, [{ node, opType }, ...others]]) => {
    return [`${node} (${opType})${others.length === 0 ? "" : ` and ${others.length} more`}`, note] as const;
  });
  return [`layers without a batch normalization\n${textList(rows)}`];
}

/** The first few of some nodes, by name. */
const named = (nodes: FineTuning["report"]): string =>
  `${nodes
    .slice(0, 3)
    .map(({ node }) => node)
    .join(", ")}${nodes.length > 3 ? `, and ${nodes.length - 3} more` : ""}`;

/** What was trained, on what. */
export function trainedText({ examples, parameters, report, differences }: FineTuning): string {
  const frozen = parameters.frozen === 0 ? "" : `, ${parameters.frozen} numbers frozen`;
  const zeros = parameters.zeros === 0 ? "" : ` ${parameters.zeros} zeros of pruned weights stayed zero.`;
  const changed = report.filter((row) => row.changed);
  const largest = formatNumber(Math.max(differences.restored, differences.folded), 2);
  const restored =
    changed.length === 0
      ? ""
      : ` For the training ${changed.length === 1 ? "1 layer" : `${changed.length} layers`} had a batch normalization put in (${named(changed)}), which was folded again: by both no output changed by more than ${largest}, relative to its largest value. If the network was never trained with such, compare with --no-restore, which trains the layers as they are.`;
  return `Trained ${parameters.trained} numbers${frozen} on ${examples.training} examples; ${examples.validation} others chose the epoch.${zeros}${restored}`;
}

/** What the new file is worth on examples that chose nothing, or why that is not known. */
function worthText({ best, epochs, test, examples }: FineTuning): string {
  if (test === null) {
    return best === 0 || epochs.length === 1
      ? ""
      : " The validation examples chose this epoch, so it looks better on them than it is: --test 0.1 holds others out for the report.";
  }
  const text = ({ loss, accuracy }: TestRow) =>
    `loss ${loss === null ? "-" : formatNumber(loss, 4)}${accuracy === null ? "" : `, accuracy ${percent(accuracy)}`}`;
  return ` On ${examples.test} test examples, which chose nothing: ${text(test.before)} as it came${best === 0 ? "" : `; ${text(test.best)} of epoch ${best}`}.`;
}

/** Which epoch was written, or why none. */
export function writtenText(
  document: FineTuning,
  { path, out }: { readonly path: string; readonly out: string },
): string {
  const { ended, best, epochs } = document;
  const worth = worthText(document);
  if (epochs.length === 1) return `No epoch was complete: nothing was written.${worth}`;
  return best === 0
    ? `No epoch was better than ${path} as it came: nothing was written.${worth}`
    : `Wrote ${out}: epoch ${best}, ${ended === "complete" ? "the best" : "the best so far"} by validation loss.${worth}`;
}

/** What was measured before the training and after each epoch. */
export function epochTable({ epochs, best }: FineTuning): {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
} {
  const number = (value: number | null) => (value === null ? "-" : formatNumber(value, 4));
  const hasAccuracy = epochs.some(({ validationAccuracy }) => validationAccuracy !== null);
  return {
    columns: ["epoch", "training loss", "validation loss", ...(hasAccuracy ? ["accuracy"] : []), ""],
    rows: epochs.map(({ epoch, trainingLoss, validationLoss, validationAccuracy }) => [
      epoch === 0 ? "as it came" : `${epoch}`,
      number(trainingLoss),
      number(validationLoss),
      ...(hasAccuracy ? [validationAccuracy === null ? "-" : percent(validationAccuracy)] : []),
      epoch === best ? "best" : "",
    ]),
  };
}
