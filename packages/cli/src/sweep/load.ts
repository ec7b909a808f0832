import { existsSync } from "node:fs";
import { basename, dirname, isAbsolute, join } from "node:path";
import { isPlainObject } from "es-toolkit";
import { OptionError } from "isoloss";
import { readFileOrThrow } from "isoloss/node";
import { type Document, visit } from "yaml";
import type { Finding } from "../config/explain.js";
import { readConfig } from "../config/load.js";
import { oneOf } from "../config/nearest.js";
import { pathWords } from "../dotted-path.js";
import { testPartOf } from "../experiments/catalogue/datasets.js";
import { findExperiment, loadExperiment } from "../experiments/definition/find.js";
import { locatedSettings } from "../experiments/definition/own-files.js";
import { type Resolved, resolveExperiment } from "../experiments/definition/resolve.js";
import { identifier } from "../experiments/definition/schema.js";
import type { Settings, Variant } from "../experiments/kind.js";
import { kinds } from "../experiments/kinds/kinds.js";
import type { Json } from "../run/json-lines.js";
import { assigned, type Base, faultsOfValues, under } from "./check-values.js";
import { faultsOfSweep } from "./faults.js";
import { partOf, testNameOf } from "./metric.js";
import { type SweepFile, sweepSchema } from "./schema.js";
import type { Assignment, Constant, Parameter } from "./types.js";

export interface LoadedSweep {
  readonly file: SweepFile;
  /** What to tell the user of how the file was read. */
  readonly notes: readonly string[];
  readonly experiment: Resolved;
  /** The one that trials change, with what `set` sets. */
  readonly variant: Variant;
  /** Checked settings of a trial, or of the baseline. */
  settingsOf(assignment: Assignment): Settings;
  /** An error with the places of findings in the file. */
  error(findings: readonly Finding[]): Error;
}

/**
 * A sweep, read and checked, its parameters' values against the experiment as well.
 *
 * @param set `path=value` each, of the sweep's file
 * @throws ConfigError with all errors, each with file, line and column
 * @throws OptionError when the experiment is not known
 * @throws DataError when a file cannot be read
 */
export async function loadSweep(path: string, set: readonly string[] = []): Promise<LoadedSweep> {
  const bytes = await readFileOrThrow(path, { what: "sweep" });
  const { file: given, error } = parseSweep(Buffer.from(bytes).toString("utf8"), { file: path, set });
  const beside = join(dirname(path), given.experiment);
  const where = findExperiment(existsSync(beside) ? beside : given.experiment);
  // A sweep declares its controls by their values.
  const { roles: _, ...whole } = await loadExperiment(where);
  const { variants } = resolveExperiment(whole);
  const known = variants.map(({ name }) => name);
  if (given.variant !== undefined && !known.includes(given.variant)) {
    throw error([{ path: ["variant"], message: `expected ${oneOf(given.variant, known)}` }]);
  }
  const experiment = resolveExperiment(
    whole,
    given.variant === undefined ? {} : { variants: [given.variant] },
  );
  const [{ name, settings }] = experiment.variants;
  const { kind } = experiment;
  const baseOf = ({ set: common }: SweepFile): Base => {
    const found = assigned({ kind, settings }, common);
    if (Array.isArray(found)) throw error(under(["set"], found));
    return { kind, settings: found as Settings };
  };
  const faults = [
    ...faultsOfFiles(given, settings),
    ...faultsOfPruning(given, kind),
    ...faultsOfValues(given, baseOf(given)),
  ];
  if (faults.length > 0) throw error(faults);
  const file = await withOwnFilesOfSweep(given, path);
  const base = baseOf(file);
  return {
    file,
    notes: [...constantsNote(file), ...testNote(file, base)],
    experiment,
    variant: { name, settings: base.settings },
    error,
    settingsOf(assignment) {
      const settings = assigned(base, assignment);
      if (Array.isArray(settings)) throw error(under(["parameters"], settings));
      return settings as Settings;
    },
  };
}

/** Constants of the trials alone: compared with a baseline without them, their effect looks like that of the search. */
function constantsNote({ parameters, confirm }: SweepFile): string[] {
  if (confirm === false || confirm.each !== undefined) return [];
  const paths = Object.keys(parameters).filter(
    (path) => "value" in parameters[path] && !Object.hasOwn(confirm.baseline, path),
  );
  return paths.length === 0
    ? []
    : [`${paths.join(", ")}: of the trials alone, not of the baseline. Under set it would be of both.`];
}

/** Without test rows no trial can be said to help: better to know it before the runs. */
function testNote(file: SweepFile, { kind, settings }: Base): string[] {
  const { name } = file.metric;
  if (file.confirm === false || file.confirm.metric !== undefined || partOf(name) === "training") return [];
  const isDivisible = "testFold" in kinds[kind].settings && hasData(settings);
  if (testNameOf(file) === undefined) {
    const advice = isDivisible ? " Rank by a number on validation rows, such as validation.loss." : "";
    return [`Whether trials help by ${name} stays undecided: its rows both choose and judge.${advice}`];
  }
  if (isDivisible && testPartOf(settings) !== undefined) return [];
  const advice = isDivisible
    ? "Add test: 0.2 to data."
    : `Fresh seeds of this ${kind} experiment have no test rows of their own.`;
  return [
    `${isDivisible ? "data has no test part: t" : "T"}he validation rows both choose and judge, and whether trials help stays undecided. ${advice}`,
  ];
}

