import { astype, isNdArray, type NdArray, ndarray } from "../../array.js";
import type { Batch } from "../../batch.js";
import { ShapeError } from "../../errors.js";
import { costOf, type Graph } from "../../graph/graph.js";
import { mul, neg, sub } from "../../graph/ops/arithmetic.js";
import { sum } from "../../graph/ops/reduce.js";
import { vectorOf } from "../../graph/ops/slice.js";
import { simplify } from "../../graph/simplify.js";
import { isTensor, type Tensor } from "../../graph/tensor.js";
import { spec, type TensorsOf, trace } from "../../graph/trace.js";
import { type CompileOptions, pickCompileOptions } from "../../runtime/compile.js";
import type { Executable } from "../../runtime/executable.js";
import { lazyExecutables } from "../../runtime/lazy.js";
import { flatten, namedArrays, unflatten, unflattenNamed } from "../../tree.js";
import {
  type CommonInputs,
  commonArguments,
  commonNames,
  forwardTasks,
  headGradients,
  type TaskParts,
} from "./forward.js";
import { floatOf, headNames, splitParameters, type TaskOf } from "./parameter-split.js";
import { crossGramian, gradientRows, gramianOf, gramiansOf, jacobianOf } from "./rows.js";
import { treeOf, weightedGradients } from "./update-graph.js";

type F64 = NdArray<Float64Array>;

export interface MeasureOptions {
  /** Whether J and the heads' gradients are outputs as well; default false. */
  readonly keep?: boolean | undefined;
  /** Maximum total size of the gradients of a group of leaves. */
  readonly groupLimit?: number | undefined;
}

export interface TaskGradientOptions<P>
  extends Omit<CompileOptions, "scan" | "dtype">,
    MeasureOptions,
    Omit<TaskParts<P>, "split" | "dtype"> {
  /** Names, in the order of the losses; default the keys of `params.heads`, or 0, 1, .... */
  readonly tasks?: readonly string[] | undefined;
  /** Default: `heads.NAME` belongs to task NAME, all else is shared. */
  readonly taskOf?: TaskOf | undefined;
  /** Whether gradients are in all parameters, the heads' included; default false. */
  readonly spansHeads?: boolean | undefined;
}

/** Inputs of a pass besides the batch. */
export interface PassOptions {
  /** Seed of dropout; default 0. */
  readonly seed?: bigint | undefined;
  /** The model's state; default the example of the gradients' options. */
  readonly state?: unknown;
}

/** theta' = theta - learningRate sum_k w_k grad L_k(theta). */
interface VirtualStep {
  readonly weights: Float64Array;
  readonly learningRate: number;
}

/** Losses of one batch, in training mode. */
export interface Passed {
  /** L_k, [K]. */
  readonly losses: Float64Array;
  /** The model's state for the next step. */
  readonly state: unknown;
}

/** Losses and gradients of one batch, in training mode. */
export interface Measured extends Passed {
  /** G = J J', [K, K]. */
  readonly gramian: F64;
  /** J [K, P] in the precision of the run, with `keep`. */
  readonly jacobian?: NdArray | undefined;
  /** With `keep`: the gradient of each leaf of the heads under the loss of its task, in order. */
  readonly heads?: readonly NdArray[] | undefined;
}

