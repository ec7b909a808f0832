import { join } from "node:path";
import {
  createLineSearchMinimizer,
  createMinimizer,
  encodeSafetensors,
  flattenTree,
  gd,
  isNdArray,
  type LineSearchMinimization,
  type Minimization,
  type Minimizer,
  type NdArray,
  namedArrays,
  OptionError,
  type Problem,
  type TeleportPlan,
} from "isoloss";
import { writeFileAtomic } from "isoloss/node";
import { z } from "zod";
import type { JobContext, JumpRecord, Kind, Measured, Settings } from "./kind.js";
import { descentSchema, makeDirections } from "./line-searches.js";
import { fromZero, type Named } from "./named.js";
import { learningRateSchema, makeLearningRate, makeOptimiser } from "./optimisers.js";
import { makeProblem, problemSchema, type Tree } from "./problems.js";
import type { Ground } from "./symmetries.js";
import { makeTeleportPlan, type TeleportConfig, teleportSchema } from "./teleport-plan.js";
import { teleportRecord } from "./teleport-record.js";

interface MinimizeSettings {
  readonly problem: Named;
  readonly optimizer: Named;
  readonly learningRate: number | Named;
  readonly steps: number;
  readonly dtype?: "float32" | "float64";
  readonly runtime?: "auto" | "javascript" | "onnx";
  readonly warmUps?: number;
  readonly teleport?: TeleportConfig | null;
}

/** Parameters up to this number are recorded at every step. */
const few = 20;

/** Minimisation of a function, or of a loss on fixed data. */
export const minimizeKind: Kind = {
  summary: "a function, or a loss on fixed data, by full-batch steps",
  stoppable: false,
  settings: {
    problem: problemSchema,
    optimizer: descentSchema,
    learningRate: learningRateSchema,
    steps: fromZero,
    dtype: z.enum(["float32", "float64"]).optional(),
    runtime: z.enum(["auto", "javascript", "onnx"]).meta({ title: "runtime" }).optional(),
    /** Runs before the one whose seconds count; default 0. Just-in-time compilers make the first ones slow. */
    warmUps: fromZero.optional(),
    teleport: teleportSchema.nullable().optional(),
  },
  run: (settings, context) => run(settings as unknown as MinimizeSettings, context),
};

/** A problem with what its teleports have to know. */
export function groundOf(settings: Settings, seed: number) {
  const {
    problem: named,
    optimizer,
    learningRate,
    steps,
    dtype = "float64",
  } = settings as unknown as MinimizeSettings;
  const { problem, quadratic, slope } = makeProblem(named, { seed, dtype });
  const ground: Ground = {
    seed,
    // A line search steps along the gradient as far as an objective asks.
    optimizer: makeDirections(optimizer) ? gd() : makeOptimiser(optimizer),
    learningRate: makeLearningRate(learningRate, steps),
    loss: problem.loss,
    ownSymmetry: () => problem.symmetry(),
    ...(quadratic ? { quadratic } : {}),
    ...(slope === undefined ? {} : { activation: { activation: "leakyRelu", slope } }),
  };
  return { problem, ground };
}

