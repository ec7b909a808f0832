import { OptionError } from "isoloss";
import { nearest } from "../../config/nearest.js";
import { requireTestRows, type TestPart, testPartOf } from "../catalogue/datasets.js";
import type { Roles, Settings, Variant } from "../kind.js";
import { kinds } from "../kinds/kinds.js";
import { commonKeys, type Expected, type Experiment, type RatesConfig, seedsOf } from "./schema.js";

/** An experiment as it is to run. */
export interface Resolved {
  readonly name: string;
  readonly title: string;
  readonly kind: string;
  readonly experiment: Experiment;
  readonly variants: readonly Variant[];
  readonly seeds: readonly number[];
  readonly rates: readonly RatesConfig[];
  /** Of the variants above: those that the experiment declares, and those that their settings show. */
  readonly roles: Roles;
  readonly quick: boolean;
  /** The expected numbers for these settings. */
  readonly expected: readonly Expected[];
}

export interface ResolveOptions {
  /** Instead of the experiment's. */
  readonly seeds?: readonly number[];
  readonly variants?: readonly string[];
  readonly quick?: boolean;
}

/** Name of the only variant of an experiment without variants. */
const onlyVariant = "run";

/**
 * The runs of an experiment: every variant with the settings that it changes, every seed.
 *
 * @throws OptionError for an unknown variant, or an invalid range of seeds
 */
export function resolveExperiment(
  experiment: Experiment,
  { seeds, variants: wanted, quick = false }: ResolveOptions = {},
): Resolved {
  const fast = (quick ? experiment.quick : undefined) ?? {};
  const { seeds: fastSeeds, rates: fastRates, variants: fastVariants, ...fastSettings } = fast;
  const base = Object.fromEntries(Object.entries(experiment).filter(([key]) => !commonKeys.has(key)));
  const table = experiment.variants ?? { [onlyVariant]: null };
  const known = Object.keys(table);
  const chosen = wanted ?? fastVariants ?? known;
  for (const name of chosen) {
    if (known.includes(name)) continue;
    const meant = nearest(name, known);
    throw new OptionError(
      `The experiment ${experiment.name} has no variant "${name}"${meant ? `; did you mean "${meant}"?` : "."} It has ${known.join(", ")}.`,
    );
  }
  const compared = quick && fastRates === null ? [] : [experiment.rates ?? []].flat();
  const rates = compared.map((config) => ({ ...config, ...(quick ? fastRates : {}) }));
  const variants = chosen.map((name) => ({
    name,
    settings: settingsOf(base, table[name] ?? {}, fastSettings),
  }));
  const every = known.map((name) => ({ name, settings: settingsOf(base, table[name] ?? {}) }));
  requireRoles(every, experiment);
  const hasQuick = quick && experiment.quick !== undefined;
  return {
    name: experiment.name,
    title: experiment.title ?? experiment.name,
    kind: experiment.kind,
    experiment,
    variants,
    seeds: seeds ?? checkedSeeds(fastSeeds ?? experiment.seeds ?? [0]),
    rates,
    roles: rolesAmong(variants, rates, experiment),
    quick,
    expected: (experiment.expected ?? []).filter((e) => !hasQuick || e.quick === true),
  };
}

/** What variants are compared with, by tuned rates or by the kind, each with the roles that settings show. */
const baselinesOf = (kind: string, variants: readonly Variant[], rates: readonly RatesConfig[]): Roles => ({
  ...Object.fromEntries(rates.map(({ baseline = variants[0].name }) => [baseline, {}])),
  ...kinds[kind].comparison?.baselines?.(variants),
});

/** @throws OptionError for a role, or a baseline of one, that is no variant, and for roles beside what nothing is compared with */
function requireRoles(
  variants: readonly Variant[],
  { kind, rates = [], roles: declared = {} }: Experiment,
): void {
  const known = variants.map(({ name }) => name);
  const unknown = Object.entries(declared)
    .flatMap(([baseline, beside]) => [baseline, ...Object.keys(beside)])
    .find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new OptionError(
      `roles: there is no variant "${unknown}"; expected { BASELINE: { VARIANT: ROLE, .. } } of ${known.join(", ")}.`,
    );
  }
  const baselines = Object.keys(baselinesOf(kind, variants, [rates].flat()));
  const unused = Object.keys(declared).find((name) => !baselines.includes(name));
  if (unused !== undefined) {
    const expected =
      baselines.length > 0
        ? `expected { BASELINE: { VARIANT: ROLE, .. } } with one of the baselines ${baselines.join(", ")}`
        : "compare variants by the key rates";
    throw new OptionError(`roles: nothing is compared with "${unused}"; ${expected}.`);
  }
}

function rolesAmong(
  variants: readonly Variant[],
  rates: readonly RatesConfig[],
  { kind, roles: declared = {} }: Experiment,
): Roles {
  const isThere = (name: string) => variants.some((v) => v.name === name);
  return Object.fromEntries(
    Object.entries(baselinesOf(kind, variants, rates)).flatMap(([baseline, shown]) => {
      const here = Object.entries({ ...shown, ...declared[baseline] }).filter(([name]) => isThere(name));
      return isThere(baseline) && here.length > 0 ? [[baseline, Object.fromEntries(here)]] : [];
    }),
  );
}

const settingsOf = (base: Settings, ...changes: readonly Settings[]): Settings =>
  changes.reduce((settings, change) => ({ ...withoutLength(settings, change), ...change }), base);

/** Settings without the length that a change replaces: its epochs replace steps, and its steps epochs. */
export const withoutLength = (settings: Settings, change: Settings): Settings =>
  Object.fromEntries(
    Object.entries(settings).filter(
      ([key]) => !(key === "epochs" && "steps" in change) && !(key === "steps" && "epochs" in change),
    ),
  );

/** The test data of which each fresh run can be judged by a part that is its own. */
export const testPartOfRun = (kind: string, settings: Settings): TestPart | undefined =>
  "testFold" in kinds[kind].settings ? testPartOf(settings) : undefined;

/** Settings of the i-th of n fresh runs, which is judged by a part of the test data that is its own, if there are such. */
export const ofFreshSeed = (kind: string, settings: Settings, i: number, n: number): Settings =>
  testPartOfRun(kind, settings) ? { ...settings, testFold: [i, n] } : settings;

/** @throws OptionError where there are fewer test data than fresh runs, of which each is judged by some of its own */
export const requireFreshSeeds = async (kind: string, settings: Settings, runs: number): Promise<void> =>
  testPartOfRun(kind, settings) && requireTestRows(settings, runs);

/** @throws OptionError */
export function checkedSeeds(seeds: readonly number[] | string): readonly number[] {
  const list = seedsOf(seeds);
  if ("wrong" in list) throw new OptionError(`Seeds: ${list.wrong}.`);
  return list;
}

/** The config of one run, which is an experiment itself: running it again gives the same numbers. */
export function runConfig(resolved: Resolved, { name, settings }: Variant, seed: number): object {
  const { experiment, kind } = resolved;
  return {
    name: experiment.name,
    ...(experiment.title === undefined ? {} : { title: experiment.title }),
    kind,
    ...settings,
    ...(experiment.figures === undefined ? {} : { figures: experiment.figures }),
    seeds: [seed],
    variants: { [name]: {} },
  };
}
