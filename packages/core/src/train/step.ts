// One training step as a graph: a teleport before it, loss and gradient, the optimizer's update.
import { dot, valueAndGrad } from "../graph/autodiff.js";
import type { Graph } from "../graph/graph.js";
import type { Tensor } from "../graph/tensor.js";
import { type Spec, type TensorsOf, trace } from "../graph/trace.js";
import { type Optimizer, type OptimizerState, trainedGradients } from "../optim/optimizer.js";
import { type CompileOptions, compile } from "../runtime/compile.js";
import type { Executable } from "../runtime/executable.js";
import { arraysOf, type TrainState } from "./state.js";

/** Loss of a batch: a scalar from the model's output and the labels. */
export type Loss = (output: Tensor, labels: Tensor) => Tensor;

/** Where a step begins. Traced. */
interface StepPlace<P, S> {
  readonly params: TensorsOf<P>;
  readonly state: TensorsOf<S>;
  readonly optimizer: OptimizerState;
}

/** What happens before a step, in its graph. */
export interface BeforeStep<P, S, I> {
  /** Types of its own inputs, `teleport.NAME` of the graph. */
  readonly inputs: Readonly<Record<string, Spec>>;
  /** Traced: what the step continues with, and outputs of its own, `teleport.NAME` of the graph. */
  trace(
    at: StepPlace<P, S>,
    given: TensorsOf<I>,
    own: Readonly<Record<string, Tensor>>,
  ): Pick<StepPlace<P, S>, "params" | "optimizer"> & { readonly outputs: Readonly<Record<string, unknown>> };
}

/**
 * @typeParam P tree of parameters
 * @typeParam S tree of the model's state
 * @typeParam I examples or specs of what a step reads besides, by name: data, learning rate, seed
 */
export interface StepParts<P, S, I> {
  /** Examples of parameters and states, of which only the types matter. */
  readonly start: Pick<TrainState<P, S>, "params" | "state" | "optimizer">;
  readonly inputs: I;
  /** Traced: the loss of the step's batch at parameters, and the model's state after it. */
  lossOf(
    given: TensorsOf<I>,
    state: TensorsOf<S>,
  ): (params: TensorsOf<P>) => { readonly value: Tensor; readonly state: TensorsOf<S> };
  rateOf(given: TensorsOf<I>): Tensor;
  readonly optimizer: Optimizer;
  /** Parameters whose gradients are 0, by their path; default none. */
  readonly isFrozen?: Optimizer["isFrozen"] | undefined;
  /** Whether the squared norm of the gradient, before it is clipped, is also an output. */
  readonly gradNorm: boolean;
  /** Whether the parameters at which the gradient is taken are an output, `at`. */
  readonly keepsPoints?: boolean | undefined;
  readonly before?: BeforeStep<P, S, I> | undefined;
}

/** Inputs: params, state, optimizer, those of the parts; outputs: the first three, loss, and those that the parts ask for. */
export function traceStep<P, S, I>({
  start,
  inputs,
  lossOf,
  rateOf,
  optimizer,
  isFrozen,
  gradNorm,
  keepsPoints = false,
  before,
}: StepParts<P, S, I>): Graph {
  const types = { ...start, ...inputs, teleport: before?.inputs ?? {} };
  const { graph } = trace(
    (all: StepPlace<P, S> & { readonly teleport: Readonly<Record<string, Tensor>> }) => {
      const given = all as unknown as TensorsOf<I>;
      const from = before?.trace(all, given, all.teleport) ?? { ...all, outputs: {} };
      const { params, optimizer: memory, outputs } = from;
      const lossAt = lossOf(given, all.state);
      let after = all.state;
      const gradientOf = valueAndGrad((at: TensorsOf<P>) => {
        const { value, state } = lossAt(at);
        after = state;
        return value;
      });
      const [loss, whole] = gradientOf(params);
      const gradients = trainedGradients(whole, { isFrozen });
      // An optimizer may ask for gradients elsewhere: the state is that of the parameters themselves.
      const next = after;
      const gradientAt = (at: TensorsOf<P>) => trainedGradients(gradientOf(at)[1], { isFrozen });
      const updated = optimizer.update(gradients, memory, params, rateOf(given), gradientAt);
      return {
        params: updated.params,
        state: next,
        optimizer: updated.state,
        loss,
        ...(gradNorm ? { gradNormSq: dot(gradients, gradients) } : {}),
        ...(keepsPoints ? { at: params } : {}),
        teleport: outputs,
      };
    },
    types as never,
  );
  return graph;
}

/** Compiles steps as a loop, in which `sequences` are the inputs that each step has of its own. */
export function compileSteps<P, S, I>(
  parts: StepParts<P, S, I>,
  sequences: readonly string[],
  compileOptions: Omit<CompileOptions, "scan">,
  graph = traceStep(parts),
): Promise<Executable> {
  const { start, before } = parts;
  const own = Object.keys(before?.inputs ?? {}).map((name) => `teleport.${name}`);
  return compile(graph, {
    ...compileOptions,
    // A teleport is a program in JavaScript.
    ...(before ? { runtime: "javascript" } : {}),
    scan: {
      carry: Object.fromEntries(Object.keys(arraysOf(start)).map((path) => [path, path])),
      sequences: [...sequences, ...own],
    },
  });
}
