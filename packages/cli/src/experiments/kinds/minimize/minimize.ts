import { join } from "node:path";
import { sumBy } from "es-toolkit";
import {
  astype,
  createMinimizer,
  decodeCheckpoint,
  dtypeOf,
  flattenTree,
  gd,
  isNdArray,
  type Minimization,
  type MinimizeRunOptions,
  type Minimizer,
  type NdArray,
  NumericalError,
  namedArrays,
  OptionError,
  type Problem,
  type TeleportPlan,
  unflattenTree,
} from "isoloss";
import { encodeSafetensors } from "isoloss/data";
import { extremes, usedExecutables } from "isoloss/internal";
import { writeFileAtomic } from "isoloss/node";
import { createLineSearchMinimizer, type LineSearchMinimization } from "isoloss/optim";
import { diagnose as diagnosisOf } from "isoloss/teleport";
import { z } from "zod";
import { fromZero } from "../../catalogue/named.js";
import {
  descentSchema,
  learningRateSchema,
  makeDirections,
  makeLearningRate,
  makeOptimizer,
} from "../../catalogue/optimizers.js";
import { anyProblemSchema, makeAnyProblem } from "../../catalogue/own/problem.js";
import type { Tree } from "../../catalogue/problems.js";
import type { TeleportContext } from "../../catalogue/symmetries.js";
import { makeTeleportPlan, teleportSchema } from "../../catalogue/teleport.js";
import type { DiagnosedPoint, JobContext, JobResult, Kind, Measured, Subject } from "../../kind.js";
import { numbersOf, trainerForm, weightsFile } from "../../records/points.js";
import { computedBy, computeSettings } from "../training-loop.js";
import { sweepFigures } from "./sweep-figures.js";
import { watcher } from "./watch.js";

const minimizeSettings = {
  /** One of the catalogue, or one's own: `{ module: FILE#NAME }`. */
  problem: anyProblemSchema,
  optimizer: descentSchema,
  learningRate: learningRateSchema,
  steps: fromZero,
  dtype: z.enum(["float32", "float64"]).optional(),
  ...computeSettings,
  /**
   * Runs after the first, of which the quickest one's seconds count; default 0. Just-in-time compilers make the first ones
   * slow, and other programs some of the others.
   */
  warmUps: fromZero.optional(),
  teleport: teleportSchema.nullable().optional(),
};

type MinimizeSettings = z.output<z.ZodObject<typeof minimizeSettings>>;

async function contextOf(
  { problem: named, optimizer, learningRate, steps, dtype = "float64" }: MinimizeSettings,
  seed: number,
) {
  const { problem, quadratic, slope, hasSymmetry = true } = await makeAnyProblem(named, { seed, dtype });
  const context: TeleportContext = {
    seed,
    // For an objective, a line search steps along the gradient.
    optimizer: makeDirections(optimizer) ? gd() : makeOptimizer(optimizer),
    learningRate: makeLearningRate(learningRate, steps),
    loss: problem.loss,
    ownSymmetry: () => problem.symmetry(),
    quadratic,
    activation: slope === undefined ? undefined : { activation: "leakyRelu", slope },
  };
  return { problem, context, hasSymmetry };
}

/** Parameters up to this number are recorded at every step. */
const few = 20;

/** Minimization of a function, or of a loss on fixed data. */
export const minimizeKind: Kind = {
  summary: "a function, or a loss on fixed data, by full-batch steps",
  stoppable: true,
  pauseMetrics: ["loss"],
  comparison: { figures: { sweep: sweepFigures } },
  settings: minimizeSettings,
  run: (settings, context) => run(settings as unknown as MinimizeSettings, context),
  // The point at the end is recorded, too.
  stored: { ...trainerForm, stepsOf: (points) => points - 1 },
  plot: (results) => [...(isPlanar(results) ? (["levelSets"] as const) : []), "loss", "gradNormSq"],
  diagnose: functionPoints,
};

/** Whether all runs are of one function of two variables. */
const isPlanar = (results: readonly JobResult[]): boolean =>
  results.every((r) => r.trajectory?.[0]?.length === 2) &&
  new Set(results.map((r) => JSON.stringify(r.settings.problem))).size === 1;

