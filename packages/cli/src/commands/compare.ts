import { relative, resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { mean, uniq } from "es-toolkit";
import { OptionError } from "isoloss";
import { pairedRatio, type RatioSummary, type Summary, summarize } from "isoloss/internal";
import { resultName } from "isoloss/metrics";
import { loadAllStored, type StoredResult } from "../experiments/jobs/stored.js";
import { formatDuration, formatNumber } from "../experiments/results/format-number.js";
import { finalLoss, finalLossMetric } from "../experiments/results/loss-curve.js";
import { byVariant, meanText } from "../experiments/results/summary.js";
import { type Columns, tableOf } from "../experiments/results/table.js";
import { arrival, ratioText } from "../experiments/results/to-target.js";
import { json, type Values, value } from "../option-rows.js";
import { finiteNumber } from "../parse.js";
import type { Result } from "./command.js";
import { writeRunFigures } from "./plot.js";

const options = {
  target: value(
    "<loss>",
    "the loss to reach; default the mean final loss of the first variant",
    finiteNumber,
  ),
  out: value("<dir>", "folder for the figures, against steps and against seconds; default none"),
  json: json("one JSON document on stdout instead of the table"),
};

type Settings = Values<typeof options>;

const help = `Runs are directories, as isoloss run makes them. Those of one variant make a group; the others are compared with the first.
Losses of mini-batches are compared as means over a twentieth of the run.

The document of --json: target, groups [{name, seeds, finalLoss, reached, steps, seconds, stepsRatio}], figures; a
summary is {n, mean, std, min, max, interval}, a ratio {n, ratio, interval} with a 95 % interval.

Example:
  isoloss compare runs/regression-gd-plain-* runs/regression-gd-exact-* --out out`;

/** The runs of one variant. */
export interface ComparedGroup {
  /** Of the variant. */
  readonly name: string;
  readonly seeds: readonly number[];
  readonly finalLoss: Summary | null;
  /** How many runs reached the target. */
  readonly reached: number;
  /** To the target, of the runs that reached it. */
  readonly steps: Summary | null;
  /** To the target, of those. */
  readonly seconds: Summary | null;
  /**
   * Steps of the first group / those of this one, over the seeds with which both reached it. Not seconds: the first run of a process
   * takes long to start.
   */
  readonly stepsRatio: RatioSummary | null;
}

export interface CompareDocument {
  /** The loss to reach. */
  readonly target: number;
  /** Runs of one variant each. */
  readonly groups: readonly ComparedGroup[];
  /** Paths; empty without `--out`. */
  readonly figures: readonly string[];
}

/** `isoloss compare`: compares runs; those of one variant make a group. */
async function run(paths: readonly string[], { target: given, out }: Settings): Promise<Result> {
  const runs = await loadAllStored(paths);
  const groups = [...byVariant(runs)] as [string, StoredResult[]][];
  const [[firstName, first]] = groups;
  const target = given ?? mean(first.flatMap((r) => finalLoss(r) ?? []));
  if (Number.isNaN(target)) {
    throw new OptionError(`No run of ${firstName} has a final loss to reach: give one with --target.`);
  }
  for (const [name, group] of groups) {
    const apart = differing(first[0])(group[0]).filter((key) => taskKeys.includes(key));
    if (apart.length > 0) {
      process.stderr.write(
        `isoloss: ${name} differs from ${firstName} in ${apart.join(", ")}: their losses may measure different things.\n`,
      );
    }
    const keys = [...new Set(group.flatMap(differing(group[0])))];
    const seeds = group.map(({ seed }) => seed);
    const repeated = uniq(seeds.filter((seed, i) => seeds.indexOf(seed) !== i));
    if (keys.length > 0) {
      process.stderr.write(
        `isoloss: the runs of ${name} differ in ${keys.join(", ")}, and count as one group. Name only those with equal settings to compare them.\n`,
      );
    } else if (repeated.length > 0) {
      process.stderr.write(
        `isoloss: ${name} has several runs of seed ${repeated.join(", ")}: such runs are not independent, and its intervals are too narrow. Name one run for each seed.\n`,
      );
    }
  }
  const places = new Map(runs.map((r) => [r, arrival(r, target)]));
  const compared = groups.map(([name, group]): ComparedGroup => {
    const there = group.flatMap((r) => places.get(r) ?? []);
    const last = group.flatMap((r) => finalLoss(r) ?? []);
    return {
      name,
      seeds: group.map((r) => r.seed),
      finalLoss: last.length > 0 ? summarize(last) : null,
      reached: there.length,
      steps: there.length > 0 ? summarize(there.map((p) => p.step)) : null,
      seconds: there.length > 0 ? summarize(there.map((p) => p.seconds)) : null,
      stepsRatio: group === first ? null : stepsRatioOf(first, group, places),
    };
  });
  const figures = out === undefined ? [] : await writeRunFigures(runs, { out: resolve(out) });
  const document: CompareDocument = { target, groups: compared, figures };
  return { document, text: textOf(document, new Map(groups)) };
}

export const compare = { options, help, run };

/** Settings that say what a loss measures. */
const taskKeys = ["problem", "data", "shift", "loss"];

/** The settings in which a run differs from another one. */
const differing =
  (one: StoredResult) =>
  (other: StoredResult): string[] =>
    [...new Set([one, other].flatMap(({ settings }) => Object.keys(settings)))].filter(
      (key) => !isDeepStrictEqual(one.settings[key], other.settings[key]),
    );

function stepsRatioOf(
  first: readonly StoredResult[],
  group: readonly StoredResult[],
  places: ReadonlyMap<StoredResult, ReturnType<typeof arrival>>,
): RatioSummary | null {
  const pairs = first.flatMap((a) => {
    const b = group.find((r) => r.seed === a.seed);
    const [from, to] = [places.get(a), b && places.get(b)];
    return from && to ? [[from.step, to.step]] : [];
  });
  return pairs.length === 0
    ? null
    : pairedRatio(
        pairs.map(([a]) => a),
        pairs.map(([, b]) => b),
      );
}

function textOf(
  { target, groups, figures }: CompareDocument,
  runs: ReadonlyMap<string, readonly StoredResult[]>,
): Result["text"] {
  const spread = (summary: Summary | null, show: (v: number) => string) =>
    summary === null ? "-" : `${show(summary.mean)}${summary.std === null ? "" : ` +- ${show(summary.std)}`}`;
  const columns: Columns<ComparedGroup> = [
    ["", ({ name }) => name],
    ["runs", ({ seeds }) => String(seeds.length)],
    [resultName(finalLossMetric).label, ({ name }) => meanText(runs.get(name) ?? [], finalLoss)],
    [`reached ${formatNumber(target, 4)}`, ({ reached, seeds }) => `${reached} of ${seeds.length}`],
    ["steps", ({ steps }) => spread(steps, (v) => formatNumber(v, 4))],
    ["time", ({ seconds }) => spread(seconds, formatDuration)],
    ["sooner by", ({ stepsRatio }) => ratioText(stepsRatio)],
  ];
  const lines = [
    `"Sooner by": steps of ${groups[0].name} to the target / those of this one, same seeds, with a 95 % interval. A time includes the start of its run, which is long in the first run of a process: isoloss reproduce takes the times of an experiment with rates in turns.`,
    ...(groups.some(({ seeds }) => seeds.length > 1) ? ["+-: standard deviation over seeds"] : []),
    ...figures.map((path) => `Figure: ${relative(process.cwd(), path)}`),
  ];
  return [tableOf(columns, groups), lines.join("\n")];
}