async function run(settings: MinimizeSettings, { seed, directory, progress }: JobContext): Promise<Measured> {
  const { steps, teleport, warmUps = 0, dtype = "float64" } = settings;
  const { problem, ground } = groundOf(settings as unknown as Settings, seed);
  const size = numbersOf(problem.start).length;
  if (dtype === "float32" && settings.problem.name !== "mlpRegression") {
    throw new OptionError(`The problem ${settings.problem.name} is in float64: leave dtype out.`);
  }
  const trajectory = size <= few;
  const starts: Tree[] = [];
  const plan =
    teleport &&
    makeTeleportPlan(teleport, ground, (params) => {
      // A search that walks after it could not leap begins at the same point.
      if (starts.at(-1) !== params) starts.push(params);
    });
  const minimizer = await minimizerOf(settings, problem, ground, { trajectory, plan });
  const { result, cold } = await measured(minimizer, warmUps);
  const points = result.trajectory?.map(numbersOf);
  const jumps = points && jumpsOf(starts, points, result.teleports);
  const done = Math.min(steps, result.loss.length - 1);
  directory?.appendMetrics(
    ...result.loss.map((loss, step) => ({
      step,
      loss,
      gradNormSq: result.gradNormSq[step],
      seconds: result.seconds[step],
      ...(points ? { params: points[step] } : {}),
    })),
  );
  directory?.appendTeleports(...result.teleports.map(teleportRecord));
  if (directory) {
    const bytes = encodeSafetensors(namedArrays({ params: result.params }));
    await writeFileAtomic(join(directory.path, "params.safetensors"), bytes);
  }
  const wallSeconds = result.seconds.at(-1) ?? 0;
  progress({
    step: done,
    steps,
    loss: result.loss.at(-1) ?? Number.NaN,
    gradNormSq: result.gradNormSq.at(-1) ?? Number.NaN,
    teleports: result.teleports.filter(({ accepted }) => accepted).length,
    stepsPerSecond: done / Math.max(wallSeconds, 1e-9),
  });
  return {
    status: result.status === "diverged" ? "diverged" : "completed",
    steps: done,
    wallSeconds,
    loss: result.loss,
    gradNormSq: result.gradNormSq,
    seconds: result.seconds,
    metrics: {
      "loss.least": Math.min(...result.loss.filter(Number.isFinite)),
      "teleports.accepted": result.teleports.filter(({ accepted }) => accepted).length,
      "teleports.seconds": result.teleports.reduce((a, t) => a + t.seconds, 0),
      ...("evaluations" in result ? { evaluations: result.evaluations.at(-1) ?? 0 } : {}),
      ...(warmUps > 0 ? { "seconds.firstRun": cold } : {}),
    },
    teleports: result.teleports,
    ...(points ? { trajectory: points, jumps: jumps ?? [], end: points.at(-1) ?? [] } : {}),
  };
}

type Result = Minimization<Tree> | LineSearchMinimization<Tree>;

function minimizerOf(
  { steps, runtime, optimizer, learningRate }: MinimizeSettings,
  problem: Problem<Tree>,
  ground: Ground,
  {
    trajectory,
    plan,
  }: { readonly trajectory: boolean; readonly plan: TeleportPlan<Tree> | null | undefined },
): Promise<Minimizer<Result>> {
  const common = {
    steps,
    trajectory,
    ...(runtime === undefined ? {} : { runtime }),
    ...(plan ? { teleport: plan } : {}),
  };
  const directions = makeDirections(optimizer);
  if (directions === undefined) {
    return createMinimizer(problem, {
      optimizer: ground.optimizer,
      learningRate: ground.learningRate,
      ...common,
    });
  }
  if (typeof learningRate !== "number") {
    throw new OptionError(
      `With ${optimizer.name} the learning rate is the step length tried first: give a number.`,
    );
  }
  return createLineSearchMinimizer(problem, { directions, firstStep: learningRate, ...common });
}

/** What the first run comes to, with the seconds of the last one. */
async function measured(minimizer: Minimizer<Result>, warmUps: number) {
  try {
    const first = await minimizer.run();
    let last = first;
    for (let i = 0; i < warmUps; i++) last = await minimizer.run();
    const cold = first.seconds.at(-1) ?? 0;
    if (warmUps === 0) return { result: first, cold };
    const teleports = first.teleports.map((t, i) => ({
      ...t,
      seconds: last.teleports[i]?.seconds ?? t.seconds,
    }));
    return { result: { ...first, teleports, seconds: last.seconds.slice(0, first.loss.length) }, cold };
  } finally {
    await minimizer.dispose();
  }
}

/** All parameters in one list. */
export const numbersOf = (params: Tree): number[] =>
  flattenTree<NdArray>(params, isNdArray).leaves.flatMap(({ data }) =>
    Array.from(data as Float64Array, Number),
  );

/** Where accepted teleports led from and to: the point that a step is taken from is the teleport's end. */
function jumpsOf(
  starts: readonly Tree[],
  points: readonly (readonly number[])[],
  events: readonly { readonly step: number; readonly accepted: boolean }[],
): JumpRecord[] {
  return events.flatMap(({ step, accepted }, i) =>
    accepted && starts[i] !== undefined && points[step] !== undefined
      ? [{ step, from: numbersOf(starts[i]), to: points[step] }]
      : [],
  );
}
