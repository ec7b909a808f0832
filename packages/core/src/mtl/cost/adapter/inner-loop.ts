// The inner optimization of a teleport: Z. Zhou et al., NeurIPS 2025, arXiv 2503.04046, algorithm 1, inside a
// trust region, without which its objective is unbounded.

import { allocate, array, dtypeOf, isNdArray, type NdArray } from "../../../array.js";
import type { Batch, BatchTensors } from "../../../batch.js";
import { ShapeError } from "../../../errors.js";
import { valueAndGrad } from "../../../graph/autodiff.js";
import { add, div, maximum, mul, sub } from "../../../graph/ops/arithmetic.js";
import { greater, where } from "../../../graph/ops/compare.js";
import { abs, sqrt, square } from "../../../graph/ops/elementary.js";
import { constant } from "../../../graph/ops/leaf.js";
import { mean, sum } from "../../../graph/ops/reduce.js";
import { vectorOf } from "../../../graph/ops/slice.js";
import { formatShape, isTensor, type Tensor } from "../../../graph/tensor.js";
import { spec, trace } from "../../../graph/trace.js";
import type { Optimizer } from "../../../optim/optimizer.js";
import { type CompileOptions, compile } from "../../../runtime/compile.js";
import { flatten, namedArrays, unflattenNamed } from "../../../tree.js";
import type { Parts, SharedLosses } from "../shared-losses.js";
import type { Adapter, Factors } from "./adapter.js";
import type { Improve } from "./improve.js";
import { wholeGradient } from "./whole-gradient.js";

/**
 * A bound on the displacement of every tensor: ||D|| <= value ||W||, which keeps a tensor of zeros unchanged,
 * or ||D|| <= value; `false`: none.
 */
export type CostTrustRegion = { readonly kind: "relative" | "absolute"; readonly value: number } | false;

/** The problem for which an inner loop is compiled. */
export interface InnerProblem {
  readonly losses: SharedLosses;
  readonly tasks: number;
  /** Example parameters and batch, of which only shapes and dtypes matter. */
  readonly parts: Parts;
  readonly batch: Batch;
  /** Leaves of the shared parameters that training changes, whose gradients L_g is of; default: all. */
  readonly trained?: readonly number[] | undefined;
  readonly adapter: Adapter;
  readonly improve: Improve;
  /** Weight of L_t, and whether L_k* is that of each batch (default) or the mean of all. */
  readonly weight: number;
  readonly reference?: "batch" | "mean" | undefined;
  readonly optimizer: Optimizer;
  readonly trust: CostTrustRegion;
  readonly dtype: "float32" | "float64";
  readonly compileOptions: CompileOptions;
}

/** Batches that can be read more than once. */
export type Batches = Iterable<Batch> | AsyncIterable<Batch>;

/** The start of one run of the loop. */
export interface InnerStart {
  readonly parts: Parts;
  /** Batches for L_t, read in turn as often as there are steps, and L_k* on each, [K]. */
  readonly anchors: Batches;
  readonly frozen: readonly Float64Array[];
  readonly conflicting: Batch;
  /** R_k, [K]. */
  readonly balance: Float64Array;
  readonly learningRate: number;
  readonly steps: number;
  readonly seed: number;
}

/** Objective and terms at a step. */
export interface InnerValue {
  readonly value: number;
  readonly preserve: number;
  readonly improve: number;
}

export interface InnerEnd {
  /** D at every site. */
  readonly displacement: readonly NdArray[];
  /** Before the first and the last step; undefined without steps. */
  readonly first?: InnerValue | undefined;
  readonly last?: InnerValue | undefined;
}

export interface InnerLoop {
  run(start: InnerStart): Promise<InnerEnd>;
  dispose(): Promise<void>;
}

/** Number of batches of a loop that are in memory at once. */
const chunk = 8;

/** The batches of some steps by chunks, each with its first step; read again from the beginning where they end. */
async function* inChunks(
  anchors: Batches,
  steps: number,
): AsyncGenerator<{ readonly at: number; readonly batches: readonly Batch[] }> {
  let at = 0;
  let batches: Batch[] = [];
  while (at < steps) {
    for await (const batch of anchors) {
      batches.push(batch);
      if (batches.length < Math.min(chunk, steps - at)) continue;
      yield { at, batches };
      at += batches.length;
      batches = [];
      if (at >= steps) return;
    }
  }
}

