// Sweeps of Weights & Biases (docs.wandb.ai/guides/sweeps/sweep-config-keys) in the form of ours.
import { isPlainObject as isMap } from "es-toolkit";
import { betaQuantile } from "isoloss-figures/base";
import type { Finding } from "../config/explain.js";
import type { Translation } from "../config/load.js";
import { oneOf } from "../config/nearest.js";
import type { Path } from "../dotted-path.js";
import { formatNumber } from "../experiments/results/format-number.js";

type Data = Readonly<Record<string, unknown>>;

/** Parts of the data that are elsewhere in the source, the longest paths first. */
type Origins = (readonly [ours: Path, source: Path])[];

/**
 * A sweep in W&B's form or ours, or something between, in ours. What is not W&B's is left for the check.
 *
 * @param set what `--set` has changed, in our words: the file's own word for it does not count then
 * @returns `notes`: what to tell the user of the translation
 */
export function fromWandb(
  source: unknown,
  set: readonly string[] = [],
): Translation & { readonly notes: readonly string[] } {
  const findings: Finding[] = [];
  const notes: string[] = [];
  const origins: Origins = [];
  if (!isMap(source)) return { data: source, findings, notes, sourceOf: (path) => path };
  const { program, command, method, run_cap, early_terminate, parameters, ...rest } = source;
  const data: Record<string, unknown> = { ...rest };
  for (const [key, value] of Object.entries({ program, command })) {
    if (value === undefined) continue;
    findings.push({
      path: [key],
      isKey: true,
      message:
        key === "command" && program !== undefined
          ? "leave it out, too."
          : "isoloss runs experiments, not programs: write experiment: FILE.yaml in its place.",
    });
    // What is to replace it is not missed, too.
    data.experiment ??= "experiment.yaml";
  }
  const unused = ["description", "project", "entity"].filter((key) => key in data);
  for (const key of unused) delete data[key];
  if (unused.length > 0) notes.push(`${unused.join(", ")}: not used here.`);
  if (method !== undefined) data.method = method === "bayes" ? "tpe" : method;
  if (method === "bayes") notes.push("method: bayes is tpe here; that of W&B is a Gaussian process.");
  const budget = isMap(data.budget) ? data.budget : {};
  const both = (key: string, ours: string) =>
    findings.push({
      path: [key],
      isKey: true,
      message: `means ${ours}, which is there, too: leave out one of them.`,
    });
  const isSet = (ours: string) =>
    set.some((text) => text.startsWith(`${ours}=`) || text.startsWith(`${ours}.`));
  if (run_cap !== undefined && !isSet("budget.trials")) {
    if (budget.trials !== undefined) both("run_cap", "budget.trials");
    data.budget = { ...budget, trials: run_cap };
    origins.push([["budget", "trials"], ["run_cap"]]);
  }
  if (early_terminate !== undefined && !isSet("prune")) {
    if (data.prune !== undefined) both("early_terminate", "prune");
    data.prune = pruneOf(early_terminate, findings, origins);
    notes.push("early_terminate: iterations are steps of the run here, not calls of a logger.");
  }
  if (parameters !== undefined) {
    data.parameters = isMap(parameters)
      ? flattened(parameters, ["parameters"], "", findings, origins)
      : parameters;
  }
  origins.sort(([a], [b]) => b.length - a.length);
  return {
    data,
    findings,
    notes,
    sourceOf(path) {
      const [ours, theirs] = origins.find(([start]) => start.every((key, i) => key === path[i])) ?? [[], []];
      return [...theirs, ...path.slice(ours.length)];
    },
  };
}

const hyperbandKeys = ["type", "min_iter", "max_iter", "s", "eta", "strict"];

function pruneOf(given: unknown, findings: Finding[], origins: Origins): unknown {
  const at = "early_terminate";
  const refuse = (key: string | undefined, message: string) => {
    findings.push({ path: key === undefined ? [at] : [at, key], message });
    return undefined;
  };
  if (!isMap(given))
    return refuse(undefined, "expected a map of keys, such as { type: hyperband, min_iter: 10 }.");
  const { type, min_iter, max_iter, s, eta = 3, strict } = given;
  const unknown = Object.keys(given).find((key) => !hyperbandKeys.includes(key));
  if (unknown !== undefined) return refuse(unknown, `unknown key. Known: ${hyperbandKeys.join(", ")}.`);
  if (type !== "hyperband") return refuse("type", `expected hyperband; got ${JSON.stringify(type)}`);
  if (strict !== undefined && strict !== false) {
    return refuse("strict", "is not possible here: write prune with a larger factor.");
  }
  origins.push(
    [["prune"], [at]],
    [
      ["prune", "factor"],
      [at, "eta"],
    ],
    [
      ["prune", "from"],
      [at, "min_iter"],
    ],
  );
  if (max_iter === undefined) return { rule: "asha", from: min_iter, factor: eta };
  if (![max_iter, s, eta].every((value) => typeof value === "number" && value > 0)) {
    return refuse(
      s === undefined ? "s" : "max_iter",
      "with max_iter, expected numbers max_iter, s and eta > 0.",
    );
  }
  // Rungs max_iter / eta^k, k = 1..s.
  const from = (max_iter as number) / (eta as number) ** (s as number);
  return { rule: "asha", from, factor: eta, below: max_iter };
}

