import { array, isNdArray, type NdArray } from "../array.js";
import type { Batch, BatchLoss, BatchSpec, BatchTensors } from "../batch.js";
import { OptionError } from "../errors.js";
import { grad } from "../graph/autodiff.js";
import { scan } from "../graph/control/scan.js";
import { someNode } from "../graph/graph.js";
import { constant } from "../graph/ops/leaf.js";
import type { Tensor } from "../graph/tensor.js";
import { spec, type TensorsOf, trace } from "../graph/trace.js";
import { isOptimizer, type Optimizer, type OptimizerState } from "../optim/optimizer.js";
import { createTracedInit } from "../optim/restart-state.js";
import { gd } from "../optim/sgd.js";
import { inCode, integerFrom, type OptionsOf, optionTable, positive } from "../options.js";
import { type CompileOptions, compile } from "../runtime/compile.js";
import type { Executable } from "../runtime/executable.js";
import { flatten, namedArrays, unflattenNamed } from "../tree.js";

export interface RaceOptions extends OptionsOf<typeof raceOptions> {}

export const raceOptions = optionTable("race", {
  /** Learning rate of the training after the teleport; in a run's plan the default is the run's own. */
  learningRate: positive.otherwise("the run's"),
  /** Steps from each point; default 10. */
  steps: integerFrom(1).default(10),
  /** Default gradient descent; in a run's plan the default is the run's own optimizer with its state. */
  optimizer: inCode<Optimizer>("an optimizer, such as adam()", isOptimizer).otherwise(
    "gradient descent; in a run's plan the run's own",
  ),
});

/** Where the descents of a race begin, besides the points. */
export interface RaceStart {
  /** State of the optimizer; default a new one. */
  readonly state?: OptimizerState | undefined;
  /** Learning rate; default that of the options. */
  readonly rate?: number | undefined;
}

/** The start of a race as arrays, and the data on which the ends of the descents are compared. */
export interface RaceArrays {
  readonly state: OptimizerState;
  readonly rate: NdArray;
  readonly judgedOn: Batch;
}

/** Measures where descent leads from a point, to judge whether a larger gradient helps. */
export interface Race<P> {
  /**
   * Returns the parameters after the steps on one batch.
   *
   * @throws OptionError if no learning rate is known
   */
  run(params: P, batch: Batch, start?: RaceStart): Promise<P>;
  dispose(): Promise<void>;
}

/** A race as part of a graph. */
export interface TracedRace<P> {
  /** Example of where it begins. */
  readonly start: Omit<RaceArrays, "judgedOn"> & { readonly judgedOn: BatchSpec };
  /** @throws OptionError if no learning rate is known */
  startOf(params: P, judgedOn: Batch, start: RaceStart): RaceArrays;
  /** The same as {@link startOf}, of tensors. Traced. */
  tracedStart(
    params: TensorsOf<P>,
    judgedOn: BatchTensors,
    start: { readonly state?: OptimizerState | undefined; readonly rate?: Tensor | undefined },
  ): TensorsOf<RaceArrays>;
  /** The loss by which the guard compares after the steps on a batch. Traced. */
  lossAfter(params: TensorsOf<P>, batch: BatchTensors, start: TensorsOf<RaceArrays>): Tensor;
}

/**
 * The steps of descent on one batch, to be traced into other graphs; undefined for a loss with convolutions in ONNX Runtime,
 * which have no layout of their own inside a loop there: on images the host's race is faster.
 *
 * @param measurement a compiled program with the loss in it
 * @param run `judgedBy` is the loss by which the ends are compared
 * @throws OptionError for a learning rate or a number of steps out of range
 */
export function tracedRace<P>(
  measurement: Pick<Executable, "graph" | "runtime">,
  {
    loss,
    judgedBy,
    params,
    batch,
    dtype,
  }: {
    readonly loss: BatchLoss<P>;
    readonly judgedBy: BatchLoss<P>;
    readonly params: P;
    readonly batch: BatchSpec;
    readonly dtype: "float32" | "float64";
  },
  options: RaceOptions,
): TracedRace<P> | undefined {
  const { graph, runtime } = measurement;
  if (runtime !== "javascript" && someNode(graph, ({ op }) => op.name === "conv2d")) return undefined;
  const { learningRate, steps, optimizer = gd() } = raceOptions.read(options);
  const begun = createTracedInit(optimizer, params);
  return {
    start: { state: optimizer.init(params), rate: array(learningRate ?? 0, dtype), judgedOn: batch },
    startOf(p, judgedOn, { state = optimizer.init(p), rate = learningRate }) {
      return { state, rate: array(requireRate(rate), dtype), judgedOn };
    },
    tracedStart(p, judgedOn, { state = begun(p), rate = constant(requireRate(learningRate), dtype) }) {
      return { state, rate, judgedOn } as TensorsOf<RaceArrays>;
    },
    lossAfter(p, b, { state, rate, judgedOn }) {
      const [end] = scan(
        (at: { readonly params: TensorsOf<P>; readonly state: OptimizerState }): [typeof at, []] => [
          updated(loss, optimizer, at, b, rate),
          [],
        ],
        { params: p, state },
        [],
        { length: steps },
      );
      return judgedBy(end.params, judgedOn);
    },
  };
}

/** One step of descent. */
function updated<P>(
  loss: BatchLoss<P>,
  optimizer: Optimizer,
  { params, state }: { readonly params: TensorsOf<P>; readonly state: OptimizerState },
  batch: BatchTensors,
  rate: Tensor,
) {
  const gradientAt = (at: TensorsOf<P>) => grad(loss)(at, batch);
  const next = optimizer.update(gradientAt(params), state, params, rate, gradientAt);
  return { params: next.params, state: next.state };
}

function requireRate(rate: number | undefined): number {
  if (rate !== undefined) return rate;
  throw new OptionError("race: needs a learningRate, in its options or from the run that teleports.");
}

/**
 * Compiles the steps of descent on one batch as a loop.
 *
 * @throws OptionError for a learning rate or a number of steps out of range
 */
export async function createRace<P>(
  loss: BatchLoss<P>,
  params: P,
  batch: BatchSpec,
  dtype: "float32" | "float64",
  options: RaceOptions,
  compileOptions: CompileOptions,
): Promise<Race<P>> {
  const { learningRate, steps, optimizer = gd() } = raceOptions.read(options);
  const { graph } = trace(
    ({ params: p, state, batch: b, rate }) => updated(loss, optimizer, { params: p, state }, b, rate),
    { params, state: optimizer.init(params), batch, rate: spec([], dtype) },
  );
  const carry = Object.fromEntries(graph.outputs.map(({ name }) => [name, name]));
  const executable = await compile(graph, { ...compileOptions, scan: { carry } });
  const like = flatten<NdArray>({ params }, isNdArray);
  return {
    async run(p, b, { state = optimizer.init(p), rate = learningRate } = {}) {
      const inputs = {
        ...namedArrays({ params: p, state, batch: b }),
        rate: array(requireRate(rate), dtype),
      };
      return unflattenNamed<{ params: P }>(like, await executable.run(inputs, { steps })).params;
    },
    dispose: () => executable.dispose(),
  };
}