/** Losses and gradients of tasks on batches; graphs are compiled on first use. */
export interface TaskGradients<P> {
  /** The parts from which the graphs are built. */
  readonly parts: TaskParts<P>;
  readonly tasks: readonly string[];
  /** Size of a gradient: P, or the size of the representation. */
  readonly width: number;
  /** Compiles one of the graphs now: `losses` for the forward pass alone. */
  compile(graph: "losses" | "measure"): Promise<void>;
  /** The forward pass alone. */
  forward(params: P, batch: Batch, options?: PassOptions): Promise<Passed>;
  /** The forward pass and K backward passes. */
  measure(params: P, batch: Batch, options?: PassOptions): Promise<Measured>;
  /**
   * dL_j(theta') / dw_i, [K, K], of the losses on another batch after a virtual step theta' = theta - eta sum_k w_k grad L_k(theta) in
   * all parameters, the heads' included: two forward passes and 2 K + 1 backward passes.
   */
  ahead(
    params: P,
    batches: { readonly batch: Batch; readonly other: Batch },
    options: PassOptions & VirtualStep,
  ): Promise<F64>;
  /**
   * L_k after some virtual steps on one batch, [K]. Stops before a step from a weighted loss above 1e5, and at the last losses that are
   * all finite, as a rate that is too large leads to infinite ones.
   */
  descended(
    params: P,
    batch: Batch,
    options: PassOptions & VirtualStep & { readonly steps: number },
  ): Promise<Float64Array>;
  /** Unloads the compiled graphs: see `Executable`. */
  unload(): Promise<void>;
  dispose(): Promise<void>;
}

/**
 * Losses, Gramian and, with `keep`, Jacobian of K tasks.
 *
 * G_ij = <g_i, g_j>, g_k = grad L_k in the shared parameters: summed over groups of leaves, so that J is
 * never stored as a whole.
 *
 * The parameters' dtype is that of the graphs; sums over groups are in float64.
 *
 * @throws ShapeError, DTypeError, OptionError when losses, parameters and batch do not fit
 *
 * @example
 * const toy = twoTaskToy();
 * const gradients = taskGradients({ losses: toy.losses, params: toy.at([9, 9]), batch: {} });
 * const { losses, gramian } = await gradients.measure(toy.at([9, 9]), {}); // losses 7.944, 6.691
 */
export function taskGradients<P>(options: TaskGradientOptions<P>): TaskGradients<P> {
  const {
    losses,
    params,
    batch,
    state = {},
    representation,
    headAlignment,
    isFrozen,
    keep = false,
  } = options;
  const dtype = floatOf(params);
  const { count, width, tasks } = inspect(options, dtype);
  if (count !== tasks.length) {
    throw new ShapeError(
      `There must be one loss for each of the ${tasks.length} tasks ${tasks.join(", ")}; got ${count}.`,
    );
  }
  const split = splitParameters(params, tasks, options.spansHeads ? () => undefined : options.taskOf);
  const shapes = { params, state, batch, split, isFrozen, dtype };
  const parts: TaskParts<P> = { losses, representation, headAlignment, ...shapes };
  const executables = lazyExecutables(pickCompileOptions(options));
  const stateLike = flatten<NdArray>({ state }, isNdArray);
  const named = commonNames(parts);
  const numbers = (shape: readonly number[], values: ArrayLike<number>) =>
    astype(ndarray(Float64Array.from(values), shape), dtype);
  const run = async (
    executable: Executable,
    p: P,
    b: Batch,
    { seed = 0n, state: past = state }: PassOptions = {},
  ): Promise<Passed & { readonly results: Readonly<Record<string, NdArray>> }> => {
    const results = await executable.run(named({ params: p, state: past, batch: b, seed }));
    const next = unflattenNamed<{ readonly state: unknown }>(stateLike, results);
    return { losses: new Float64Array(results.losses.data as Float64Array), state: next.state, results };
  };
  /** Inputs of a graph with a virtual step, besides those of its `trees`. */
  const stepInputs = (
    trees: object,
    { weights, learningRate, seed = 0n, state: past = state }: PassOptions & VirtualStep,
  ) => ({
    ...namedArrays({ state: past, ...trees }),
    seed: { shape: [], data: BigInt64Array.of(seed) },
    weights: numbers([tasks.length], weights),
    learningRate: numbers([], [learningRate]),
  });
  const compiled = {
    losses: () => executables.get("losses", () => traceLosses(parts)),
    measure: () =>
      executables.get("measure", () => traceMeasure(parts, { keep, groupLimit: options.groupLimit })),
  };
  return {
    parts,
    tasks,
    width: representation && !headAlignment ? width : split.size,
    async compile(graph) {
      await compiled[graph]();
    },
    async forward(p, b, pass) {
      const { results: _, ...passed } = await run(await compiled.losses(), p, b, pass);
      return passed;
    },
    async measure(p, b, pass) {
      const { results, ...passed } = await run(await compiled.measure(), p, b, pass);
      const { gramians, jacobian } = results;
      const heads = split.heads.map((_, i) => results[`heads.${i}`]);
      return { ...passed, gramian: gramianOf(gramians), ...(keep ? { jacobian, heads } : {}) };
    },
    async ahead(p, batches, step) {
      const executable = await executables.get("ahead", () => traceAhead(parts, tasks.length));
      const { shared, ...heads } = await executable.run(stepInputs({ params: p, ...batches }, step));
      const data = Float64Array.from(shared.data as Float64Array);
      split.heads.forEach(({ task }, i) => {
        data[task * (tasks.length + 1)] += Number(heads[`heads.${i}`].data[0]);
      });
      return { shape: [tasks.length, tasks.length], data };
    },
    async descended(p, b, { steps, ...step }) {
      const executable = await executables.get("virtual step", () => traceVirtualStep(parts, tasks.length));
      const like = flatten<NdArray>({ params: p }, isNdArray);
      let at = p;
      let found = new Float64Array(tasks.length);
      for (let taken = 0; taken <= steps; taken++) {
        const results = await executable.run(stepInputs({ params: at, batch: b }, step));
        const here = Float64Array.from(results.losses.data as Float64Array);
        if (!here.every(Number.isFinite)) break;
        found = here;
        if (here.reduce((sum, loss, k) => sum + step.weights[k] * loss, 0) > 1e5) break;
        at = unflattenNamed<{ readonly params: P }>(like, results).params;
      }
      return found;
    },
    unload: () => executables.unload(),
    dispose: () => executables.dispose(),
  };
}

