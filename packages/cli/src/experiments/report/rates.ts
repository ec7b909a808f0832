// A fair comparison: the plain and the teleported optimizer at every learning rate of a grid, with and without decay, and
// other seeds for the comparison than those that choose the rate.
import { meanBy, minBy, uniq } from "es-toolkit";
import { OptionError } from "isoloss";
import { levelOfEach, type RatioSummary } from "isoloss/internal";
import { checkedSeeds, ofFreshSeed, type Resolved, requireFreshSeeds } from "../definition/resolve.js";
import type { Decay, RatesConfig } from "../definition/schema.js";
import { type Job, jobsOf } from "../jobs/job.js";
import type { JobResult, Role } from "../kind.js";
import { countText, formatNumber } from "../results/format-number.js";
import {
  type BesideConstant,
  differenceText,
  isTooNoisy,
  isUntold,
  lossOn,
  meanFinalLoss,
  quickestOfSeeds,
  ratioText,
  shareOfText,
  shownRatios,
  type ToTarget,
  timeOf,
  timesText,
  toTarget,
} from "../results/to-target.js";

/** A learning rate as it is tried. */
export interface TriedRate {
  /** Its tuned learning rate. */
  readonly rate: number;
  /** `cosine`: half a cosine from the rate down to 0 over the run. */
  readonly decay: Decay;
}

/** How one variant compares with the baseline at its tuned rate. */
export interface RateComparison extends TriedRate, ToTarget {
  /** The variant that was chosen, where there was a choice. */
  readonly variant?: string;
  /** Of a method: the same against each variant with a role, to the baseline's final loss. */
  readonly beside?: Readonly<Record<string, RoleComparison>>;
}

/** A comparison with the runs of a variant that has a role: those that did not fail. */
export interface RoleComparison extends ToTarget {
  readonly role: Role;
  /** Of these, the runs that diverged. */
  readonly diverged: number;
}

export interface RatesResult extends TriedRate {
  /** The variant whose tuned rate is above. */
  readonly baseline: string;
  /** Of the variants that are no methods: they stand beside these. */
  readonly roles: Readonly<Record<string, Role>>;
  /** Its mean final loss, of the seeds that judge. */
  readonly finalLoss: number | null;
  /** Level of the intervals of what is random: the more variants are judged, the wider. */
  readonly level: number;
  /** How often each run that judges was timed, in turns: the least time of each seed counts. */
  readonly repeats: number;
  /** The baseline's time to its final loss against its own, timed likewise: the noise of the clock. Null for a single seed. */
  readonly clock: RatioSummary | null;
  /** Which loss chose the rates. */
  readonly by: "validation" | "loss";
  /** Mean of this loss of the tuning seeds, of each variant at each rate; null where a run diverged. */
  readonly grid: readonly (TriedRate & { readonly losses: Readonly<Record<string, number | null>> })[];
  /** What the baseline reaches on held-out rows beside a constant; null where this was not measured. */
  readonly constant: BesideConstant | null;
  /** Of each variant at its own tuned rate, and of the chosen ones, by the names of the choices. */
  readonly tuned: Readonly<Record<string, RateComparison>>;
  /** Of each variant at the baseline's tuned rate, each run timed once. */
  readonly sameRate: Readonly<Record<string, RateComparison>>;
  /** Those without a rate to tune, as they are. */
  readonly references: Readonly<Record<string, ToTarget>>;
}

/** A comparison with the runs that judge: of the baseline, of each variant at its own tuned rate, and of references. */
export interface RatesComparison extends RatesResult {
  readonly runs: readonly JobResult[];
}

/** @param isTimed whether seconds count */
type RunAll = (jobs: readonly Job[], isTimed: boolean) => Promise<readonly JobResult[]>;

/** Repeated up to 5 times while all rounds together take less than 2.5 s of processor time. */
const repeating = { most: 5, seconds: 2.5 };

/**
 * Runs the comparisons at tuned rates of an experiment.
 *
 * @param runAll runs jobs and returns the results of those that did not fail
 * @param now milliseconds of what repetitions may take
 * @throws OptionError when tuning and confirming seeds overlap, or a variant is not known
 */
