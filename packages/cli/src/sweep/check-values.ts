// Checks what trials may be against the experiment, before anything runs.
import { createRng } from "isoloss/data";
import type { Finding } from "../config/explain.js";
import { isUnder } from "../config/overrides.js";
import { type Path, pathText, pathWords } from "../dotted-path.js";
import { assigned, type Base } from "./assigned.js";
import type { Axis } from "./axis.js";
import { samplerOf } from "./samplers/sampler.js";
import { spaceOf } from "./space.js";
import type { Assignment, SweepFile } from "./types.js";

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
    for (let trial = 0; trial < count; trial++) yield grid.ask([], trial);
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