async function run(settings: MinimizeSettings, context: JobContext): Promise<Measured> {
  const { directory, before } = context;
  const { steps, learningRate, warmUps = 0 } = settings;
  if (context.pauses && (warmUps > 0 || makeDirections(settings.optimizer))) {
    throw new OptionError(
      "Runs by line searches, and those with warmUps, report nothing before their end: they cannot be pruned.",
    );
  }
  const checkpoint = before && { checkpoint: decodeCheckpoint(before.checkpoint) };
  const compiled = await compiledFor(settings, context);
  const { isFew } = compiled;
  const watch = watcher(context, { steps, isFew, canGoOn: !drawsAngles(settings) });
  const result = await measured(compiled.minimizer, warmUps, {
    learningRate: makeLearningRate(learningRate, steps),
    onLoop: (at) => watch.look(at),
    pauses: watch.pauses,
    ...checkpoint,
  });
  await keep(compiled);
  if (result.loss.length === 0) {
    throw new NumericalError(
      "The loss or its gradient is not finite at the start: nothing can be minimized from there.",
    );
  }
  watch.append(result);
  if (directory) {
    const bytes = encodeSafetensors(namedArrays({ params: result.params }));
    await writeFileAtomic(join(directory.path, weightsFile), bytes);
  }
  const points = isFew ? watch.points(result) : undefined;
  return {
    status: watch.isPruned ? "pruned" : statuses[result.status],
    steps: Math.min(steps, result.loss.length - 1),
    wallSeconds: result.seconds.at(-1) ?? 0,
    loss: result.loss,
    gradNormSq: result.gradNormSq,
    seconds: result.seconds,
    metrics: {
      "loss.least": extremes(result.loss.filter(Number.isFinite))[0],
      "teleports.accepted": result.teleports.filter(({ accepted }) => accepted).length,
      "teleports.seconds": sumBy(result.teleports, (t) => t.seconds),
      ...("evaluations" in result ? { evaluations: result.evaluations.at(-1) ?? 0 } : {}),
    },
    teleports: result.teleports,
    ...(points ? { trajectory: points, jumps: watch.jumps(result), end: points.at(-1) ?? [] } : {}),
  };
}

/** The released teleport draws one angle for each teleport of a minimizer: other runs of it differ. */
const drawsAngles = ({ teleport }: MinimizeSettings): boolean => teleport?.search.name === "referenceAngle";

interface Compiled {
  /** Equal for runs that differ by nothing but what the minimizer takes at a run; left out where it is not kept. */
  readonly key?: string | undefined;
  readonly minimizer: Minimizer<Result, MinimizeRunOptions<Tree>>;
  /** Whether the points of its runs are recorded. */
  readonly isFew: boolean;
  /** Sessions of ONNX Runtime that others used when the run took it. */
  readonly others: number;
}

/**
 * Minimizers of this thread that no run uses now, the least recently used first: a comparison has the same ones at many rates, and
 * again and again, and to compile one takes longer than to run it.
 */
const idle = new Map<string, Compiled>();
const mostIdle = 64;

/** Most numbers of parameters and data in a problem whose minimizer is kept. */
const mostNumbers = 4096;

async function compiledFor(
  settings: MinimizeSettings,
  { seed, isCompared = false }: JobContext,
): Promise<Compiled> {
  const { teleport, learningRate, warmUps: _, ...rest } = settings;
  const guard = teleport?.guard;
  // Races and line searches have a rate of their own.
  const isRaced = guard ? Boolean(guard.race) : false;
  const isFixed = isRaced || makeDirections(settings.optimizer) !== undefined;
  const key = JSON.stringify([rest, teleport, isFixed ? learningRate : null, seed, isCompared]);
  const others = usedExecutables();
  const known = idle.get(key);
  if (known) {
    idle.delete(key);
    return { ...known, others };
  }
  const { problem, context } = await contextOf(settings, seed);
  const isFew = !isCompared && numbersOf(problem.start).length <= few;
  const plan = teleport ? makeTeleportPlan(teleport, context) : undefined;
  const minimizer = await minimizerOf(settings, problem, context, { trajectory: isFew, plan });
  const arrays = Object.values(namedArrays({ params: problem.start, batch: problem.batch }));
  const isSmall = sumBy(arrays, ({ data }) => data.length) <= mostNumbers;
  return { key: isSmall && !drawsAngles(settings) ? key : undefined, minimizer, isFew, others };
}

/** Leaves a minimizer to the next run, or disposes it: also one with sessions of ONNX Runtime, which would stay open. */
async function keep(compiled: Compiled): Promise<void> {
  const { key, minimizer, others } = compiled;
  if (key === undefined || idle.has(key) || usedExecutables() > others) return minimizer.dispose();
  idle.set(key, compiled);
  const [[oldest, { minimizer: left }]] = idle;
  if (idle.size <= mostIdle) return;
  idle.delete(oldest);
  await left.dispose();
}

const statuses = {
  done: "completed",
  stalled: "completed",
  diverged: "diverged",
  stopped: "interrupted",
} as const;

type Result = Minimization<Tree> | LineSearchMinimization<Tree>;