export async function compareRates(
  resolved: Resolved,
  runAll: RunAll,
  now = () => performance.now(),
): Promise<RatesComparison[]> {
  const plans = resolved.rates.map((config) => planOf(resolved, config));
  const results: RatesComparison[] = [];
  for (const plan of plans) {
    const comparing: Comparing = { ...plan, resolved, runAll, now };
    const tuning = await tuned(comparing);
    if (tuning) results.push(comparisonOf(comparing, tuning, await timedInTurn(comparing, tuning)));
  }
  return results;
}

/** @throws OptionError for comparisons that {@link compareRates} refuses, before the runs that would come first */
export async function requireRates(resolved: Resolved): Promise<void> {
  for (const config of resolved.rates) {
    const { baseline, others, references, confirm, choices } = planOf(resolved, config);
    const names = [baseline, ...others, ...references, ...Object.values(choices).flat()];
    for (const { name, settings } of resolved.variants) {
      if (names.includes(name)) await requireFreshSeeds(resolved.kind, settings, confirm.length);
    }
  }
}

interface Plan {
  readonly tried: readonly TriedRate[];
  readonly tune: readonly number[];
  readonly by: RatesConfig["by"];
  readonly confirm: readonly number[];
  readonly baseline: string;
  readonly others: readonly string[];
  readonly references: readonly string[];
  /** Of the others and of the references: those that are no methods. */
  readonly roles: Readonly<Record<string, Role>>;
  readonly choices: Readonly<Record<string, readonly string[]>>;
  /** Rates of the baseline alone. */
  readonly further: readonly TriedRate[];
}

function planOf({ variants, roles: allRoles }: Resolved, config: RatesConfig): Plan {
  const { grid, decay = ["none"], references = [], choose: choices = {}, baselineGrid = [], by } = config;
  const [tune, confirm] = [checkedSeeds(config.tune), checkedSeeds(config.confirm)];
  const both = tune.filter((seed) => confirm.includes(seed));
  if (both.length > 0) {
    throw new OptionError(
      `rates: seed ${both[0]} both chooses the rate and judges: tune and confirm must have no seed in common.`,
    );
  }
  const names = variants.map(({ name }) => name);
  const baseline = config.baseline ?? names[0];
  const candidates = Object.values(choices).flat();
  const apart = [baseline, ...references, ...candidates];
  const roles = {
    ...Object.fromEntries(references.map((name) => [name, "alternative" as const])),
    ...allRoles[baseline],
  };
  const others = uniq([
    ...(config.variants ?? names.filter((name) => !apart.includes(name))),
    // Tuned as what they are beside.
    ...Object.keys(roles).filter((name) => !references.includes(name)),
  ]);
  const unknown = [...apart, ...others].find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new OptionError(`rates: there is no variant "${unknown}"; known are ${names.join(", ")}.`);
  }
  const taken = Object.keys(choices).find((name) => names.includes(name));
  if (taken !== undefined) {
    throw new OptionError(`rates: "${taken}" is a variant already: call the choice otherwise.`);
  }
  const at = (rates: readonly number[]) => decay.flatMap((d) => rates.map((rate) => ({ rate, decay: d })));
  const further = at(baselineGrid.filter((rate) => !grid.includes(rate)));
  return { tried: at(grid), tune, by, confirm, baseline, others, references, roles, choices, further };
}

interface Comparing extends Plan {
  readonly resolved: Resolved;
  readonly runAll: RunAll;
  now(): number;
}

/** What the runs on the tuning seeds chose. */
interface Tuning {
  readonly by: RatesComparison["by"];
  readonly grid: RatesComparison["grid"];
  /** Of the baseline. */
  readonly best: TriedRate;
  readonly chosen: readonly Chosen[];
}

/** A variant at its tuned rate, by its own name or by that of the choice that it stands for. */
interface Chosen {
  readonly name: string;
  readonly variant: string;
  readonly at: TriedRate;
}