/** The losses of a batch as a graph: `losses` [K], and the next `state`. Inputs: params, state, batch, seed. */
export function traceLosses<P>(parts: TaskParts<P>): Graph {
  const losses = (inputs: CommonInputs<P>) => {
    const forward = forwardTasks(parts, inputs);
    return { losses: vectorOf(forward.losses), state: forward.state };
  };
  return trace(losses, commonArguments(parts)).graph;
}

/**
 * Losses and Gramian of a batch as one graph with all K backward passes: `losses` [K], `gramians` (see `gramiansOf`), the
 * next `state`, and with `keep` `jacobian` [K, P] and `heads.0`, ... in order of `split.heads`. Inputs: params, state, batch,
 * seed.
 */
function traceMeasure<P>(parts: TaskParts<P>, { keep = false, groupLimit }: MeasureOptions = {}): Graph {
  const measured = (inputs: CommonInputs<P>) => {
    const forward = forwardTasks(parts, inputs);
    const groups = gradientRows(forward, groupLimit);
    return {
      losses: vectorOf(forward.losses),
      gramians: gramiansOf(groups),
      state: forward.state,
      ...(keep ? { jacobian: jacobianOf(groups), heads: headGradients(parts, forward) } : {}),
    };
  };
  return trace(measured, commonArguments(parts)).graph;
}

/** Number of losses and size of the representation, from a trace. */
function inspect<P>(
  { losses, params, batch, state, representation, tasks: named, taskOf }: TaskGradientOptions<P>,
  dtype: "float32" | "float64",
): { readonly count: number; readonly width: number; readonly tasks: readonly string[] } {
  const everything = splitParameters(params, [], () => undefined);
  const parts: TaskParts<P> = { losses, representation, params, state, batch, split: everything, dtype };
  let [count, width] = [0, 0];
  const counted = (inputs: CommonInputs<P>) => {
    const forward = forwardTasks(parts, inputs);
    count = forward.losses.length;
    width = forward.space.reduce((sum, x) => sum + x.size, 0);
    return [...forward.losses];
  };
  trace(counted, commonArguments(parts));
  const heads = taskOf === undefined ? headNames(params) : undefined;
  return { count, width, tasks: named ?? heads ?? Array.from({ length: count }, (_, k) => `${k}`) };
}

