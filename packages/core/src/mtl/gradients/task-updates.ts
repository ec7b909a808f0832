import { concatenated, isNdArray, type NdArray } from "../../array.js";
import type { Batch } from "../../batch.js";
import type { Optimizer, OptimizerState } from "../../optim/optimizer.js";
import { type CompileOptions, pickCompileOptions } from "../../runtime/compile.js";
import { lazyExecutables } from "../../runtime/lazy.js";
import { flatten, namedArrays, namedLike, unflattenNamed } from "../../tree.js";
import { commonNames } from "./forward.js";
import type { TaskGradients } from "./task-gradients.js";
import { traceDirection, traceUpdate, type UpdateKind } from "./update-graph.js";

/** The inputs of an update; each kind uses some of them, see {@link UpdateKind}. */
export interface UpdateInput<P> {
  readonly params: P;
  /** The model's state; default `{}`. */
  readonly state?: unknown;
  readonly batch: Batch;
  readonly seed: bigint;
  readonly jacobian?: NdArray | undefined;
  readonly heads?: readonly NdArray[] | undefined;
  readonly weights?: Float64Array | undefined;
  readonly direction?: Float64Array | undefined;
  readonly headWeights: Float64Array;
}

export interface Updated<P> {
  readonly params: P;
  readonly optimizer: OptimizerState;
  /** Norm of the shared gradient before clipping. */
  readonly norm: number;
}

/** The second half of a step: from weights or a direction to new parameters. */
export interface TaskUpdates<P> {
  /**
   * @param memory the optimizer's state and the learning rate; `reuse` below 1 for a step of historical trajectory reuse
   */
  apply(
    kind: UpdateKind,
    input: UpdateInput<P>,
    memory: {
      readonly optimizer: OptimizerState;
      readonly learningRate: number;
      readonly reuse?: number | undefined;
    },
  ): Promise<Updated<P>>;
  /** The clipped shared gradient that {@link apply} would use, [P]. */
  direction(kind: UpdateKind, input: UpdateInput<P>): Promise<Float64Array>;
  /** Unloads the compiled graphs: see `Executable`. */
  unload(): Promise<void>;
  dispose(): Promise<void>;
}

/** Creates the updates for the parts of some gradients; each kind is compiled on first use. */
export function taskUpdates<P>({
  gradients: { parts, tasks, width },
  optimizer,
  optimizerState,
  clipNorm,
  ...options
}: Omit<CompileOptions, "scan" | "dtype"> & {
  readonly gradients: TaskGradients<P>;
  readonly optimizer: Optimizer;
  readonly optimizerState: OptimizerState;
  readonly clipNorm?: number | undefined;
}): TaskUpdates<P> {
  const { dtype, split } = parts;
  const executables = lazyExecutables(pickCompileOptions(options));
  const like = flatten<NdArray>({ params: parts.params, optimizer: optimizerState }, isNdArray);
  const named = commonNames(parts);
  const namedState = namedLike(flatten<NdArray>({ optimizer: optimizerState }, isNdArray));
  const partsOf = (kind: UpdateKind, reuse = false) => ({
    ...parts,
    kind,
    tasks: tasks.length,
    width,
    optimizer,
    optimizerState,
    reuse,
    clipNorm,
  });
  const scalar = (x: number): NdArray => ({ shape: [], data: vector([x]).data });
  const vector = (values: ArrayLike<number>): NdArray => ({
    shape: [values.length],
    data: dtype === "float32" ? new Float32Array(values) : new Float64Array(values),
  });
  /** All given inputs as arrays; a graph uses those that it knows. */
  const arraysOf = ({
    params,
    state = {},
    batch,
    seed,
    jacobian,
    heads,
    weights,
    direction,
    headWeights,
  }: UpdateInput<P>): Record<string, NdArray> => {
    const arrays = named({ params, state, batch, seed });
    if (heads) Object.assign(arrays, namedArrays({ heads }));
    if (jacobian) arrays.jacobian = jacobian;
    if (weights) arrays.weights = vector(weights);
    if (direction) arrays.direction = vector(direction);
    arrays.headWeights = vector(headWeights);
    return arrays;
  };
  return {
    async apply(kind, input, { optimizer: state, learningRate, reuse = 1 }) {
      const isReused = reuse < 1;
      const name = isReused ? `${kind}, reused` : kind;
      const executable = await executables.get(name, () => traceUpdate(partsOf(kind, isReused)));
      const arrays = Object.assign(arraysOf(input), namedState({ optimizer: state }));
      arrays.learningRate = scalar(learningRate);
      if (isReused) arrays.reuse = scalar(Math.max(0, reuse));
      const results = await executable.run(arrays);
      const next = unflattenNamed<{ params: P; optimizer: OptimizerState }>(like, results);
      return { ...next, norm: Number(results.norm.data[0]) };
    },
    async direction(kind, input) {
      const executable = await executables.get(`${kind}, direction`, () => traceDirection(partsOf(kind)));
      const results = await executable.run(arraysOf(input));
      return concatenated(split.shared.map((_, i) => results[`${i}`].data as Float64Array));
    },
    unload: () => executables.unload(),
    dispose: () => executables.dispose(),
  };
}
