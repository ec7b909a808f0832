import { createHash } from "node:crypto";
import { OptionError } from "isoloss";
import { checkConfig } from "../config/load.js";
import { pathWords } from "../dotted-path.js";
import { resolveExperiment, runConfig } from "../experiments/definition/resolve.js";
import { type Experiment, experimentSchema } from "../experiments/definition/schema.js";
import { describeEnvironment } from "../run/environment.js";
import type { Json } from "../run/json-lines.js";
import type { RunState } from "./engine.js";
import type { RunRequest } from "./lanes.js";
import type { Assignment, SweepFile } from "./types.js";

/** What the runs of a sweep compute. */
export interface SweepPlan {
  readonly kind: string;
  /** Id of the run of an assignment with a seed: a hash of all that it computes. */
  idOf(parameters: Assignment, seed: number): string;
  requestOf(run: Pick<RunState, "id" | "seed" | "place" | "parameters" | "isConfirming">): RunRequest;
  /** Settings of a trial. @throws ConfigError for values that the experiment does not take */
  settingsOf(parameters: Assignment): Readonly<Record<string, unknown>>;
}

/**
 * @param experiment of the sweep's file
 * @throws OptionError, ConfigError
 */
export function planSweep(file: SweepFile, experiment: Experiment): SweepPlan {
  const { metric, prune, confirm, timeout } = file;
  const wanted = file.variant === undefined ? {} : { variants: [file.variant] };
  const [variant] = resolveExperiment(experiment, wanted).variants;
  if (variant === undefined) throw new OptionError(`The experiment ${experiment.name} has no variant.`);
  const resolved = resolveExperiment(experiment, { variants: [variant.name] });
  const base = { ...(runConfig(resolved, variant, 0) as Record<string, Json>), ...variant.settings } as Tree;
  const version = describeEnvironment({ seed: 0, runtime: "auto" }).versions.isoloss;

  const trialOf = remembered((parameters: Assignment) => {
    const config = withValues(withValues(base, file.set), parameters);
    const checked = checkConfig(config, {
      schema: experimentSchema,
      file: `The trial ${JSON.stringify(parameters)}`,
    });
    const only = resolveExperiment(checked);
    const [{ name, settings } = variant] = only.variants;
    return { resolved: only, variant: { name, settings } };
  });

  return {
    kind: experiment.kind,
    settingsOf: (parameters) => trialOf(parameters).variant.settings,
    idOf(parameters, seed) {
      const { settings } = trialOf(parameters).variant;
      return runId({ version, kind: experiment.kind, settings, seed });
    },
    requestOf({ id, seed, place, parameters, isConfirming }) {
      const { resolved: own, variant: chosen } = trialOf(parameters);
      const names = [metric.name, ...(confirm !== false && confirm.metric ? [confirm.metric] : [])];
      return {
        ...{ id, place, timeout },
        job: {
          name: own.name,
          variant: chosen.name,
          seed,
          kind: own.kind,
          settings: chosen.settings,
          config: runConfig(own, chosen, seed),
        },
        metrics: [...new Set(names)],
        ...(prune && !isConfirming
          ? { pauses: { rule: prune, metric: metric.name, goal: metric.goal } }
          : {}),
      };
    },
  };
}

interface Tree {
  [key: string]: unknown;
}

/**
 * A config with values at paths, as `--set` writes them: a text that stands for a map with that name becomes one, and a
 * run is as long as `steps` or `epochs` says, whichever is given.
 */
function withValues(config: Tree, values: Assignment): Tree {
  const copy = structuredClone(config);
  for (const [path, value] of Object.entries(values)) {
    const words = pathWords(path);
    let at = copy;
    for (const word of words.slice(0, -1)) {
      const below = at[word];
      if (typeof below === "string") at[word] = { name: below };
      else if (typeof below !== "object" || below === null) at[word] = {};
      at = at[word] as Tree;
    }
    at[words.at(-1) as string] = structuredClone(value);
    if (path === "steps") delete copy.epochs;
    if (path === "epochs") delete copy.steps;
  }
  return copy;
}

/** Remembers the last results: trials are asked for a few times in a row, and there may be many. */
function remembered<A, R>(make: (argument: A) => R): (argument: A) => R {
  const kept = new Map<string, R>();
  return (argument) => {
    const key = JSON.stringify(argument);
    const found = kept.get(key);
    if (found !== undefined) return found;
    const made = make(argument);
    kept.set(key, made);
    if (kept.size > 1000) kept.delete(kept.keys().next().value as string);
    return made;
  };
}

const letters = "abcdefghijklmnopqrstuvwxyz234567";

/** `r-` and 20 letters of SHA-256 over canonical JSON: keys in order. */
export function runId(content: unknown): string {
  const bytes = createHash("sha256").update(canonical(content)).digest();
  let text = "";
  for (let i = 0; i < 20; i++) {
    const bit = 5 * i;
    const pair = ((bytes[bit >> 3] as number) << 8) | (bytes[(bit >> 3) + 1] as number);
    text += letters[(pair >> (11 - (bit & 7))) & 31];
  }
  return `r-${text}`;
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`).join(",")}}`;
}
