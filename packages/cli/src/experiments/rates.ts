// The control that a comparison needs (design after our own trials): the plain optimiser at every learning rate of a grid,
// the teleported one at the same rates, seeds that choose the rate apart from seeds that judge.
import { OptionError } from "isoloss";
import { pairedRatio, type RatioSummary } from "../run/statistics.js";
import { type Job, type JobResult, jobsOf } from "./job.js";
import { firstAtMost, lossCurve } from "./loss-curve.js";
import { figure } from "./number-text.js";
import { checkedSeeds, type Resolved } from "./resolve.js";

/** How one variant compares with the baseline at its tuned rate. */
export interface RateComparison {
  /** Its own tuned rate. */
  readonly rate: number;
  /** Mean last loss over the confirming seeds. */
  readonly lastLoss: number | null;
  /** How many of the confirming seeds came to the baseline's last loss. */
  readonly reached: number;
  readonly seeds: number;
  /** Steps and seconds to the baseline's last loss, as shares of the baseline's; null unless every seed came there. */
  readonly steps: RatioSummary | null;
  readonly seconds: RatioSummary | null;
}

export interface RatesResult {
  readonly baseline: string;
  /** The baseline's tuned rate. */
  readonly rate: number;
  readonly lastLoss: number | null;
  /** Mean last loss of the tuning seeds, of each variant at each rate; null where a run diverged. */
  readonly grid: readonly {
    readonly rate: number;
    readonly losses: Readonly<Record<string, number | null>>;
  }[];
  /** Of each variant at its own tuned rate. */
  readonly tuned: Readonly<Record<string, RateComparison>>;
  /** Of each variant at the baseline's tuned rate. */
  readonly sameRate: Readonly<Record<string, RateComparison>>;
}

type RunAll = (jobs: readonly Job[]) => Promise<readonly JobResult[]>;

/**
 * Runs the comparison at tuned rates of an experiment.
 *
 * @param runAll does jobs; those that failed are left out of what it returns
 * @throws OptionError when tuning and confirming seeds overlap, or a variant is not known
 */
export async function compareRates(resolved: Resolved, runAll: RunAll): Promise<RatesResult | undefined> {
  const { rates } = resolved;
  if (rates === undefined) return undefined;
  const [tune, confirm] = [checkedSeeds(rates.tune), checkedSeeds(rates.confirm)];
  const both = tune.filter((seed) => confirm.includes(seed));
  if (both.length > 0) {
    throw new OptionError(
      `rates: seed ${both[0]} both chooses the rate and judges: tune and confirm must be apart.`,
    );
  }
  const names = resolved.variants.map(({ name }) => name);
  const baseline = rates.baseline ?? names[0];
  const others = rates.variants ?? names.filter((name) => name !== baseline);
  const unknown = [baseline, ...others].find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new OptionError(`rates: there is no variant "${unknown}"; known are ${names.join(", ")}.`);
  }
  const all = [baseline, ...others];
  const jobs = (chosen: readonly (readonly [string, number])[], seeds: readonly number[]): Job[] =>
    chosen.flatMap(([name, rate]) => {
      const variant = resolved.variants.find((v) => v.name === name) as Resolved["variants"][number];
      const settings = { ...variant.settings, learningRate: rate };
      return jobsOf({ ...resolved, seeds, variants: [{ name, settings }] }, { checkpointSeconds: 1e9 });
    });
  const pairs = rates.grid.flatMap((rate) => all.map((name) => [name, rate] as const));
  const tuning = await runAll(jobs(pairs, tune));
  const meanAt = (name: string, rate: number): number | null => {
    const runs = tuning.filter((r) => r.variant === name && rateOf(r) === rate);
    const last = runs.map((r) => (r.document.status === "completed" ? lossCurve(r).last : null));
    if (runs.length < tune.length || last.includes(null)) return null;
    return (last as number[]).reduce((a, b) => a + b, 0) / last.length;
  };
  const grid = rates.grid.map((rate) => ({
    rate,
    losses: Object.fromEntries(all.map((name) => [name, meanAt(name, rate)])),
  }));
  const bestOf = (name: string): number | undefined => {
    const usable = grid.filter(({ losses }) => losses[name] !== null);
    if (usable.length === 0) return undefined;
    return usable.reduce((a, b) => ((b.losses[name] as number) < (a.losses[name] as number) ? b : a)).rate;
  };
  const rate = bestOf(baseline);
  if (rate === undefined) return undefined;
  const wanted: (readonly [string, number])[] = [[baseline, rate]];
  for (const name of others) {
    for (const r of new Set([rate, bestOf(name) ?? rate])) wanted.push([name, r]);
  }
  const confirming = await runAll(jobs(wanted, confirm));
  const at = (name: string, r: number) => confirming.filter((x) => x.variant === name && rateOf(x) === r);
  const plain = at(baseline, rate);
  const compare = (name: string, r: number): RateComparison => ({ rate: r, ...against(plain, at(name, r)) });
  return {
    baseline,
    rate,
    lastLoss: meanLast(plain),
    grid,
    tuned: Object.fromEntries(others.map((name) => [name, compare(name, bestOf(name) ?? rate)])),
    sameRate: Object.fromEntries(others.map((name) => [name, compare(name, rate)])),
  };
}

