import type { Shape } from "../../array.js";
import type { BatchSpec } from "../../batch.js";
import { ShapeError } from "../../errors.js";
import { backward } from "../../graph/autodiff.js";
import type { Graph } from "../../graph/graph.js";
import { add, div, minimum, mul } from "../../graph/ops/arithmetic.js";
import { matmul } from "../../graph/ops/matmul.js";
import { sum } from "../../graph/ops/reduce.js";
import { reshape } from "../../graph/ops/reshape.js";
import { splitVector } from "../../graph/ops/slice.js";
import { stopGradient } from "../../graph/ops/stop-gradient.js";
import { isTensor, type Tensor } from "../../graph/tensor.js";
import { type Spec, spec, type TensorsOf, trace } from "../../graph/trace.js";
import { clipByGlobalNorm, globalNorm } from "../../optim/clip.js";
import type { Optimizer, OptimizerState } from "../../optim/optimizer.js";
import { reusedState } from "../../teleport/state/reused-state.js";
import { flatten, replaced, unflatten } from "../../tree.js";
import type { HeadAlignment } from "../method.js";
import {
  type CommonInputs,
  commonArguments,
  type Forward,
  forwardTasks,
  gradientOf,
  headGradients,
  type TaskParts,
} from "./forward.js";
import type { ParameterSplit } from "./parameter-split.js";

/**
 * How the shared gradient is computed:
 * - `weighted`: sum_k w_k L_k, differentiated again; inputs state, batch, seed, weights, headWeights;
 * - `combined`: J' w from kept rows; inputs jacobian, heads, weights, headWeights;
 * - `given`: d itself; inputs direction, heads, headWeights;
 * - `pulled`: a direction in the representation, pulled back; inputs state, batch, seed, direction, headWeights.
 */
export type UpdateKind = "weighted" | "combined" | "given" | "pulled";

export interface UpdateParts<P> extends TaskParts<P> {
  readonly kind: UpdateKind;
  readonly tasks: number;
  /** Size of a gradient: P, or the size of the representation. */
  readonly width: number;
  readonly optimizer: Optimizer;
  readonly optimizerState: OptimizerState;
  /** Largest norm of the shared gradient. */
  readonly clipNorm?: number | undefined;
  /** Whether the moments are those of historical trajectory reuse, with an input `reuse`. */
  readonly reuse?: boolean | undefined;
}

interface Gradients {
  /** In order of `split.shared`. */
  readonly shared: readonly Tensor[];
  /** In order of `split.heads`, the heads' weights included. */
  readonly heads: readonly Tensor[];
}

/** Types of the inputs of an update; of the optional ones, those of its kind. */
type InputTypes<P> = {
  readonly params: P;
  readonly state?: unknown;
  readonly batch?: BatchSpec;
  readonly seed?: Spec;
  readonly jacobian?: Spec;
  readonly heads?: readonly Spec[];
  readonly weights?: Spec;
  readonly headWeights: Spec;
  readonly direction?: Spec;
};

/** The same inputs during tracing. A kind reads only its own inputs. */
type Inputs<P> = TensorsOf<Required<InputTypes<P>>>;

/**
 * The shared gradient and the heads' as a graph, then clipping of the shared one and the optimizer's update.
 * Inputs: params, optimizer, learningRate, those of the kind, and `reuse`; outputs params, optimizer and `norm`, that of the
 * shared gradient before clipping.
 */
export function traceUpdate<P>(parts: UpdateParts<P>): Graph {
  const { kind, split, optimizer, optimizerState, clipNorm, dtype, reuse = false } = parts;
  const scalar = spec([], dtype);
  const { graph } = trace(
    (given) => {
      const gradients = gradientsBy[kind](parts, given as Inputs<P>);
      const shared = clipNorm === undefined ? gradients.shared : clipByGlobalNorm(gradients.shared, clipNorm);
      const tree = treeOf(given.params, split, { shared, heads: gradients.heads });
      const isShared = (path: string) => split.shared.includes(split.paths.indexOf(path));
      const state = given.reuse
        ? reusedState(optimizer, given.optimizer, tree, given.params, given.reuse, isShared)
        : given.optimizer;
      const updated = optimizer.update(tree, state, given.params, given.learningRate);
      return { params: updated.params, optimizer: updated.state, norm: globalNorm(gradients.shared) };
    },
    {
      optimizer: optimizerState,
      learningRate: scalar,
      ...(reuse ? { reuse: scalar } : {}),
      ...argumentsOf(parts),
    },
  );
  return graph;
}

/** The clipped gradient that an update would use, as a graph: `direction` [P] of the shared parameters. */
export function traceDirection<P>(parts: UpdateParts<P>): Graph {
  const { graph } = trace((given) => {
    const { shared } = gradientsBy[parts.kind](parts, given as Inputs<P>);
    const clipped = parts.clipNorm === undefined ? shared : clipByGlobalNorm(shared, parts.clipNorm);
    return Object.fromEntries(clipped.map((g, i) => [`${i}`, g]));
  }, argumentsOf(parts));
  return graph;
}

