// Checks what trials may be against the experiment, before anything runs.

import { createRng } from "isoloss/data";
import { Document } from "yaml";
import { explain, type Finding } from "../config/explain.js";
import { nodesAt, schemaNodeOf } from "../config/json-schema.js";
import { isUnder, setAtPath } from "../config/overrides.js";
import { type Path, pathText, pathWords } from "../dotted-path.js";
import { withoutLength } from "../experiments/definition/resolve.js";
import { commonKeys, experimentSchema } from "../experiments/definition/schema.js";
import type { Settings } from "../experiments/kind.js";
import type { Axis } from "./axis.js";
import { samplerOf } from "./samplers/sampler.js";
import type { SweepFile } from "./schema.js";
import { spaceOf } from "./space.js";
import type { Assignment } from "./types.js";

/** Most points of a grid that are checked, and most values of a parameter. */
const most = 10_000;
const samples = 100;

/**
 * What is wrong with the values that a sweep gives the experiment: all points of a grid; else each parameter's ends and
 * values, and 100 samples. One finding for each parameter and place in the experiment, with paths in the sweep's file.
 *
 * @param base the experiment's settings, with those of `set`
 */
export function faultsOfValues(file: SweepFile, base: Base): Finding[] {
  const found = new Map<string, Finding>();
  for (const assignment of candidates(file)) {
    const settings = assigned(base, assignment);
    if (!Array.isArray(settings)) continue;
    for (const finding of settings) {
      const located = inSweep(finding, assignment);
      const key = JSON.stringify([located.path, finding.path]);
      if (!found.has(key)) found.set(key, located);
    }
  }
  const baseline = file.confirm === false ? {} : file.confirm.baseline;
  const wrong = assigned(base, baseline);
  return [...found.values(), ...(Array.isArray(wrong) ? under(["confirm", "baseline"], wrong) : [])];
}

/** Findings of the experiment's check at a place of the sweep. */
export const under = (path: Path, findings: readonly Finding[]): Finding[] =>
  findings.map((finding) => ({ path, message: `${pathText(finding.path)}: ${finding.message}` }));

function* candidates(file: SweepFile): Generator<Assignment> {
  if (file.method === "grid") {
    const grid = samplerOf(file);
    const count = Math.min(grid.size, most);
    for (let trial = 0; trial < count; trial++) yield grid.ask(trial);
    return;
  }
  const space = spaceOf(file.parameters);
  const rng = createRng(file.seed).fork("check");
  const point = () => space.dimensions.map(() => rng.next());
  const middle = space.dimensions.map(({ axis }) => axis.valueAt(0.5));
  for (const { path, axis } of space.dimensions) {
    for (const value of extremes(axis)) yield space.assign(space.withValue(middle, path, value));
  }
  for (let i = 0; i < samples; i++) yield space.at(point());
}

/** The values of an axis, where they are a list; else its ends. A normal has none but very far ones. */
function extremes({ bins, isCategorical, valueAt, hasEnds }: Axis) {
  if (bins !== undefined && isCategorical) {
    return Array.from({ length: Math.min(bins.count, most) }, (_, k) => bins.value(k));
  }
  return hasEnds ? [valueAt(0), valueAt(1 - 2 ** -53)] : [];
}

/** A finding of the experiment's check at the parameter that it is about. */
function inSweep({ path, message }: Finding, assignment: Assignment): Finding {
  const words = path.map(String);
  const names = Object.keys(assignment);
  const about =
    names.filter((name) => isUnder(words, pathWords(name))).sort((a, b) => b.length - a.length)[0] ??
    // Of a key on the way to the only parameter below it.
    onlyOf(names.filter((name) => isUnder(pathWords(name), words)));
  if (about === undefined) {
    const trial = JSON.stringify(assignment);
    return {
      path: ["parameters"],
      message: `${pathText(path)}: ${message.replace(/\.$/, "")}, in the trial ${trial}.`,
    };
  }
  const isElsewhere = path.length !== pathWords(about).length;
  return { path: ["parameters", about], message: isElsewhere ? `${pathText(path)}: ${message}` : message };
}

const onlyOf = <T>([first, ...rest]: readonly T[]): T | undefined => (rest.length === 0 ? first : undefined);

// Settings of trials: those of the experiment with a trial's parameters.

/** An experiment's kind and settings, of one variant. */
export interface Base {
  readonly kind: string;
  readonly settings: Settings;
}

/**
 * The settings of a run with values at paths, as `--set` would set them, checked; or what is wrong with them. Steps take
 * the place of epochs, and epochs that of steps.
 */
export function assigned({ kind, settings }: Base, assignment: Assignment): Settings | Finding[] {
  const document = new Document({ name: "trial", kind, ...withoutLength(settings, assignment) });
  const isShort = (path: Path, text: string) =>
    nodesAt(schemaNodeOf(experimentSchema), path, document.toJS()).some(
      ({ properties }) => properties?.name?.const === text,
    );
  // `optimizer` before `optimizer.momentum`.
  const entries = Object.entries(assignment).sort(([a], [b]) => a.length - b.length);
  for (const [path, value] of entries) {
    const found = setAtPath(document, path, document.createNode(value), isShort);
    if (typeof found === "string") return [{ path: pathWords(path), message: found }];
  }
  const data = document.toJS();
  const result = experimentSchema.safeParse(data);
  if (!result.success) return explain(result.error.issues, schemaNodeOf(experimentSchema), data);
  return Object.fromEntries(Object.entries(result.data).filter(([key]) => !commonKeys.has(key)));
}