const rateOf = ({ settings }: JobResult): unknown => settings.learningRate;

function meanLast(runs: readonly JobResult[]): number | null {
  const last = runs.map((r) => lossCurve(r).last);
  if (last.length === 0 || last.includes(null)) return null;
  return (last as number[]).reduce((a, b) => a + b, 0) / last.length;
}

/** Steps and seconds to each plain run's last loss, seed by seed. */
function against(plain: readonly JobResult[], others: readonly JobResult[]): Omit<RateComparison, "rate"> {
  const reached = plain.flatMap((p) => {
    const other = others.find((o) => o.seed === p.seed);
    const { last: target } = lossCurve(p);
    const step = other && target !== null ? firstAtMost(lossCurve(other), target) : undefined;
    if (other === undefined || step === undefined) return [];
    // Entry t of the lists is the point before step t; a point at the start is worth the time of one step.
    const full = p.document.loss.history.length - 1;
    return [
      {
        steps: [Math.max(step, 1), full] as const,
        seconds: [Math.max(other.seconds[step], 1e-9), Math.max(p.seconds[full], 1e-9)] as const,
      },
    ];
  });
  const isComplete = reached.length === plain.length && reached.length > 0;
  const ratio = (pick: (r: (typeof reached)[number]) => readonly [number, number]): RatioSummary | null =>
    isComplete
      ? pairedRatio(
          reached.map((r) => pick(r)[0]),
          reached.map((r) => pick(r)[1]),
        )
      : null;
  return {
    lastLoss: meanLast(others),
    reached: reached.length,
    seeds: plain.length,
    steps: ratio((r) => r.steps),
    seconds: ratio((r) => r.seconds),
  };
}

/** A ratio with its interval, as text: "0.27 [0.20, 0.36]". */
export function ratioText(ratio: RatioSummary | null): string {
  if (ratio === null) return "-";
  const { interval } = ratio;
  return `${figure(ratio.ratio, 3)}${interval === null ? "" : ` [${figure(interval[0], 3)}, ${figure(interval[1], 3)}]`}`;
}

/** The honest sentence on a variant. */
export function rateSentence(name: string, { baseline, rate, grid }: RatesResult, c: RateComparison): string {
  const seeds = `${c.seeds} seeds`;
  const ends = grid.length > 1 ? [grid[0].rate, grid[grid.length - 1].rate] : [];
  const edge = [rate, c.rate].some((r) => ends.includes(r))
    ? " A tuned rate lies at the end of the grid."
    : "";
  if (c.steps === null || c.seconds === null) {
    return `${name}, at its tuned rate ${figure(c.rate)}, came to tuned ${baseline}'s final loss in ${c.reached} of ${seeds}.${edge}`;
  }
  return (
    `${name}, at its tuned rate ${figure(c.rate)}, needs ${ratioText(c.steps)} of the steps and ${ratioText(c.seconds)} of the ` +
    `wall-clock time of tuned ${baseline} to its final loss, teleports included (${seeds}, 95 % intervals).${edge}`
  );
}
