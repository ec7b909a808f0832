import { relative, resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { mean, uniq } from "es-toolkit";
import { OptionError } from "isoloss";
import { resultName } from "isoloss/metrics";
import { loadAllStored, type StoredResult } from "../experiments/jobs/stored.js";
import { formatDuration, formatNumber } from "../experiments/results/format-number.js";
import { finalLoss, finalLossMetric, firstAtMost, lossCurve } from "../experiments/results/loss-curve.js";
import { byVariant, spreadText } from "../experiments/results/summary.js";
import { textTable } from "../experiments/results/table.js";
import { ratioText } from "../experiments/results/to-target.js";
import { pairedRatio, type RatioSummary, type Summary, summarize } from "../run/statistics.js";
import { writeRunFigures } from "./plot.js";

export interface CompareOptions {
  readonly target?: number;
  readonly out?: string;
  readonly json: boolean;
}

/** The runs of one variant. */
export interface ComparedGroup {
  readonly name: string;
  readonly seeds: readonly number[];
  readonly finalLoss: Summary | null;
  /** How many runs reached the target. */
  readonly reached: number;
  /** To the target, of the runs that reached it. */
  readonly steps: Summary | null;
  readonly seconds: Summary | null;
  /** Seconds of the first group / those of this one, over the seeds with which both reached it. */
  readonly speedUp: RatioSummary | null;
}

export interface CompareDocument {
  readonly target: number;
  readonly groups: readonly ComparedGroup[];
  readonly figures: readonly string[];
}

/** `isoloss compare`: compares runs; those of one variant make a group. */
export async function compare(
  paths: readonly string[],
  { target: given, out, json }: CompareOptions,
): Promise<void> {
  const runs = await loadAllStored(paths);
  const groups = [...byVariant(runs)] as [string, StoredResult[]][];
  const [[firstName, first]] = groups;
  const target = given ?? mean(first.flatMap((r) => finalLoss(r) ?? []));
  if (Number.isNaN(target)) {
    throw new OptionError(`No run of ${firstName} has a final loss to reach: give one with --target.`);
  }
  for (const [name, group] of groups) {
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
  const places = new Map(runs.map((r) => [r, placeOf(r, target)]));
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
      speedUp: group === first ? null : speedUpOf(first, group, places),
    };
  });
  const figures = out === undefined ? [] : await writeRunFigures(runs, { out: resolve(out) });
  const document: CompareDocument = { target, groups: compared, figures };
  process.stdout.write(json ? `${JSON.stringify(document)}\n` : text(document));
}

/** The settings in which a run differs from another one of its variant. */
const differing =
  (one: StoredResult) =>
  (other: StoredResult): string[] =>
    [...new Set([one, other].flatMap(({ settings }) => Object.keys(settings)))].filter(
      (key) => !isDeepStrictEqual(one.settings[key], other.settings[key]),
    );

interface Place {
  readonly step: number;
  readonly seconds: number;
}

/** Where a run's loss first reaches the target. */
function placeOf(run: StoredResult, target: number): Place | undefined {
  const step = firstAtMost(lossCurve(run), target);
  return step === undefined ? undefined : { step, seconds: run.seconds[step] };
}

function speedUpOf(
  first: readonly StoredResult[],
  group: readonly StoredResult[],
  places: ReadonlyMap<StoredResult, Place | undefined>,
): RatioSummary | null {
  const pairs = first.flatMap((a) => {
    const b = group.find((r) => r.seed === a.seed);
    const [from, to] = [places.get(a), b && places.get(b)];
    return from && to && from.seconds > 0 && to.seconds > 0 ? [[from.seconds, to.seconds]] : [];
  });
  return pairs.length === 0
    ? null
    : pairedRatio(
        pairs.map(([a]) => a),
        pairs.map(([, b]) => b),
      );
}

function text({ target, groups, figures }: CompareDocument): string {
  const spread = (summary: Summary | null, show: (v: number) => string) =>
    summary === null ? "-" : `${show(summary.mean)}${summary.std === null ? "" : ` +- ${show(summary.std)}`}`;
  const table = textTable(
    [
      "",
      "runs",
      resultName(finalLossMetric).label,
      `reached ${formatNumber(target, 4)}`,
      "steps",
      "time",
      "sooner by",
    ],
    groups.map((g) => [
      g.name,
      String(g.seeds.length),
      g.finalLoss === null ? "-" : spreadText(g.finalLoss, g.seeds.length - g.finalLoss.n),
      `${g.reached} of ${g.seeds.length}`,
      spread(g.steps, (v) => formatNumber(v, 4)),
      spread(g.seconds, formatDuration),
      ratioText(g.speedUp),
    ]),
  );
  const drawn = figures.map((path) => `Figure: ${relative(process.cwd(), path)}\n`).join("");
  const [first] = groups;
  return `${table}\n\n"Sooner by": seconds of ${first.name} to the target / those of this one, same seeds, with a 95 % interval.\n${drawn}`;
}