/** What an array is, as a message says it. */
const kindOf = (part: NdArray | undefined): string =>
  part === undefined ? "missing" : `${dtypeOf(part)} ${formatShape(part.shape)}`;

/**
 * Stacks batches of equal arrays into one, with a leading axis of batches.
 *
 * @throws ShapeError when names, types or shapes differ
 */
export function stackedBatches(batches: readonly Batch[]): Batch {
  const stack = (name: string): NdArray => {
    const first = batches[0][name];
    for (const batch of batches) {
      const [one, other] = [first, batch[name]].map(kindOf);
      if (one !== other) {
        throw new ShapeError(
          `COST: batches must have equal arrays; "${name}" is ${one} in one and ${other} in another.`,
        );
      }
    }
    const size = first.data.length;
    const data = allocate(dtypeOf(first), batches.length * size) as Float64Array;
    batches.forEach((batch, i) => {
      data.set(batch[name].data as Float64Array, i * size);
    });
    return { shape: [batches.length, ...first.shape], data };
  };
  const names = new Set(batches.flatMap((batch) => Object.keys(batch)));
  return Object.fromEntries([...names].map((name) => [name, stack(name)]));
}

/** Compiles the training of an adapter's factors as one loop, and their displacement. */
export async function compileInnerLoop(problem: InnerProblem): Promise<InnerLoop> {
  const { losses, tasks, parts, batch, adapter, optimizer, trust, dtype } = problem;
  const objective = costObjective(losses, adapter, problem);
  const example = adapter.init(0);
  const first = optimizer.init(example);
  const vector = spec([tasks], dtype);
  const { graph } = trace(
    ({ factors, state, parts: at, rate, batch: b, ...rest }) => {
      const inputs = { ...rest, parts: at, batch: b };
      let terms = {};
      const [, gradients] = valueAndGrad((f: readonly Factors<Tensor>[]) => {
        const found = objective(f, inputs);
        terms = found;
        return found.value;
      })(factors);
      const updated = optimizer.update(gradients, state, factors, rate);
      const next = trust === false ? updated.params : inside(adapter, updated.params, at.shared, trust);
      return { factors: next, state: updated.state, ...terms };
    },
    {
      factors: example,
      state: first,
      parts,
      batch,
      conflicting: batch,
      frozen: vector,
      balance: vector,
      seed: spec([], "int64"),
      rate: spec([], dtype),
    },
  );
  const like = flatten<NdArray>({ factors: example, state: first }, isNdArray);
  const { paths } = like;
  const sequences = [...Object.keys(namedArrays({ batch })), "frozen", "seed"];
  const loop = await compile(graph, {
    ...problem.compileOptions,
    scan: { carry: Object.fromEntries(paths.map((path) => [path, path])), sequences },
  });
  const displaced = trace(({ factors }) => ({ D: adapter.displacement(factors) }), { factors: example });
  const displacement = await compile(displaced.graph, problem.compileOptions);

  return {
    async run({ anchors, frozen, steps, seed, learningRate, ...start }) {
      const fixed = {
        ...namedArrays({ parts: start.parts, conflicting: start.conflicting }),
        balance: array([...start.balance], dtype),
        rate: array(learningRate, dtype),
      };
      let factors = adapter.init(seed);
      let moving = namedArrays({ factors, state: optimizer.init(factors) });
      const values: InnerValue[] = [];
      for await (const { at, batches } of inChunks(anchors, steps)) {
        const results = await loop.run(
          {
            ...fixed,
            ...moving,
            ...namedArrays({ batch: stackedBatches(batches) }),
            frozen: array(
              batches.map((_, t) => [...frozen[(at + t) % frozen.length]]),
              dtype,
            ),
            seed: array(
              batches.map((_, t) => seed + at + t),
              "int64",
            ),
          },
          { steps: batches.length },
        );
        moving = Object.fromEntries(paths.map((path) => [path, results[path]]));
        const series = (name: string) => Array.from(results[name].data, Number);
        const [value, preserve, raised] = ["value", "preserve", "improve"].map(series);
        value.forEach((v, t) => {
          values.push({ value: v, preserve: preserve[t], improve: raised[t] });
        });
      }
      await loop.unload();
      factors = unflattenNamed<{ factors: typeof factors }>(like, moving).factors;
      const results = await displacement.run(namedArrays({ factors }));
      return {
        displacement: adapter.sites.map((_, i) => results[`D.${i}`]),
        ...(values.length > 0 ? { first: values[0], last: values[values.length - 1] } : {}),
      };
    },
    async dispose() {
      await loop.dispose();
      await displacement.dispose();
    },
  };
}

