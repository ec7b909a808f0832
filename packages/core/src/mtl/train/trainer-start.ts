import { astype, dtypeOf, isNdArray, type NdArray } from "../../array.js";
import { describeValue } from "../../describe.js";
import { OptionError } from "../../errors.js";
import type { Graph } from "../../graph/graph.js";
import { isFloat } from "../../graph/tensor.js";
import { spec, trace } from "../../graph/trace.js";
import { type Mt19937, torchGenerator } from "../../math/mt19937.js";
import { type Optimizer, type OptimizerState, requireOptimizer } from "../../optim/optimizer.js";
import { requireKnown } from "../../options.js";
import { flatten, unflatten } from "../../tree.js";
import { floatOf } from "../gradients/parameter-split.js";
import type { MultiTaskTrainerOptions } from "./trainer-options.js";

/** Where a run begins. */
export interface Start<P> {
  readonly params: P;
  readonly state: unknown;
  readonly dtype: "float32" | "float64";
}

/** Initial parameters and state, and the precision of the run, which is that of the parameters unless the options set another one. */
export function startOf<P>(
  { params, state = {}, dtype }: MultiTaskTrainerOptions<P>,
  seed: number,
): Start<P> {
  if (typeof params === "function") {
    const precision = dtype ?? "float32";
    const draw = params as (rng: Mt19937, options: object) => P;
    const drawn = draw(torchGenerator(seed), { dtype: precision });
    return { params: drawn, state: floatsAs(state, precision), dtype: precision };
  }
  const precision = dtype ?? floatOf(params);
  return { params: floatsAs(params, precision), state: floatsAs(state, precision), dtype: precision };
}

/** A tree of arrays whose floating-point numbers have another precision. */
function floatsAs<T>(tree: T, dtype: "float32" | "float64"): T {
  const { leaves, def } = flatten<NdArray>(tree, isNdArray);
  const cast = leaves.map((a) => (isFloat(dtypeOf(a)) ? astype(a, dtype) : a));
  return unflatten(def, cast) as T;
}

/** The optimizer's update as a graph, which shows the effect of its options. */
export function traceOptimizer<P>(optimizer: Optimizer, params: P, state: OptimizerState): Graph {
  const { graph } = trace(
    (given) => optimizer.update(given.gradients, given.state, given.params, given.rate),
    {
      gradients: params,
      state,
      params,
      rate: spec([], floatOf(params)),
    },
  );
  return graph;
}

/**
 * Checks the options with a fixed set of values.
 *
 * @throws OptionError
 */
export function checkChoices<P>(options: MultiTaskTrainerOptions<P>): void {
  // A problem may be spread into the options: these are its other entries.
  const besides = ["name", "represent", "train", "test", "only"];
  const own = Object.fromEntries(Object.entries(options).filter(([name]) => !besides.includes(name)));
  requireKnown<Partial<typeof options>>("createMultiTaskTrainer", own, [
    ...(["losses", "params", "state", "data", "method", "optimizer", "learningRate", "batchSize"] as const),
    ...(["seed", "dtype", "tasks", "taskOf", "clipNorm", "headGradient", "representation"] as const),
    ...([
      "recordGradients",
      "strategy",
      "metrics",
      "outputs",
      "beforeStep",
      "runtime",
      "provider",
      "threads",
    ] as const),
  ]);
  const { dtype, clipNorm, headGradient, strategy, method, optimizer, representation, tasks } = options;
  const { seed = 0 } = options;
  if (!Number.isSafeInteger(seed)) {
    throw new OptionError(`createMultiTaskTrainer: seed must be an integer; got ${describeValue(seed)}.`);
  }
  if (options.outputs !== undefined) {
    requireFunction("outputs", options.outputs, "outputs: (p, batch) => ({ left: { output, labels } })");
  }
  requireFunction("losses", options.losses, "losses: (p, batch) => [first, second]");
  if (options.beforeStep !== undefined) {
    requireFunction("beforeStep", options.beforeStep, "beforeStep: hook.beforeStep");
  }
  if (tasks !== undefined && !Array.isArray(tasks)) {
    throw new OptionError(
      `createMultiTaskTrainer: tasks must be a list of names; got ${describeValue(tasks)}.`,
    );
  }
  if (new Set(tasks).size < (tasks?.length ?? 0)) {
    throw new OptionError(`createMultiTaskTrainer: names of tasks must differ; got ${describeValue(tasks)}.`);
  }
  const choices = {
    dtype: [dtype, ["float32", "float64"]],
    headGradient: [headGradient, ["weighted", "unweighted"]],
    strategy: [strategy, ["auto", "keep", "recompute"]],
  } as const;
  for (const [name, [value, allowed]] of Object.entries(choices)) {
    if (value !== undefined && !(allowed as readonly string[]).includes(value)) {
      throw new OptionError(`${name} must be one of ${allowed.join(", ")}; got "${value}".`);
    }
  }
  requireOptimizer("createMultiTaskTrainer", optimizer);
  if (typeof method?.combine !== "function") {
    throw new OptionError(
      `createMultiTaskTrainer: method must be one such as fairGrad(); got ${typeof method}.${typeof method === "function" ? " Call it." : ""}`,
    );
  }
  if (representation === undefined && method.headAlignment) {
    throw new OptionError(
      `${method.name} aligns the tasks' gradients in a representation: give the option representation, such as a problem's represent.`,
    );
  }
  if (representation !== undefined && (method.samplesPerStep ?? 1) > 1) {
    throw new OptionError(
      `${method.name} takes ${method.samplesPerStep} batches a step, each with a representation of its own; leave representation out.`,
    );
  }
  if (clipNorm !== undefined && !(clipNorm >= 0)) {
    throw new OptionError(`clipNorm must be a number >= 0, 0 for no limit; got ${clipNorm}.`);
  }
}

function requireFunction(name: string, value: unknown, example: string): void {
  if (typeof value === "function") return;
  throw new OptionError(
    `createMultiTaskTrainer: ${name} must be a function; got ${describeValue(value)}. Write ${example}, say.`,
  );
}
