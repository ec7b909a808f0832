import { countBy, partition, sumBy } from "es-toolkit";
import { groupBy, summarize } from "isoloss/internal";
import { resultName } from "isoloss/metrics";
import type { JobResult } from "../kind.js";
import { countText, formatDuration, formatNumber } from "./format-number.js";
import { finalLoss, finalLossMetric, hasBatches, lossCurve } from "./loss-curve.js";
import { textTable } from "./table.js";

/** Results by their variant, in the order in which they come. */
export const byVariant = (results: readonly JobResult[]): Map<string, JobResult[]> =>
  groupBy(results, ({ variant }) => variant);

/** The mean of a number of runs, for several their standard deviation, and how the runs ended that do not have it. */
export function meanText(
  runs: readonly JobResult[],
  pick: (run: JobResult) => number | null | undefined,
  digits = 5,
): string {
  const [known, lost] = partition(runs, (run) => Number.isFinite(pick(run)));
  const isCompleted = ({ document: { status } }: JobResult) => status === "completed";
  if (known.length === 0 && lost.every(isCompleted)) return "-";
  const cut = countBy(
    known.filter((run) => !isCompleted(run)),
    (run) => run.document.status,
  );
  // Of one that ended as planned: not finite, or not measured.
  const ends = countBy(lost, (run) => (isCompleted(run) ? "without a number" : run.document.status));
  const notes = [
    ...Object.entries(cut).map(([end, count]) => `${count} of ${known.length} ${end}`),
    ...Object.entries(ends).map(([end, count]) => `${count} ${end}`),
  ];
  const values = known.map((run) => pick(run) as number);
  return `${values.length === 0 ? "-" : spreadText(values, digits)}${notes.length > 0 ? ` (${notes.join(", ")})` : ""}`;
}

function spreadText(values: readonly number[], digits: number): string {
  const { mean, std, min, max } = summarize(values);
  return `${formatNumber(mean, digits)}${std === null || min === max ? "" : ` +- ${formatNumber(std, 2)}`}`;
}

/** The rows of {@link summaryTable}, for text and for HTML. */
export function summaryRows(results: readonly JobResult[]): {
  readonly head: string[];
  readonly rows: string[][];
} {
  const groups = [...byVariant(results)];
  const hasTeleports = results.some((r) => r.document.teleports.length > 0);
  // Not of runs side by side.
  const hasTimes = results.some((r) => r.document.wallSeconds !== null);
  const isThere = (name: string) => results.some((r) => typeof r.document.metrics[name] === "number");
  const measured = [
    "best.epoch",
    ...["loss", "accuracy", "rmse"].flatMap((name) => [`validation.${name}`, `test.${name}`]),
  ].filter(isThere);
  // The gradient of the last mini-batch says nothing about the whole data.
  const hasGradient = !results.some(hasBatches);
  const head = [
    "",
    "runs",
    resultName(finalLossMetric).label,
    ...(hasGradient ? ["||g||^2"] : []),
    ...measured.map((name) => resultName(name).label),
    ...(hasTeleports ? ["teleports", "largest drift"] : []),
    ...(hasTimes && hasTeleports ? ["teleport time"] : []),
    ...(hasTimes ? ["time"] : []),
  ];
  const rows = groups.map(([variant, group]) => {
    const teleports = group.flatMap((r) => r.document.teleports);
    const accepted = teleports.filter((t) => t.accepted);
    const drifts = accepted.map((t) => t.drift ?? Number.NaN);
    const spent = sumBy(teleports, (t) => t.seconds ?? 0);
    const wall = sumBy(group, (r) => r.document.wallSeconds ?? 0);
    return [
      variant,
      String(group.length),
      meanText(group, finalLoss),
      ...(hasGradient ? [meanText(group, (r) => r.document.gradNormSq.last, 4)] : []),
      ...measured.map((name) => meanText(group, (r) => r.document.metrics[name], 4)),
      ...(hasTeleports
        ? [
            teleports.length === 0 ? "-" : `${accepted.length} of ${teleports.length}`,
            drifts.length === 0 ? "-" : Math.max(...drifts).toExponential(1),
          ]
        : []),
      ...(hasTimes && hasTeleports
        ? [teleports.length === 0 ? "-" : `${Math.round((100 * spent) / Math.max(wall, 1e-9))} %`]
        : []),
      ...(hasTimes ? [formatDuration(wall / group.length)] : []),
    ];
  });
  return { head, rows: [...rows, ...constantRow(results, { head, measured })] };
}