/** Nested parameters by their paths, each in our form. */
function flattened(
  parameters: Data,
  source: Path,
  prefix: string,
  findings: Finding[],
  origins: Origins,
): Data {
  const entries = Object.entries(parameters).flatMap(([key, given]): [string, unknown][] => {
    const path = `${prefix}${key}`;
    const from = [...source, key];
    if (isMap(given) && isMap(given.parameters)) {
      return Object.entries(
        flattened(given.parameters, [...from, "parameters"], `${path}.`, findings, origins),
      );
    }
    if (prefix !== "") origins.push([["parameters", path], from]);
    if (!isMap(given)) return [[path, given]];
    const form = parameterOf(given);
    if ("parameter" in form) {
      for (const [ours, theirs] of Object.entries(form.renamed ?? {})) {
        origins.push([
          ["parameters", path, ours],
          [...from, theirs],
        ]);
      }
      return [[path, form.parameter]];
    }
    findings.push({ path: [...from, "distribution"], message: form.refused });
    // A stand-in that passes the check.
    return [[path, { values: [0, 1] }]];
  });
  return Object.fromEntries(entries);
}

/** A parameter in our form, with the keys that have other names there; or why there is none, and what to write. */
type Form =
  | { readonly parameter: Data; readonly renamed?: Readonly<Record<string, string>> }
  | { readonly refused: string };

/** A parameter with a `distribution` of W&B in our form; others are left as they are, for the check. */
function parameterOf({ distribution, ...given }: Data): Form {
  const { q = 1, ...rest } = given;
  switch (distribution) {
    case undefined:
    case "constant":
    case "categorical":
    case "categorical_w_probabilities":
      return { parameter: given };
    case "int_uniform":
      return Number.isInteger(given.min) && Number.isInteger(given.max)
        ? { parameter: { ...given, step: 1 } }
        : { refused: `int_uniform takes integers; got min ${given.min}, max ${given.max}.` };
    case "uniform":
      return { parameter: { ...given, scale: "linear" } };
    case "log_uniform_values":
      return { parameter: { ...given, scale: "log" } };
    case "q_uniform":
      return { parameter: { ...rest, scale: "linear", roundTo: q }, renamed: { roundTo: "q" } };
    case "q_log_uniform_values":
      return { parameter: { ...rest, scale: "log", roundTo: q }, renamed: { roundTo: "q" } };
    case "q_normal":
    case "q_log_normal":
      return { parameter: { ...rest, distribution: distribution.slice(2), step: q }, renamed: { step: "q" } };
    case "normal":
    case "log_normal":
      return { parameter: { distribution, ...given } };
    default:
      return { refused: refusalOf(String(distribution), given) };
  }
}

const distributions = [
  "constant",
  "categorical",
  "categorical_w_probabilities",
  "uniform",
  "int_uniform",
  "q_uniform",
  "log_uniform_values",
  "q_log_uniform_values",
  "normal",
  "q_normal",
  "log_normal",
  "q_log_normal",
];

const pair = (a: unknown, b: unknown): readonly [number, number] | undefined =>
  typeof a === "number" && typeof b === "number" ? [a, b] : undefined;

/** Why a distribution is refused, with the form to write. */
function refusalOf(distribution: string, { min, max, q, a, b }: Data): string {
  const prefix = q === undefined ? "" : "q_";
  const step = q === undefined ? "" : `, q ${q}`;
  const form = `${prefix}log_uniform_values`;
  switch (distribution) {
    case "log_uniform":
    case "q_log_uniform":
      return `${distribution} takes exponents: write distribution: ${form} with the values themselves: ${ofExponents(pair(min, max))}${step}.`;
    case "inv_log_uniform": {
      const ends = pair(min, max);
      return `${distribution} takes exponents of 1 / x: write distribution: ${form} with the values themselves: ${ofExponents(ends && [-ends[1], -ends[0]])}.`;
    }
    case "inv_log_uniform_values":
      return `${distribution} has the same values as ${form}: write distribution: ${form}, min ${min}, max ${max}.`;
    case "beta":
    case "q_beta":
      return `${distribution} is not known here: the nearest is distribution: ${prefix}uniform, ${ofBeta(pair(a, b))}${step}.`;
    default:
      return `expected ${oneOf(distribution, distributions)}`;
  }
}

function ofExponents(ends: readonly [number, number] | undefined): string {
  const [low, high] = ends?.map((end) => formatNumber(Math.exp(end), 3)) ?? ["exp(min)", "exp(max)"];
  return `min ${low}, max ${high}`;
}

function ofBeta(shape: readonly [number, number] | undefined): string {
  if (shape === undefined || !shape.every((x) => x > 0)) return "min 0, max 1";
  const [low, high] = [0.05, 0.95].map((p) => formatNumber(betaQuantile(p, ...shape), 3));
  return `min ${low}, max ${high}, which hold 90 % of it`;
}