const hasData = ({ data, problem }: Settings): boolean =>
  data !== undefined || (problem as { readonly data?: unknown } | undefined)?.data !== undefined;

/** Runs are compared at rungs by what their kind reports there. */
function faultsOfPruning({ prune, metric: { name } }: SweepFile, kind: string): Finding[] {
  const { pauseMetrics = [] } = kinds[kind];
  if (prune === undefined || pauseMetrics.includes(name)) return [];
  if (pauseMetrics.length === 0) {
    return [{ path: ["prune"], message: `runs of the kind ${kind} cannot be pruned: leave it out.` }];
  }
  const message = `with prune, which compares it during runs, expected ${oneOf(name, pauseMetrics)}`;
  return [{ path: ["metric", "name"], message }];
}

const checkedSchema = sweepSchema.superRefine((file, context) => {
  for (const { path, message } of faultsOfSweep(file)) {
    context.addIssue({ code: "custom", path: [...path], message });
  }
});

/** A sweep from YAML text, without a look at its experiment. */
export function parseSweep(
  text: string,
  { file, set = [] }: { readonly file: string; readonly set?: readonly string[] },
) {
  const translate = (data: unknown, document: Document): unknown => {
    if (hasKey(data, "kind") && !hasKey(data, "parameters")) {
      throw new OptionError(
        `${file} is an experiment: isoloss run runs it, and a sweep has it as its key experiment (isoloss init --kind sweep).`,
      );
    }
    return named(withReals(data, document), file);
  };
  const { config, error } = readConfig(text, { schema: checkedSchema, set, translate, file });
  return { file: config satisfies SweepFile as SweepFile, error };
}

const hasKey = (data: unknown, key: string): boolean => isPlainObject(data) && Object.hasOwn(data, key);

/** A sweep without a name has the file's. */
function named(data: unknown, file: string): unknown {
  const name = basename(file).replace(/\.ya?ml$/, "");
  return isPlainObject(data) && identifier.safeParse(name).success ? { name, ...data } : data;
}

/** Numbers that are written with a point are real: `min: 0.0, max: 1.0` is no range of two integers. */
function withReals(data: unknown, document: Document): unknown {
  const { parameters } = (data ?? {}) as { readonly parameters?: unknown };
  if (!isPlainObject(parameters)) return data;
  const marked = withRealsMarked(document);
  const isReal = (path: string, key: string) =>
    ["parameters", path, key].reduce<unknown>(
      (at, word) => (at as Readonly<Record<string | number, unknown>> | undefined)?.[word],
      marked,
    ) === real;
  const entries = Object.entries(parameters).map(([path, given]) => {
    const isRange = isPlainObject(given) && "min" in given && "max" in given;
    if (!isRange || ["scale", "step", "roundTo", "count"].some((key) => key in given)) return [path, given];
    return [path, isReal(path, "min") || isReal(path, "max") ? { ...given, scale: "linear" } : given];
  });
  return { ...(data as object), parameters: Object.fromEntries(entries) };
}

const real = Symbol("a number with a point or an exponent");

/** The data of a document, with marks for its real numbers: YAML's aliases and merged maps then have them, too. */
function withRealsMarked(document: Document): unknown {
  const marked = document.clone();
  visit(marked, {
    Scalar(key, node) {
      if (key !== "key" && typeof node.value === "number" && /[.e]/i.test(node.source ?? ""))
        node.value = real;
    },
  });
  return marked.toJS();
}

/**
 * A sweep whose own data, models and modules are found from any folder: their paths are absolute, and it has the hashes of
 * the files, so that runs of other contents have other ids.
 *
 * @param path of the sweep: paths in it are relative to that
 * @throws DataError when a file cannot be read, or is another one than the sweep says
 */
async function withOwnFilesOfSweep(file: SweepFile, path: string): Promise<SweepFile> {
  const { set, parameters, confirm } = file;
  const located = async (assignment: Assignment) => (await locatedSettings(assignment, path)) as Assignment;
  const entries = Object.entries(parameters).map(async ([key, parameter]): Promise<[string, Parameter]> => {
    const one = async (value: Json) => (await located({ [key]: value }))[key] as Constant["value"];
    if ("value" in parameter) return [key, { ...parameter, value: await one(parameter.value) }];
    if ("values" in parameter)
      return [key, { ...parameter, values: await Promise.all(parameter.values.map(one)) }];
    return [key, parameter];
  });
  return {
    ...file,
    set: await located(set),
    parameters: Object.fromEntries(await Promise.all(entries)),
    confirm: confirm === false ? false : { ...confirm, baseline: await located(confirm.baseline) },
  };
}

/** Another file alone, beside the hash of the experiment's: such settings are given whole. */
function faultsOfFiles({ set, parameters, confirm }: SweepFile, settings: Settings): Finding[] {
  const places = { set, parameters, ...(confirm === false ? {} : { "confirm.baseline": confirm.baseline }) };
  return Object.entries(places).flatMap(([place, assignment]) =>
    Object.keys(assignment).flatMap((path) => {
      const [root, key] = path.split(".");
      const own = settings[root] as Readonly<Record<string, unknown>> | undefined;
      const file = own?.sha256 === undefined || key === undefined ? undefined : own[key];
      const message = `names a file of your own, of which the hash is kept: give ${root} as a whole, { ${key}: FILE, ... }`;
      return typeof file === "string" && isAbsolute(file)
        ? [{ path: [...pathWords(place), path], message }]
        : [];
    }),
  );
}