/** What the mean of the training targets, or the shares of their classes (in accuracy: the commonest), reach on the same rows: a yardstick for the variants. */
function constantRow(
  results: readonly JobResult[],
  { head, measured }: { readonly head: readonly string[]; readonly measured: readonly string[] },
): string[][] {
  const own = results.filter(({ variant }) => variant === results[0].variant);
  const reached = new Map(
    measured.map((name) => {
      const values = own.map(({ document }) => document.metrics[`constant.${name}`]);
      return [resultName(name).label, values.filter((value) => typeof value === "number")];
    }),
  );
  if ([...reached.values()].every((values) => values.length === 0)) return [];
  const what = measured.some((name) => name.endsWith(".accuracy")) ? "the class shares" : "the mean";
  return [
    [
      `predicting ${what}`,
      ...head.slice(1).map((name) => {
        const values = reached.get(name) ?? [];
        return values.length === 0 ? "-" : spreadText(values, 4);
      }),
    ],
  ];
}

/** Compares variants by means and standard deviations over seeds; says where a loss grew, and why a variant accepted no teleport. */
export function summaryTable(results: readonly JobResult[]): string {
  const { head, rows } = summaryRows(results);
  const hasSpread = rows.flat().some((cell) => cell.includes(" +- "));
  return [
    textTable(head, rows),
    ...(hasSpread ? ["+-: standard deviation over seeds"] : []),
    ...growths(results),
    ...refusals(results),
    ...dataNotes(results),
  ].join("\n");
}

/** For variants some of whose losses ended above their beginning, how many and the first of them. */
function growths(results: readonly JobResult[]): string[] {
  return [...byVariant(results)].flatMap(([variant, group]) => {
    const grown = group.flatMap((run) => {
      const { losses, last } = lossCurve(run);
      const first = losses.find((loss) => loss !== null);
      // A kind whose list of losses is no curve has a final loss of its own.
      const isGrown = last !== null && first != null && last > first && finalLoss(run) === last;
      return isGrown ? [`from ${formatNumber(first)} to ${formatNumber(last)} with seed ${run.seed}`] : [];
    });
    return grown.length === 0
      ? []
      : [
          `${variant}: the loss grew in ${grown.length} of ${countText(group.length, "run")}, ${grown[0]}; a smaller learning rate may help`,
        ];
  });
}

/** What is to be known of data of the user's own, and of classes that no run predicts on them. */
export function dataNotes(results: readonly JobResult[]): string[] {
  const [first] = results;
  const countOf = (name: string) => Number(first?.document.metrics[`rows.${name}`] ?? 0);
  const parts = Object.entries({ train: "training", validation: "validation", test: "testing" })
    .map(([name, word]) => ({ rows: countOf(name), word }))
    .filter(({ rows }) => rows > 0);
  const own = first?.settings.testFold ? "; each seed has its own for testing" : "";
  return [
    ...(parts.length === 0
      ? []
      : [`rows of the data: ${parts.map(({ rows, word }) => `${rows} for ${word}`).join(", ")}${own}`]),
    ...(countOf("unlabeled") === 0
      ? []
      : [`rows of the data without a label, which are left out: ${countOf("unlabeled")}`]),
    ...(countOf("copied") === 0
      ? []
      : [
          `held-out rows that are copies of training rows, and tell nothing of other rows: ${countOf("copied")}`,
        ]),
    ...[...byVariant(results)].flatMap(([variant, group]) => unpredictedNotes(variant, group)),
  ];
}

/** Classes that held-out rows have, and that no run of a variant predicts for any of them. */
function unpredictedNotes(variant: string, group: readonly JobResult[]): string[] {
  const completed = group.filter(({ document }) => document.status === "completed");
  return ["validation", "test"].flatMap((part) => {
    const prefix = `unpredicted.${part}.`;
    const rowsOf = (name: string) => completed.map(({ document }) => document.metrics[name]);
    const names = Object.keys(completed[0]?.document.metrics ?? {}).filter(
      (name) =>
        name.startsWith(prefix) &&
        rowsOf(name).every((rows) => typeof rows === "number") &&
        rowsOf(name).some((rows) => rows !== 0),
    );
    if (names.length === 0) return [];
    const shown = names.slice(0, 5).map((name) => JSON.stringify(name.slice(prefix.length)));
    const more = names.length > 5 ? `, and ${names.length - 5} more` : "";
    return [
      `${variant} never predicts ${shown.join(", ")}${more} for ${part} rows, some of which have ${names.length === 1 ? "this class" : "these classes"}`,
    ];
  });
}

/** For variants without an accepted teleport, the commonest reason. */
function refusals(results: readonly JobResult[]): string[] {
  return [...byVariant(results)].flatMap(([variant, group]) => {
    const teleports = group.flatMap((r) => r.document.teleports);
    if (teleports.length === 0 || teleports.some((t) => t.accepted)) return [];
    const byReason = [...groupBy(teleports, (t) => t.reason)];
    const [[reason, { length: count }]] = byReason.sort(([, a], [, b]) => b.length - a.length);
    return [`${variant}: no teleport was accepted, ${count} of ${teleports.length} as: ${reason}`];
  });
}