function jobsAt(
  { resolved, tune, confirm, choices }: Comparing,
  name: string,
  at: TriedRate | undefined,
  seeds: readonly number[],
): Job[] {
  const { settings } = resolved.variants.find((v) => v.name === name) as Resolved["variants"][number];
  const changed = {
    ...settings,
    ...(at ? { learningRate: configOf(at) } : {}),
    // Seconds choose only among the candidates of a choice.
    ...(seeds === tune && Object.keys(choices).length === 0 && "warmUps" in settings ? { warmUps: 0 } : {}),
  };
  return seeds.flatMap((seed, i) => {
    const own = seeds === confirm ? ofFreshSeed(resolved.kind, changed, i, confirm.length) : changed;
    return jobsOf(
      { ...resolved, seeds: [seed], variants: [{ name, settings: own }] },
      { checkpointSeconds: 1e9, isCompared: true },
    );
  });
}

/** Runs all rates on the tuning seeds; undefined where the baseline has no complete run. */
async function tuned(comparing: Comparing): Promise<Tuning | undefined> {
  const { tried, tune, baseline, others, choices, further, runAll } = comparing;
  const all = uniq([baseline, ...others, ...Object.values(choices).flat()]);
  const namesAt = (at: TriedRate) => (further.includes(at) ? [baseline] : all);
  const everyRate = [...tried, ...further];
  const runs = await runAll(
    everyRate.flatMap((at) => namesAt(at).flatMap((name) => jobsAt(comparing, name, at, tune))),
    Object.keys(choices).length > 0,
  );
  const hasValidation = runs.some((r) => Number.isFinite(lossOn("validation", r)));
  const by = comparing.by ?? (hasValidation ? "validation" : "loss");
  if (by === "validation" && !hasValidation && runs.some(({ document }) => document.status === "completed")) {
    throw new OptionError(
      "rates.by: validation needs validation data, which these runs do not have: hold a part out, such as validation: 0.2 in data, or set by: loss.",
    );
  }
  const meanAt = (name: string, at: TriedRate): number | null => {
    const own = runs.filter((r) => isOf(r, name, at));
    const isWhole = own.length === tune.length && own.every((r) => r.document.status === "completed");
    if (!isWhole) return null;
    if (by === "loss") return meanFinalLoss(own);
    const mean = meanBy(own, (r) => lossOn("validation", r));
    return Number.isFinite(mean) ? mean : null;
  };
  const grid = everyRate.map((at) => ({
    ...at,
    losses: Object.fromEntries(namesAt(at).map((name) => [name, meanAt(name, at)])),
  }));
  const bestOf = (name: string): TriedRate | undefined => {
    const usable = grid.filter(({ losses }) => typeof losses[name] === "number");
    if (usable.length === 0) return undefined;
    return usable.reduce((a, b) => ((b.losses[name] as number) < (a.losses[name] as number) ? b : a));
  };
  const best = bestOf(baseline);
  if (best === undefined) return undefined;
  const plain = runs.filter((r) => isOf(r, baseline, best));
  /** As a share of the baseline's seconds; infinite where a tuning run did not come to its loss. */
  const shareAt = ({ variant, at }: Chosen): number => {
    const own = runs.filter((r) => isOf(r, variant, at));
    return toTarget(plain, own).seconds?.ratio ?? Number.POSITIVE_INFINITY;
  };
  const lossAt = ({ variant, at }: Chosen) => meanAt(variant, at) ?? Number.POSITIVE_INFINITY;
  // What reached the baseline's final loss in the fewest seconds; where nothing reached it, the closest.
  const quickest = Object.entries(choices).map(([name, list]) => {
    const tries = list.flatMap((variant) => tried.map((at) => ({ name, variant, at })));
    const soonest = minBy(tries, shareAt) as Chosen;
    return Number.isFinite(shareAt(soonest)) ? soonest : (minBy(tries, lossAt) as Chosen);
  });
  const own = others.map((name) => ({ name, variant: name, at: bestOf(name) ?? best }));
  return { by, grid, best, chosen: [...own, ...quickest] };
}

/** Runs on the confirming seeds, of which the quick ones are repeated. */
interface Timed {
  readonly results: readonly JobResult[];
  readonly repeats: number;
}

/**
 * Runs in turns, seed by seed: what slows the computer down for a while then slows both sides of a ratio. The baseline runs twice
 * in each round, and is timed against itself. Every other round is backwards, as the first runs of a thread are slow.
 */
