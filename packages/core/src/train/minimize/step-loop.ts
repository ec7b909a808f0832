// The steps of a minimization, and the teleports between them that need nothing from the host, as one program.
import type { NdArray } from "../../array.js";
import { array, isNdArray, zeros } from "../../array.js";
import type { Batch, BatchLoss } from "../../batch.js";
import { dot, grad, valueAndGrad } from "../../graph/autodiff.js";
import type { Graph } from "../../graph/graph.js";
import { spec, trace } from "../../graph/trace.js";
import { namedArrays } from "../../named-arrays.js";
import type { Optimizer, OptimizerState } from "../../optim/optimizer.js";
import { type CompileOptions, compile } from "../../runtime/compile.js";
import type { Executable } from "../../runtime/executable.js";
import { warmUp } from "../../teleport/search/warm-up.js";
import { flatten, unflatten } from "../../tree.js";
import { mostSteps, recordedAt, recordedTree } from "../recorded.js";
import type { TeleportBranch } from "../teleport-branch.js";

/** What a step changes. */
export interface StepState<P> {
  readonly params: P;
  readonly optimizer: OptimizerState;
}

/** The results of some steps: entry t of each list is that of the point before step t, after a teleport there. */
export interface StepResults<P> {
  readonly end: StepState<P>;
  readonly loss: readonly number[];
  readonly gradNormSq: readonly number[];
  readonly seconds: number;
  /** With `keepsPoints`. */
  pointAt(t: number): P;
  /** What a teleport before step t tells of itself, and its ends if they are recorded. */
  teleportAt(t: number): { readonly numbers: Float64Array; readonly ends?: { from: P; to: P } | undefined };
}

export interface StepLoop<P> {
  /**
   * Runs as many steps as there are learning rates.
   *
   * @param now for each step whether there is a teleport before it
   */
  run(at: StepState<P>, rates: readonly number[], now: Uint8Array): Promise<StepResults<P>>;
  /** Most steps of a run: what is recorded of each takes memory. */
  readonly most: number;
  dispose(): Promise<void>;
}

export interface StepLoopOptions<P> {
  readonly loss: BatchLoss<P>;
  readonly start: StepState<P>;
  readonly batch: Batch;
  readonly optimizer: Optimizer;
  readonly dtype: "float32" | "float64";
  /** Whether the parameters of every point, and both ends of teleports, are recorded. */
  readonly keepsPoints: boolean;
  readonly branch?: TeleportBranch<P> | undefined;
}

/** Most points of a run, so that one that diverges ends soon. */
const mostPoints = 1000;

/** A step as a graph, with the teleport before it if there is a branch for it. */
export function traceStepLoop<P>({
  loss,
  start,
  batch,
  optimizer,
  dtype,
  keepsPoints,
  branch,
}: StepLoopOptions<P>): Graph {
  const { graph } = trace(
    ({ params, optimizer: state, batch: b, rate, now }) => {
      const here = { params, optimizer: state };
      const at = branch && now ? branch.trace(now, here, { data: () => ({ batch: b }), rate }) : here;
      const [value, g] = valueAndGrad(loss)(at.params, b);
      const gradientAt = (p: typeof at.params) => grad(loss)(p, b);
      const updated = optimizer.update(g, at.optimizer, at.params, rate, gradientAt);
      const ends = branch && (branch.measuresEnds || keepsPoints) ? { from: params, to: at.params } : {};
      return {
        params: updated.params,
        optimizer: updated.state,
        loss: value,
        gradNormSq: dot(g, g),
        ...(keepsPoints ? { at: at.params } : {}),
        ...("numbers" in at ? { teleport: { numbers: at.numbers, ...ends } } : {}),
      };
    },
    { ...start, batch, rate: spec([], dtype), ...(branch ? { now: spec([], "bool") } : {}) },
  );
  return graph;
}

/** Compiles {@link traceStepLoop}. */
export async function compileStepLoop<P>(
  graph: Graph,
  { start, batch, dtype, branch }: Pick<StepLoopOptions<P>, "start" | "batch" | "dtype" | "branch">,
  compileOptions: CompileOptions,
): Promise<StepLoop<P>> {
  const { paths, def } = flatten<NdArray>(start, isNdArray);
  const executable = await compile(graph, {
    ...compileOptions,
    // The parts of a branch are programs in JavaScript.
    ...(branch ? { runtime: "javascript" } : {}),
    scan: {
      carry: Object.fromEntries(paths.map((path) => [path, path])),
      sequences: ["rate", ...(branch ? ["now"] : [])],
    },
  });
  const fixed = namedArrays({ batch });
  const treeAt = (results: Results, name: string, t: number): P =>
    recordedTree(results, name, start.params, t);
  // What is timed later is code that the engine has optimized, with teleports and without.
  const steps = 20;
  const first = Uint8Array.from({ length: steps }, (_, t) => (t === 0 ? 1 : 0));
  const sequences: Record<string, NdArray> = { rate: zeros([steps], dtype) };
  if (branch) sequences.now = { shape: [steps], data: first };
  await warmUp(executable, { ...namedArrays(start), ...fixed, ...sequences }, { steps });
  return {
    async run(at, rates, now) {
      const begin = performance.now();
      const results = await executable.run(
        {
          ...namedArrays(at),
          ...fixed,
          rate: array([...rates], dtype),
          ...(branch ? { now: { shape: [now.length], data: now } } : {}),
        },
        { steps: rates.length },
      );
      const seconds = (performance.now() - begin) / 1000;
      return {
        end: unflatten(
          def,
          paths.map((path) => results[path]),
        ) as StepState<P>,
        loss: Array.from(results.loss.data, Number),
        gradNormSq: Array.from(results.gradNormSq.data, Number),
        seconds,
        pointAt: (t) => treeAt(results, "at", t),
        teleportAt: (t) => ({
          numbers: recordedAt(results["teleport.numbers"], t).data as Float64Array,
          ...(hasEnds(executable)
            ? { ends: { from: treeAt(results, "teleport.from", t), to: treeAt(results, "teleport.to", t) } }
            : {}),
        }),
      };
    },
    most: Math.min(mostPoints, mostSteps(graph, paths)),
    dispose: () => executable.dispose(),
  };
}

type Results = Readonly<Record<string, NdArray>>;

const hasEnds = ({ graph }: Executable): boolean =>
  graph.outputs.some(({ name }) => name === "teleport.from" || name.startsWith("teleport.from."));
