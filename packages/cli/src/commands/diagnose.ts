import { statSync } from "node:fs";
import { OptionError } from "isoloss";
import { loadExperiment } from "../experiments/definition/find.js";
import { resolveExperiment } from "../experiments/definition/resolve.js";
import { loadStored, storedWeights } from "../experiments/jobs/stored.js";
import type { Subject } from "../experiments/kind.js";
import { kinds } from "../experiments/kinds/kinds.js";
import { readCheckpoint } from "../run/checkpoint-file.js";

export interface DiagnoseOptions {
  readonly set: readonly string[];
  readonly variant?: string;
  readonly seed?: number;
  /** Number of points along a run of a network or of several tasks, which is then repeated. */
  readonly points?: number;
  readonly json: boolean;
}

interface Target {
  readonly kind: string;
  readonly subject: Subject;
}

/** `isoloss diagnose`: what a teleport can change at the points of a run, or at an experiment's start. */
export async function diagnose(target: string, options: DiagnoseOptions): Promise<void> {
  const isDirectory = statSync(target, { throwIfNoEntry: false })?.isDirectory() ?? false;
  const { kind, subject } = isDirectory ? await ofRun(target, options) : await ofExperiment(target, options);
  const points = await pointsOf(kind, {
    ...subject,
    ...(options.points === undefined ? {} : { points: options.points }),
  });
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ points })}\n`);
    return;
  }
  const blocks = points.map((point) => {
    const { reading } = "diagnosis" in point ? point.diagnosis : point.conflict;
    return `${point.at}\n${reading.map((line) => `  ${line}`).join("\n")}`;
  });
  process.stdout.write(`${blocks.join("\n\n")}\n`);
}

async function pointsOf(kind: string, subject: Subject) {
  const points = await kinds[kind].diagnose?.(subject);
  if (points !== undefined) return points;
  const known = Object.keys(kinds).filter((name) => kinds[name].diagnose);
  throw new OptionError(
    `An experiment of kind ${kind} cannot be diagnosed: diagnose takes ${known.slice(0, -1).join(", ")} and ${known.at(-1)}.`,
  );
}

async function ofExperiment(target: string, { set, variant, seed }: DiagnoseOptions): Promise<Target> {
  const experiment = await loadExperiment(target, set);
  const resolved = resolveExperiment(experiment, variant === undefined ? {} : { variants: [variant] });
  const [{ settings }] = resolved.variants;
  return { kind: resolved.kind, subject: { settings, seed: seed ?? resolved.seeds[0] } };
}

async function ofRun(path: string, { set, variant, seed }: DiagnoseOptions): Promise<Target> {
  if (set.length > 0 || variant !== undefined || seed !== undefined) {
    throw new OptionError("A run is diagnosed with its own settings: leave out --set, --variant and --seed.");
  }
  const run = await loadStored(path);
  const stored = await readCheckpoint(run.stored.path);
  const { settings, seed: own } = run;
  return {
    kind: run.config.kind,
    subject: {
      settings,
      seed: own,
      run,
      weights: () => storedWeights(run),
      ...(stored ? { checkpoint: stored.bytes } : {}),
    },
  };
}