async function timedInTurn(comparing: Comparing, { best, chosen }: Tuning): Promise<Timed> {
  const { confirm, baseline, references, runAll, now } = comparing;
  const jobs = (name: string, at: TriedRate | undefined) => jobsAt(comparing, name, at, confirm);
  const plainJobs = jobs(baseline, best);
  const judging = [
    plainJobs,
    ...chosen.map(({ variant, at }) => jobs(variant, at)),
    ...references.map((name) => jobs(name, undefined)),
  ];
  const beside = chosen.flatMap(({ name, variant, at }) =>
    name !== variant || isSame(at, best) ? [] : [jobs(name, best)],
  );
  const turn = (round: number): Job[] => {
    const list = confirm.flatMap((_, i) => [
      ...judging.map((own) => ({ ...own[i], ...(round > 0 ? { repeat: 2 * round } : {}) })),
      { ...plainJobs[i], repeat: 2 * round + 1 },
      ...(round > 0 ? [] : beside.map((own) => own[i])),
    ]);
    return round % 2 === 1 ? list.reverse() : list;
  };
  const begin = now();
  const timed: JobResult[] = [];
  let repeats = 0;
  let isWhole: boolean;
  do {
    const list = turn(repeats++);
    const results = await runAll(list, true);
    timed.push(...results);
    isWhole = results.length === list.length;
  } while (
    isWhole &&
    repeats < repeating.most &&
    // With one more.
    (now() - begin) * (1 + 1 / repeats) < 1000 * repeating.seconds
  );
  return { results: timed, repeats };
}

function comparisonOf(
  { baseline, others, references, roles }: Plan,
  { by, grid, best, chosen }: Tuning,
  { results, repeats }: Timed,
): RatesComparison {
  const runsOf = (name: string, at?: TriedRate, isAgain = false) =>
    quickestOfSeeds(
      results.filter(
        (r) => ((r.repeat ?? 0) % 2 === 1) === isAgain && (at ? isOf(r, name, at) : r.variant === name),
      ),
    );
  const plain = runsOf(baseline, best);
  /** At the baseline's rate, where each run is timed once. */
  const onceAt = (name: string) => results.filter((r) => r.repeat === undefined && isOf(r, name, best));
  const level = levelOfEach(chosen.filter(({ name }) => !(name in roles)).length);
  const compare = (name: string, { rate, decay }: TriedRate): RateComparison => {
    const own = runsOf(name, { rate, decay });
    return { rate, decay, ...toTarget(plain, own, { level }), ...besideRoles(name, own) };
  };
  const besideRoles = (name: string, own: readonly JobResult[]): Pick<RateComparison, "beside"> => {
    if (Object.keys(roles).length === 0 || name in roles) return {};
    const against = Object.entries(roles).map(([other, role]) => {
      const theirs = runsOf(other, chosen.find((c) => c.name === other)?.at);
      const diverged = theirs.filter(({ document }) => document.status === "diverged").length;
      return [other, { role, ...toTarget(theirs, own, { target: plain, level }), diverged }];
    });
    return { beside: Object.fromEntries(against) };
  };
  return {
    baseline,
    roles,
    rate: best.rate,
    decay: best.decay,
    finalLoss: meanFinalLoss(plain),
    level,
    repeats,
    clock: toTarget(plain, runsOf(baseline, best, true)).seconds,
    by,
    grid,
    constant: toTarget(plain, plain, { level }).constant,
    tuned: Object.fromEntries(
      chosen.map(({ name, variant, at }) => [
        name,
        { ...(name === variant ? {} : { variant }), ...compare(variant, at) },
      ]),
    ),
    sameRate: Object.fromEntries(
      others.map((name) => [
        name,
        { rate: best.rate, decay: best.decay, ...toTarget(onceAt(baseline), onceAt(name), { level }) },
      ]),
    ),
    references: Object.fromEntries(
      references.map((name) => [name, toTarget(plain, runsOf(name), { level })]),
    ),
    runs: [
      ...plain,
      ...chosen.flatMap(({ variant, at }) => runsOf(variant, at)),
      ...references.flatMap((name) => runsOf(name)),
    ],
  };
}

/** A rate as runs are configured by it. */
const configOf = ({ rate, decay }: TriedRate): unknown => (decay === "none" ? rate : { name: decay, rate });

