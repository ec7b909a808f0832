import { keyBy, mean } from "es-toolkit";
import { valueAtPath } from "../../dotted-path.js";
import type { Comparison } from "../../run/report-html.js";
import { type Expected, everyRun } from "../definition/schema.js";
import type { JobResult } from "../kind.js";
import { formatNumber } from "../results/format-number.js";
import type { RatesResult } from "./rates.js";

/** The comparison of an expected number with a measured one. */
export interface Verdict {
  readonly outcome: Comparison;
  readonly expected: Expected;
  /** The measured number; undefined where there is none. */
  readonly measured: number | undefined;
  /** A sentence with the figures. */
  readonly text: string;
}

/** Compares results with what is expected of them. Results of comparisons at tuned rates are under `rates.BASELINE`. */
export function judge(
  expected: readonly Expected[],
  results: readonly JobResult[],
  rates: readonly RatesResult[],
): Verdict[] {
  const first = results[0]?.variant;
  return expected.map((item) => {
    const { variant = first, seed, path, notReproducible, source } = item;
    const isOfRates = path.startsWith("rates.");
    const name = variant === everyRun ? "every run" : variant;
    const where = isOfRates ? path : `${name}${seed === undefined ? "" : `, seed ${seed}`}: ${path}`;
    const measured = isOfRates
      ? valueAtPath({ rates: keyBy(rates, ({ baseline }) => baseline) }, path)
      : variant === everyRun
        ? worstOf(item, results)
        : meanOf(
            results.filter((r) => r.variant === variant && (seed === undefined || r.seed === seed)),
            path,
          );
    const wanted = wantedText(item);
    if (notReproducible !== undefined || measured === undefined) {
      const why = notReproducible ?? "this run has no such number";
      return {
        outcome: "not reproducible",
        expected: item,
        measured,
        text: `${where}: ${why}; expected ${wanted} (${source}).`,
      };
    }
    const isMet = meets(item, measured);
    return {
      outcome: isMet ? "pass" : "differs",
      expected: item,
      measured,
      text: `${where} is ${formatNumber(measured, 10)}; expected ${wanted} (${source}).`,
    };
  });
}

function meets(
  { value, tolerance = 1e-6, absolute = 0, atLeast, atMost }: Expected,
  measured: number,
): boolean {
  if (!Number.isFinite(measured)) return false;
  if (value !== undefined && Math.abs(measured - value) > Math.max(absolute, tolerance * Math.abs(value)))
    return false;
  return measured >= (atLeast ?? -Infinity) && measured <= (atMost ?? Infinity);
}

function wantedText({ value, tolerance = 1e-6, absolute, atLeast, atMost }: Expected): string {
  const parts = [
    ...(value === undefined
      ? []
      : [
          `${formatNumber(value, 12)} within ${absolute === undefined ? `${tolerance} of it` : formatNumber(Math.max(absolute, tolerance * Math.abs(value)))}`,
        ]),
    ...(atLeast === undefined ? [] : [`at least ${formatNumber(atLeast)}`]),
    ...(atMost === undefined ? [] : [`at most ${formatNumber(atMost)}`]),
  ];
  return parts.length > 0 ? parts.join(", ") : "nothing known";
}

const numberIn = ({ document, jumps, end, evaluations }: JobResult, path: string): number | undefined =>
  valueAtPath({ ...document, jumps, end, evaluations }, path);

/** Of the runs that have the number, that which does not meet what is expected; if all do, the largest. */
function worstOf(expected: Expected, results: readonly JobResult[]): number | undefined {
  const values = results.flatMap((r) =>
    expected.seed === undefined || r.seed === expected.seed ? (numberIn(r, expected.path) ?? []) : [],
  );
  return values.find((v) => !meets(expected, v)) ?? (values.length > 0 ? Math.max(...values) : undefined);
}

/** The mean over runs of the number at a path; undefined where one of them has none. */
function meanOf(results: readonly JobResult[], path: string): number | undefined {
  const values = results.map((result) => numberIn(result, path));
  if (values.length === 0 || values.includes(undefined)) return undefined;
  return mean(values as number[]);
}