async function minimizerOf(
  { steps, optimizer, learningRate, ...rest }: MinimizeSettings,
  problem: Problem<Tree>,
  context: TeleportContext,
  { trajectory, plan }: { readonly trajectory: boolean; readonly plan: TeleportPlan<Tree> | undefined },
): Promise<Minimizer<Result, MinimizeRunOptions<Tree>>> {
  const common = { steps, trajectory, ...computedBy(rest), teleport: plan };
  const directions = makeDirections(optimizer);
  if (directions === undefined) {
    return createMinimizer(problem, {
      optimizer: context.optimizer,
      learningRate: context.learningRate,
      ...common,
    });
  }
  if (typeof learningRate !== "number") {
    throw new OptionError(
      `With ${optimizer.name} the learning rate is the step length tried first: give a number.`,
    );
  }
  const minimizer = await createLineSearchMinimizer(problem, {
    directions,
    firstStep: learningRate,
    ...common,
  });
  // A line search reports no progress; an interrupted run starts again.
  return { run: () => minimizer.run(), dispose: minimizer.dispose };
}

/** The result of the first run, with the seconds of the quickest later one. Progress is reported only without warm-ups. */
async function measured(
  minimizer: Minimizer<Result, MinimizeRunOptions<Tree>>,
  warmUps: number,
  options: MinimizeRunOptions<Tree>,
) {
  const { learningRate } = options;
  try {
    const first = await minimizer.run(warmUps === 0 ? options : { learningRate });
    const lengthOf = ({ seconds }: Result) => seconds.at(-1) ?? 0;
    let quickest: Result | undefined;
    for (let i = 0; i < warmUps; i++) {
      const again = await minimizer.run({ learningRate });
      if (quickest === undefined || lengthOf(again) < lengthOf(quickest)) quickest = again;
    }
    if (quickest === undefined) return first;
    const { seconds, teleports: timed } = quickest;
    const teleports = first.teleports.map((t, i) => ({ ...t, seconds: timed[i]?.seconds ?? t.seconds }));
    return { ...first, teleports, seconds: seconds.slice(0, first.loss.length) };
  } catch (error) {
    await minimizer.dispose();
    throw error;
  }
}

interface Place {
  readonly at: string;
  readonly step: number;
  readonly params?: readonly number[];
  readonly moved?: readonly number[];
}

/** Start, teleports and end of a run of few parameters; start and end of another. */
async function placesOf({ run, weights, points }: Subject, begin: Tree): Promise<Place[]> {
  if (points !== undefined) {
    throw new OptionError("--points is for runs of the kinds train and multi-task: leave it out.");
  }
  const start = { at: "at the start", step: 0 };
  if (run?.trajectory === undefined) {
    if (weights === undefined) return [start];
    const { tensors, step } = await weights();
    const params = Object.keys(namedArrays({ params: begin })).flatMap((name) =>
      Array.from(tensors[name].data as Float64Array, Number),
    );
    return [start, { at: `at step ${step}`, step, params }];
  }
  const { trajectory, jumps, document } = run;
  return [
    { ...start, params: trajectory[0] },
    ...jumps.map(({ step, from, to }) => ({
      at: `at the teleport before step ${step}`,
      step,
      params: from,
      moved: to,
    })),
    { at: "at the end", step: document.steps, params: trajectory.at(-1) ?? [] },
  ];
}

async function functionPoints(subject: Subject): Promise<DiagnosedPoint[]> {
  const settings = subject.settings as unknown as MinimizeSettings;
  const { problem, context, hasSymmetry } = await contextOf(settings, subject.seed);
  const { leaves, def } = flattenTree<NdArray>(problem.start, isNdArray);
  const treeOf = (values: readonly number[]): Tree => {
    let from = 0;
    return unflattenTree(
      def,
      leaves.map((leaf) => {
        const { shape, data } = leaf;
        const part = Float64Array.from(values.slice(from, from + data.length));
        from += data.length;
        return astype({ shape, data: part }, dtypeOf(leaf));
      }),
    ) as Tree;
  };
  const points: DiagnosedPoint[] = [];
  for (const { at, step, params, moved } of await placesOf(subject, problem.start)) {
    const { learningRate: schedule } = context;
    const learningRate = typeof schedule === "function" ? schedule(step) : schedule;
    const diagnosis = await diagnosisOf<Tree>({
      loss: problem.loss,
      params: params ? treeOf(params) : problem.start,
      batch: problem.batch,
      learningRate,
      ...(hasSymmetry ? { symmetry: problem.symmetry() } : {}),
      quadratic: context.quadratic !== undefined,
      ...(moved ? { moved: treeOf(moved) } : {}),
    });
    points.push({ at, step, diagnosis });
  }
  return points;
}