const isOf = ({ variant, settings }: JobResult, name: string, at: TriedRate): boolean =>
  variant === name && JSON.stringify(settings.learningRate) === JSON.stringify(configOf(at));

const isSame = (a: TriedRate, b: TriedRate): boolean => a.rate === b.rate && a.decay === b.decay;

/** A rate for a reader. */
export const rateText = ({ rate, decay }: TriedRate): string =>
  decay === "none" ? formatNumber(rate) : `${formatNumber(rate)}, ${decay} decay`;

/** What a variant needs to the baseline's final loss, in a sentence: at its tuned rate or, a reference, as it is. */
export function rateSentence(
  name: string,
  comparison: RatesComparison,
  compared: RateComparison | ToTarget,
): string {
  const { baseline, rate, grid, finalLoss, clock, tuned } = comparison;
  const c = shownRatios(compared);
  /** Among the rates that the variant was tuned at: a baseline may have further ones. */
  const isAtEnd = (variant: string, r: number) => {
    const tried = grid.filter(({ losses }) => variant in losses).map((g) => g.rate);
    return tried.length > 1 && [Math.min(...tried), Math.max(...tried)].includes(r);
  };
  const own =
    "rate" in c
      ? `, ${c.variant === undefined ? "" : `as ${c.variant} `}at its tuned rate ${rateText(c)},`
      : "";
  const loss = c.test === null && c.validation === null ? "final loss" : "final training loss";
  const start = `${name}${own} reached the ${loss} of ${baseline}, at its tuned rate ${rateText(comparison)},`;
  const ofBaseline = (subject: string, ratio: RatioSummary | null) =>
    ratio === null ? "" : ` ${subject} ${timesText(ratio, `that of ${baseline}`)}.`;
  const equal =
    ofBaseline(`At equal steps the loss of ${name} is`, c.equalSteps) +
    ofBaseline(`At equal seconds the loss of ${name} is`, isTooNoisy(clock) ? null : c.equalTime) +
    ofBaseline(
      c.test === null
        ? `The validation loss of ${name}${validationText(comparison)} is`
        : `The test loss of ${name}, on other rows for each seed, is`,
      c.test ?? c.validation,
    ) +
    (c.accuracy === null
      ? ""
      : ` Its ${c.test === null ? "validation" : "test"} accuracy differs from that of ${baseline} by ${differenceText(c.accuracy)} points.`);
  const lost = finalLoss === null ? ` ${baseline} itself diverged with some of these seeds.` : "";
  const others = "beside" in c ? Object.entries(c.beside ?? {}) : [];
  const atEnd = [
    { variant: baseline, rate },
    ...("rate" in c ? [{ variant: name, ...c }] : []),
    // A reference has no tuned rate.
    ...others.flatMap(([variant]) => (variant in tuned ? [{ ...tuned[variant], variant }] : [])),
  ].filter((one) => isAtEnd(one.variant, one.rate));
  const edge =
    atEnd.length === 0
      ? ""
      : ` The tuned rate of ${atEnd.map(({ variant }) => variant).join(" and of ")} lies at the end of the grid.`;
  const beside = others.map(([other, than]) => besideText(other, than, { compared: c, clock })).join("");
  return `${start} ${reachedText(compared, comparison)}.${lost}${beside}${equal}${edge}`;
}

/** Which epoch and which rows validation losses are of. */
export function validationText({ runs }: Pick<RatesComparison, "runs">): string {
  const isChosen = runs.some(({ settings }) => settings.best);
  const isDivided = runs.some(({ settings }) => settings.testFold);
  const of = [
    ...(isChosen ? ["of the epoch that these rows chose"] : []),
    ...(isDivided ? [] : ["on the same rows for all seeds"]),
  ];
  return of.map((text, i) => `, ${text}${i === of.length - 1 ? "," : ""}`).join("");
}