/** Names and types of the inputs of a kind of update, including the parameters. */
function argumentsOf<P>(parts: UpdateParts<P>): InputTypes<P> {
  const { kind, split, tasks, width, dtype } = parts;
  const perTask = spec([tasks], dtype);
  const heads = split.heads.map(({ leaf }) => spec(split.shapes[leaf], dtype));
  return {
    params: parts.params,
    ...(kind === "weighted" || kind === "pulled" ? commonArguments(parts) : { heads }),
    ...(kind === "combined" ? { jacobian: spec([tasks, width], dtype) } : {}),
    ...(kind === "given" || kind === "pulled" ? { direction: spec([width], dtype) } : { weights: perTask }),
    headWeights: perTask,
  };
}

const gradientsBy: Readonly<Record<UpdateKind, <P>(parts: UpdateParts<P>, given: Inputs<P>) => Gradients>> = {
  weighted: weightedGradients,
  combined({ split, tasks, width }, { jacobian, weights, heads, headWeights }) {
    const d = reshape(matmul(reshape(weights, [1, tasks]), jacobian), [width]);
    return { shared: splitVector(d, sharedShapes(split)), heads: scaled(heads, headWeights, split) };
  },
  given({ split }, { direction, heads, headWeights }) {
    return { shared: splitVector(direction, sharedShapes(split)), heads: scaled(heads, headWeights, split) };
  },
  pulled(parts, { direction, headWeights, ...inputs }) {
    const forward = forwardTasks(parts, inputs);
    const cotangents = splitVector(
      direction,
      forward.space.map(({ shape }) => shape),
    );
    return {
      shared: backward(forward.space, cotangents, forward.shared),
      heads: scaled(headGradients(parts, forward), headWeights, parts.split),
    };
  },
};

/** The gradients of sum_k w_k L_k in the shared parameters, and with weights of their own in the heads; and the losses. */
export function weightedGradients<P>(
  parts: TaskParts<P>,
  { weights, headWeights, ...inputs }: CommonInputs<P> & Record<"weights" | "headWeights", Tensor>,
): Gradients & Pick<Forward, "losses"> {
  const { headAlignment, split } = parts;
  const forward = forwardTasks(parts, inputs);
  const each = elements(weights);
  const heads = backward(forward.losses, elements(headWeights), forward.heads);
  return {
    losses: forward.losses,
    shared: backward(forward.losses, each, forward.shared),
    heads: headAlignment
      ? alignedHeads(forward, { ...headAlignment, split }, { weights: each, heads })
      : heads,
  };
}

/** The elements of a vector as scalars. */
const elements = (x: Tensor): Tensor[] => splitVector(x, Array(x.size).fill([]));

const scaled = (heads: readonly Tensor[], weights: Tensor, { heads: leaves }: ParameterSplit): Tensor[] => {
  const each = elements(weights);
  return heads.map((g, i) => mul(each[leaves[i].task], g));
};

const sharedShapes = ({ shared, shapes }: ParameterSplit): readonly Shape[] =>
  shared.map((leaf) => shapes[leaf]);

/** A tree like the parameters' of their gradients. */
export function treeOf<P>(params: TensorsOf<P>, split: ParameterSplit, gradients: Gradients): TensorsOf<P> {
  const { leaves, def } = flatten(params, isTensor);
  const places = [...split.shared, ...split.heads.map(({ leaf }) => leaf)];
  return unflatten(def, replaced(leaves, places, [...gradients.shared, ...gradients.heads])) as TensorsOf<P>;
}

/**
 * The heads' gradients with that of -lambda <delta_k, D> added to those of task k, which turns the gradients that the tasks send into
 * the representation toward each other: delta_k = dL_k/dz, D the sum or mean of w_j delta_j as a constant. What is added is clipped to
 * `limit` times the norm of the head's own gradient.
 *
 * z is one tensor for all tasks, or one of the same shape for each.
 *
 * @param weights w_k, scalars
 * @param heads gradients in order of `split.heads`
 * @throws ShapeError unless there is such a representation
 */
function alignedHeads(
  { losses, heads: leaves, representations = [] }: Forward,
  { split, lambda, limit, reduction }: HeadAlignment & { readonly split: ParameterSplit },
  { weights, heads }: { readonly weights: readonly Tensor[]; readonly heads: readonly Tensor[] },
): Tensor[] {
  const K = losses.length;
  const shapes = new Set(representations.map(({ shape }) => shape.join()));
  if (shapes.size !== 1 || ![1, K].includes(representations.length)) {
    throw new ShapeError(
      `Heads are aligned in a representation, one for all ${K} tasks or one of the same shape for each; got ${representations.length}${shapes.size > 1 ? " of different shapes" : ""}. Give the option representation.`,
    );
  }
  const deltas = losses.map(
    (loss, k) => gradientOf(loss, [representations[representations.length === 1 ? 0 : k]])[0],
  );
  const total = deltas.map((delta, k) => mul(weights[k], delta)).reduce((a, b) => add(a, b));
  const common = stopGradient(reduction === "sum" ? total : div(total, K));
  const out = heads.slice();
  deltas.forEach((delta, k) => {
    const own = split.heads.flatMap(({ task }, i) => (task === k ? [i] : []));
    if (own.length === 0) return;
    const agreement = mul(sum(mul(delta, common)), -lambda);
    const extra = gradientOf(
      agreement,
      own.map((i) => leaves[i]),
    );
    const most = mul(globalNorm(own.map((i) => heads[i])), limit);
    const factor = minimum(div(most, add(globalNorm(extra), 1e-6)), 1);
    own.forEach((i, j) => {
      out[i] = add(heads[i], mul(factor, extra[j]));
    });
  });
  return out;
}