/** Maximum size of kept rows: 256 MB in float32. */
const mostKept = 2 ** 26;

/** Number of floating-point operations in the time that moving one number out of a runtime and back takes. */
const operationsPerNumber = 80;

/** Cost of a forward and a backward pass, in units of a forward pass. */
const passes = 3;

/**
 * Whether a step should keep the K gradients for the update or differentiate the weighted loss again.
 * Keeping costs the transfer of K P numbers, differentiating again a forward and a backward pass.
 */
export function keepsRows<P>(
  strategy: "auto" | "keep" | "recompute",
  { parts, tasks, width }: TaskGradients<P>,
): boolean {
  if (parts.representation !== undefined) return false;
  if (strategy !== "auto") return strategy === "keep";
  const numbers = tasks.length * width;
  if (numbers > mostKept) return false;
  return (
    numbers * operationsPerNumber <= passes * costOf(simplify(traceLosses(parts))).flops || numbers < 1000
  );
}

/**
 * What the weights of a virtual step do to the losses after it, as a graph: theta' = theta - eta sum_k w_k grad L_k(theta), heads
 * included; dL_j(theta') / dw_i = -eta <grad L_i(theta), grad L_j(theta')>, with L_j on another batch.
 *
 * Inputs: params, state, batch, seed, `other` (the other batch), weights, learningRate. Outputs: `shared` [K, K], the part of the
 * shared parameters, and `heads.0`, ... in order of `split.heads`, those of the heads, each of its task alone.
 */
function traceAhead<P>(parts: TaskParts<P>, tasks: number) {
  const { dtype, batch } = parts;
  const { graph } = trace(
    ({ other, weights, learningRate, ...inputs }) => {
      const here = forwardTasks(parts, inputs);
      const { params } = virtualStep(parts, { ...inputs, weights, learningRate });
      const there = forwardTasks(parts, { ...inputs, params, batch: other });
      const [own, ahead] = [headGradients(parts, here), headGradients(parts, there)];
      const rate = neg(learningRate);
      return {
        shared: mul(rate, crossGramian(gradientRows(here), gradientRows(there))),
        heads: own.map((g, i) => mul(rate, sum(mul(g, ahead[i])))),
      };
    },
    {
      ...commonArguments(parts),
      other: batch,
      weights: spec([tasks], dtype),
      learningRate: spec([], dtype),
    },
  );
  return graph;
}

/** A virtual step as a graph: `params` after it, and `losses` [K] before it. Inputs: as of {@link traceAhead}, without `other`. */
function traceVirtualStep<P>(parts: TaskParts<P>, tasks: number) {
  const { dtype } = parts;
  const step = { weights: spec([tasks], dtype), learningRate: spec([], dtype) };
  return trace((inputs) => virtualStep(parts, inputs), { ...commonArguments(parts), ...step }).graph;
}

/** theta - eta sum_k w_k grad L_k(theta), heads included. */
function virtualStep<P>(
  parts: TaskParts<P>,
  { weights, learningRate, ...inputs }: CommonInputs<P> & Record<"weights" | "learningRate", Tensor>,
): { readonly params: TensorsOf<P>; readonly losses: Tensor } {
  const { losses, ...gradients } = weightedGradients(parts, { ...inputs, weights, headWeights: weights });
  const { leaves, def } = flatten(inputs.params, isTensor);
  const steps = flatten(treeOf(inputs.params, parts.split, gradients), isTensor).leaves;
  const moved = leaves.map((leaf, i) => sub(leaf, mul(learningRate, steps[i])));
  return { params: unflatten(def, moved) as TensorsOf<P>, losses: vectorOf(losses) };
}