/** How a method compares with a variant that has a role, in sentences. */
function besideText(
  name: string,
  than: RoleComparison,
  { compared, clock }: { readonly compared: ToTarget; readonly clock: RatioSummary | null },
): string {
  const { role, seeds, diverged, reached, ...c } = shownRatios(than);
  if (seeds === 0) return ` No run of ${name}, ${withArticle(role)}, ended.`;
  const isNoisy = isTooNoisy(clock) || timeOf(than, clock) === "too noisy";
  const ratios = (
    compared.steps === null
      ? []
      : c.steps === null
        ? [
            [c.equalSteps, "its loss at equal steps"] as const,
            [c.equalTime, "its loss at equal seconds"] as const,
          ]
        : [[c.steps, "its steps"] as const, [c.seconds, "its time"] as const]
  ).filter((_, i) => i === 0 || !isNoisy);
  const parts = [...ratios, [c.test, "its test loss"] as const].flatMap(([ratio, what]) =>
    ratio === null
      ? []
      : [isUntold(ratio) ? `${what}: ${ratioText(ratio)}` : `${ratioText(ratio)} times ${what}`],
  );
  const only = seeds < compared.seeds ? `, over the ${countText(seeds, "seed")} with which it ran` : "";
  const missed =
    diverged > 0
      ? `; it diverged with ${diverged} of ${countText(seeds, "seed")}`
      : compared.steps !== null && c.steps === null
        ? `; it reached the loss in ${reached} of ${countText(seeds, "seed")}`
        : "";
  return ` Beside ${name}, ${withArticle(role)}: ${parts.join(", ") || "no numbers to compare"}${only}${missed}.`;
}

const withArticle = (role: Role): string => (role === "alternative" ? `an ${role}` : `a ${role}`);

/** The name of a variant, with its role where it has one: "LAMP (alternative)". */
export const labelOf = (name: string, { roles }: Pick<RatesResult, "roles">): string =>
  Object.hasOwn(roles, name) ? `${name} (${roles[name]})` : name;

/** Whether times include those of teleports. */
export const hasTeleports = ({ runs }: RatesComparison): boolean =>
  runs.some(({ document }) => document.teleports.length > 0);

function reachedText(compared: ToTarget, comparison: RatesComparison): string {
  const { clock, repeats, level } = comparison;
  const { steps, seconds, reached, seeds, medianSteps, medianSeconds, deterministic } = shownRatios(compared);
  if (steps === null || seconds === null) {
    if (deterministic && reached === 0) return "in no run";
    const isNoisy = isTooNoisy(clock);
    const half =
      medianSteps === null || medianSeconds === null
        ? ""
        : `, half of them within ${formatNumber(medianSteps, 3)} times its steps` +
          (isNoisy ? "" : ` and ${formatNumber(medianSeconds, 3)} times its time`);
    const wider = level === 0.95 || deterministic ? "" : ` (${intervalsText(level)})`;
    return `in ${reached} of ${countText(seeds, "seed")}${half}${wider}${isNoisy ? noisyText(comparison) : ""}`;
  }
  const basis = [
    deterministic ? "nothing is random here" : countText(seeds, "seed"),
    ...(steps.interval ? [intervalsText(level)] : []),
  ].join(", ");
  const inSteps = `in ${shareOfText(steps, "steps")}`;
  if (timeOf(compared, clock) === "too noisy") return `${inSteps} (${basis})${noisyText(comparison)}`;
  const joint = steps.ratio < 1 && seconds.ratio > 1 ? ", but in" : " and in";
  const included = hasTeleports(comparison) ? ", teleports included" : "";
  const timing = [
    "; times of this run",
    ...(deterministic ? [`, averaged over ${countText(seeds, "seed")}`] : []),
    ...(repeats > 1 ? [`, each the least of ${repeats}`] : []),
  ].join("");
  return `${inSteps}${joint} ${shareOfText(seconds, "time")}${included} (${basis}${timing})`;
}

/** What intervals are of a level, as text: "95 % intervals". */
export const intervalsText = (level: number): string => `${formatNumber(100 * level, 4)} % intervals`;

const noisyText = ({ baseline, clock }: RatesComparison): string =>
  "; its time is too noisy to compare here" +
  (clock === null ? "" : `: ${baseline} took ${rangeText(clock)} times its own time, timed again`);

/** The interval of a ratio, as text: "0.97 to 1.02". */
export const rangeText = ({ ratio, interval }: RatioSummary): string =>
  (interval ?? [ratio, ratio]).map((v) => formatNumber(v, 3)).join(" to ");