/** Scales factors so that their displacement stays inside the trust region. */
function inside(
  adapter: Adapter,
  factors: readonly Factors<Tensor>[],
  shared: unknown,
  { kind, value }: Exclude<CostTrustRegion, false>,
): readonly Factors<Tensor>[] {
  const weights = flatten(shared, isTensor).leaves;
  const D = adapter.displacement(factors);
  const by = adapter.sites.map(({ leaf }, i) => {
    const length = sqrt(sum(square(D[i])));
    const radius =
      kind === "relative" ? mul(value, sqrt(sum(square(weights[leaf])))) : constant(value, D[i].dtype);
    return where(greater(length, radius), div(radius, maximum(length, 1e-30)), 1);
  });
  return adapter.scaled(factors, by);
}

// Z. Zhou et al., NeurIPS 2025, arXiv 2503.04046, equations 6-10.

/** The inputs of the objective besides the adapter's factors. Traced. */
export interface ObjectiveInputs {
  readonly parts: Parts;
  /** Batch of this inner step, and L_k* on it, [K]. */
  readonly batch: BatchTensors;
  readonly frozen: Tensor;
  /** The batch with the conflict. */
  readonly conflicting: BatchTensors;
  /** R_k, [K]. */
  readonly balance: Tensor;
  /** Seed of the random directions, an int64 scalar. */
  readonly seed: Tensor;
}

export interface ObjectiveParts {
  /** weight L_t - gamma L_g, to be minimized. */
  readonly value: Tensor;
  /** L_t. */
  readonly preserve: Tensor;
  /** L_g; 0 without one. */
  readonly improve: Tensor;
}

/**
 * Fraction of a loss that may be rounding: the sign of a smaller difference is meaningless, but Adam would
 * follow it.
 */
const rounding = { float32: 1e-5, float64: 1e-12 };

/**
 * The objective of an adapter's training: keep the losses and improve L_g,
 *
 * weight L_t - gamma L_g,  L_t = mean_k |L_k(theta + D) - L_k*|
 *
 * Both terms are differentiated. With L_k* of the batch itself, L_t is 0 where only rounding differs: its derivative at D = 0
 * is zero. Traced.
 */
export function costObjective(
  losses: SharedLosses,
  adapter: Adapter,
  {
    weight,
    reference = "batch",
    improve,
    trained,
    dtype,
  }: Pick<InnerProblem, "weight" | "reference" | "improve" | "trained" | "dtype">,
): (factors: readonly Factors<Tensor>[], inputs: ObjectiveInputs) => ObjectiveParts {
  return (factors, { parts, batch, frozen, conflicting, balance, seed }) => {
    const D = adapter.displacement(factors);
    const moved = adapter.merge(parts.shared, D);
    const band = mul(rounding[dtype], abs(frozen));
    const change = (at: readonly Tensor[]): Tensor => {
      const here = vectorOf(losses({ ...parts, shared: adapter.merge(parts.shared, at) }, batch));
      const far = abs(sub(here, frozen));
      // A batch differs from the mean by more than rounding.
      return mean(reference === "mean" ? far : maximum(sub(far, band), 0));
    };
    const preserve = wholeGradient(change, D);
    const kept = mul(weight, preserve);
    if (improve.value === undefined) return { value: kept, preserve, improve: constant(0, dtype) };
    const raised = improve.value(moved, {
      losses: (shared) => losses({ ...parts, shared }, batch),
      conflicting: (shared, heads = parts.rest) =>
        losses({ ...parts, shared, rest: heads as Parts["rest"] }, conflicting),
      heads: parts.rest,
      balance,
      seed,
      trained,
      leaves: adapter.sites.map(({ leaf }) => leaf),
    });
    return { value: add(kept, mul(-improve.weight, raised)), preserve, improve: raised };
  };
}
