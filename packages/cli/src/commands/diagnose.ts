import { statSync } from "node:fs";
import { OptionError } from "isoloss";
import { loadExperiment } from "../experiments/definition/find.js";
import { resolveExperiment } from "../experiments/definition/resolve.js";
import { loadStored, storedWeights } from "../experiments/jobs/stored.js";
import type { Subject } from "../experiments/kind.js";
import { kinds } from "../experiments/kinds/kinds.js";
import { json, texts, type Values, value } from "../option-rows.js";
import { positiveInteger, seedNumber } from "../parse.js";
import { readCheckpoint } from "../run/checkpoint-file.js";
import type { Result } from "./command.js";

const options = {
  set: texts("<path=value>", "change a setting of an experiment; may be given several times"),
  variant: value("<name>", "of an experiment; default the first"),
  seed: value("<n>", "of an experiment; default its first", seedNumber),
  points: value(
    "<n>",
    "of a network or several tasks: diagnose so many steps along the run, which is then repeated",
    positiveInteger,
  ),
  json: json("one JSON document on stdout instead of sentences"),
};

type Settings = Values<typeof options>;

const help = `Prints a sentence each on the loss and gradient, the Hessian's eigenvalues, cos(g, Hg), cos(g, H^-1 g), the predicted gain
of a teleport and, for a quadratic, the share of the level set's largest gradient; at a teleport of the run also its
speed-up (proposition 5.1) and for how many steps it lasts (theorem 5.2). For several tasks it prints the norms of their
gradients, the cosines between them, and the conflicts.
A function of few variables is diagnosed at the start of its run, at every teleport and at the end; a network and several
tasks at the start and at the last checkpoint, on the next batch, or at --points along the run.

The document of --json: points [{at, step, diagnosis {loss, gradNormSq, lambdaMax, ..., reading}}]; for several tasks
[{at, step, conflict {tasks, losses, norms, meanCosines, leastCosine, dominated, weak, many, reading}}].

Examples:
  isoloss diagnose rosenbrock
  isoloss diagnose runs/booth-exact-0-1
  isoloss diagnose runs/classify-digits-sgd-1000-1 --points 5`;

interface Target {
  readonly kind: string;
  readonly subject: Subject;
}

/** `isoloss diagnose`: what a teleport can change at the points of a run, or at an experiment's start. */
async function run(target: string, settings: Settings): Promise<Result> {
  const isDirectory = statSync(target, { throwIfNoEntry: false })?.isDirectory() ?? false;
  const { kind, subject } = isDirectory
    ? await ofRun(target, settings)
    : await ofExperiment(target, settings);
  const points = await pointsOf(kind, {
    ...subject,
    ...(settings.points === undefined ? {} : { points: settings.points }),
  });
  const text = points.map((point) => {
    const { reading } = "diagnosis" in point ? point.diagnosis : point.conflict;
    return `${point.at}\n${reading.map((line) => `  ${line}`).join("\n")}`;
  });
  return { document: { points }, text };
}

export const diagnose = { options, help, run };

async function pointsOf(kind: string, subject: Subject) {
  const points = await kinds[kind].diagnose?.(subject);
  if (points !== undefined) return points;
  const known = Object.keys(kinds).filter((name) => kinds[name].diagnose);
  throw new OptionError(
    `An experiment of kind ${kind} cannot be diagnosed: diagnose takes ${known.slice(0, -1).join(", ")} and ${known.at(-1)}.`,
  );
}

async function ofExperiment(target: string, { set, variant, seed }: Settings): Promise<Target> {
  const experiment = await loadExperiment(target, set);
  const resolved = resolveExperiment(experiment, variant === undefined ? {} : { variants: [variant] });
  const [{ settings }] = resolved.variants;
  return { kind: resolved.kind, subject: { settings, seed: seed ?? resolved.seeds[0] } };
}

async function ofRun(path: string, { set, variant, seed }: Settings): Promise<Target> {
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
