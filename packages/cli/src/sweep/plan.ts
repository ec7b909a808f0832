import { createHash } from "node:crypto";
import { once } from "es-toolkit";
import type { TestFold } from "../experiments/catalogue/run-data.js";
import { ofFreshSeed, runConfig, testPartOfRun } from "../experiments/definition/resolve.js";
import { describeEnvironment } from "../run/environment.js";
import type { EngineOptions, RunState } from "./engine-types.js";
import type { RunRequest } from "./lanes.js";
import type { LoadedSweep } from "./load.js";
import { testNameOf } from "./metric.js";
import type { Assignment } from "./types.js";

export interface SweepPlan extends Pick<EngineOptions, "idOf" | "rows"> {
  requestOf(
    run: Pick<RunState, "id" | "seed" | "place" | "parameters" | "isConfirming" | "fold">,
  ): RunRequest;
}

export function planSweep({ file, experiment, variant, settingsOf }: LoadedSweep): SweepPlan {
  const { metric, prune, confirm, timeout } = file;
  const { name, kind } = experiment;
  const version = programVersion();
  const settingsOfTrial = remembered(settingsOf);
  const names = [metric.name, ...(confirm !== false && confirm.metric ? [confirm.metric] : [])];
  const settingsOfRun = (parameters: Assignment, fold: TestFold | undefined) => {
    const settings = settingsOfTrial(parameters);
    return fold === undefined ? settings : ofFreshSeed(kind, settings, ...fold);
  };
  return {
    rows: testNameOf(file) === undefined ? undefined : testPartOfRun(kind, variant.settings),
    idOf: (parameters, seed, fold) =>
      runId({ version, kind, settings: settingsOfRun(parameters, fold), seed }),
    requestOf({ id, seed, place, parameters, isConfirming, fold }) {
      const settings = settingsOfRun(parameters, fold);
      const config = runConfig(experiment, { name: variant.name, settings }, seed);
      return {
        id,
        place,
        timeout,
        metrics: names,
        job: { name, variant: variant.name, seed, kind, settings, config },
        ...(prune && !isConfirming
          ? { pauses: { rule: prune, metric: metric.name, goal: metric.goal } }
          : {}),
        // One computer and one lane for all contenders of a seed, one after the other.
        ...(isConfirming && confirm !== false && confirm.metric ? { together: seed } : {}),
      };
    },
  };
}

/** What may compute other numbers when it changes. */
export const programVersion = once(
  (): string => describeEnvironment({ seed: 0, runtime: "auto" }).versions.isoloss ?? "unknown",
);

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
